package hotspot

import (
	"fmt"
	"io"
)

// codeAlphabet has no characters that look alike on a printed voucher
// (0 O 1 I L).
const codeAlphabet = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"

const codeLength = 6

// Two short lists of plain words make 1,024 readable names.
var (
	nameFirst = [...]string{"Amber", "Azure", "Blue", "Brave", "Bright", "Calm", "Coral", "Crimson",
		"Early", "Fair", "Gentle", "Golden", "Green", "Happy", "Ivory", "Jolly", "Kind", "Lively", "Lucky", "Merry",
		"Misty", "Noble", "Olive", "Quick", "Quiet", "Rosy", "Silver", "Sunny", "Swift", "Violet", "Warm", "Wise"}
	nameLast = [...]string{"Badger", "Beaver", "Cedar", "Cricket", "Crane", "Dolphin", "Dove", "Falcon",
		"Fern", "Finch", "Fox", "Hare", "Heron", "Jasmine", "Juniper", "Lark", "Linden", "Lynx", "Maple", "Marten",
		"Meadow", "Otter", "Owl", "Pine", "Poppy", "Raven", "Robin", "Salmon", "Sparrow", "Swan", "Thrush", "Willow"}
)

// randomCode draws a code of six characters, each equally likely.
func randomCode(r io.Reader) (string, error) {
	const whole = 256 - 256%len(codeAlphabet) // bytes above would favour the first letters
	out := make([]byte, 0, codeLength)
	var b [16]byte
	for len(out) < codeLength {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", fmt.Errorf("draw a random code: %w", err)
		}
		for _, c := range b {
			if int(c) < whole && len(out) < codeLength {
				out = append(out, codeAlphabet[int(c)%len(codeAlphabet)])
			}
		}
	}
	return string(out), nil
}

// randomName draws a readable name such as "Amber Otter".
func randomName(r io.Reader) (string, error) {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return "", fmt.Errorf("draw a random name: %w", err)
	}
	return nameFirst[b[0]%32] + " " + nameLast[b[1]%32], nil
}
