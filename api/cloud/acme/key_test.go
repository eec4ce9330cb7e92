package acme

import "testing"

func TestParseKey(t *testing.T) {
	full := Key{"relay", "hmac-sha512", "c2VjcmV0"}
	for text, want := range map[string]Key{
		"key \"relay\" {\n\talgorithm hmac-sha512;\n\tsecret \"c2VjcmV0\";\n};\n": full,
		"key relay. { secret c2VjcmV0; algorithm HMAC-SHA512; };":                 full,
		"  c2VjcmV0\n": {Secret: "c2VjcmV0"},
		"":             {},
	} {
		if got := ParseKey(text); got != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
