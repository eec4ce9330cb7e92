package store

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestUnknownFields: a record of a newer program of the same schema.
func TestUnknownFields(t *testing.T) {
	v := voucher(1)
	v.ID = 7
	e := encoder{encodeVoucher(&v)}
	e.varint(900, 1<<63)
	e.string(901, strings.Repeat("new", 100))
	e.string(20, "between")
	var got hotspot.Voucher
	if err := decodeVoucher(7, string(e.b), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v, got); d != "" {
		t.Error(d)
	}
}

func TestDecodeRubbish(t *testing.T) {
	for name, b := range map[string]string{
		"field 0":         "\x00\x01",
		"only a tag":      "\x02",
		"endless varint":  "\x02" + strings.Repeat("\xff", 11),
		"65 bits":         "\x02" + strings.Repeat("\xff", 9) + "\x02",
		"text too long":   "\x03\x05abc",
		"huge text":       "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"MAC of 5 bytes":  "\x19\x05abcde",
		"devices too big": "\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
		"spent too big":   "\x4c\xff\x7f",
	} {
		var v hotspot.Voucher
		if err := decodeVoucher(1, b, &v); err == nil {
			t.Errorf("%s: taken as %+v", name, v)
		}
	}
}

func TestSeal(t *testing.T) {
	key := []byte("key")
	v := seal(bktVouchers, key, []byte("body"))
	if body, err := unseal(bktVouchers, key, v); err != nil || body != "body" {
		t.Errorf("%q, %v", body, err)
	}
	for i := range len(v) * 8 {
		bad := bytes.Clone(v)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := unseal(bktVouchers, key, bad); err == nil {
			t.Errorf("bit %d went unseen", i)
		}
	}
	for _, err := range []error{
		second(unseal(bktUsers, key, v)),
		second(unseal(bktVouchers, []byte("kex"), v)),
		second(unseal(bktVouchers, key, v[:3])),
		second(unseal(bktVouchers, key, nil)),
	} {
		if err == nil {
			t.Error("taken")
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestSizes holds the sizes that the package's documentation states.
func TestSizes(t *testing.T) {
	v := voucher(1)
	fresh := len(encodeVoucher(&v)) + sealSize
	v.FirstUse, v.LastUse, v.Started = at().Add(time.Hour), at().Add(30*time.Hour), at().Add(time.Hour)
	v.Bound = []hotspot.MAC{{2, 0, 0x5e, 0x10, 0, 1}}
	v.Used = hotspot.Usage{Down: 700 << 20, Up: 50 << 20}
	used := len(encodeVoucher(&v)) + sealSize
	s := hotspot.Session{
		Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 4711}, Login: v.Username, MAC: v.Bound[0],
		Addrs:   []netip.Addr{netip.MustParseAddr("192.168.0.77"), netip.MustParseAddr("fd00::1234")},
		Started: at(), Used: v.Used, Deadline: at().Add(24 * time.Hour), DeadlineReason: hotspot.EndExpired,
	}
	open := len(encodeSession(&s)) + sealSize
	s.Ended, s.Reason = at().Add(3*time.Hour), hotspot.EndIdle
	closed := len(encodeSession(&s)) + sealSize
	t.Logf("bytes: fresh voucher %d, used %d, open session %d, closed %d", fresh, used, open, closed)
	if fresh > 64 || used > 104 || open > 80 || closed > 88 {
		t.Error("records have grown: correct the documentation, or the encoding")
	}
}

func TestFold(t *testing.T) {
	words := []string{"", "abc", "ABC", "straße", "STRASSE", "ſ", "S", "s", "K", "\u212a", "k", "İ", "i", "ı", "I",
		"Σ", "σ", "ς", "\ufffd", "ǅ", "ǆ", "Ǆ", "µ", "μ", "ẞ", "ß"}
	for _, a := range words {
		for _, b := range words {
			if got, want := fold(a) == fold(b), strings.EqualFold(a, b); got != want {
				t.Errorf("%q and %q: %v, want %v", a, b, got, want)
			}
		}
	}
	// What is not UTF-8 stays apart, also from the character that stands for it.
	rubbish := []string{"\xff", "\xfe", "\xffa", "\xffb", "a\xc3", "\xc3a", "\ufffda"}
	for i, a := range rubbish {
		for j, b := range rubbish {
			if (fold(a) == fold(b)) != (i == j) {
				t.Errorf("%q and %q: %q and %q", a, b, fold(a), fold(b))
			}
		}
	}
	if fold("\xffA\xc3") != fold("\xffa\xc3") {
		t.Error("rubbish keeps its neighbours from being folded")
	}
}

func FuzzRecords(f *testing.F) {
	v := voucher(1)
	v.Bound = []hotspot.MAC{{1}, {2}}
	f.Add(encodeVoucher(&v))
	u := hotspot.User{Key: "k", Created: at(), MAC: hotspot.MAC{1}}
	f.Add(encodeUser(&u))
	s := hotspot.Session{Account: v.Account(), Addrs: []netip.Addr{netip.MustParseAddr("fe80::1%a")}, Started: at(), Reason: "x"}
	f.Add(encodeSession(&s))
	d := hotspot.Device{Account: v.Account(), LastReason: hotspot.EndIdle}
	f.Add(encodeDevice(&d))
	m := hotspot.ClockMark{Time: at(), Boot: "x", Mono: 5}
	f.Add(encodeClockMark(&m))
	row := hotspot.AuditRow{Time: at(), Actor: hotspot.Actor{Kind: hotspot.ActorKey, Name: "x"}, Changes: []hotspot.Change{{}, {Field: "a", Old: "b"}}}
	f.Add(encodeAudit(&row))
	event := hotspot.Event{ID: "x", Data: []byte("{}"), To: []hotspot.EventTarget{{Endpoint: "a", Attempts: 1, Next: at()}, {}}}
	f.Add(encodeEvent(&event))
	day := hotspot.Day{Through: 3, Hours: []hotspot.Hour{{Start: at(), Used: hotspot.Usage{Down: 1, Up: 2}, Logins: hotspot.Logins{1, 2, 3, 4, 5}, Peak: 3}, {}},
		Accounts: []hotspot.AccountUse{{Account: hotspot.AccountID{Method: "voucher", ID: 2}, Used: hotspot.Usage{Down: 1}}, {}}}
	f.Add(encodeDay(&day))
	blocked := hotspot.BlockedDevice{Since: at(), By: "x", Note: "n", Login: "l", Name: "p"}
	f.Add(encodeBlocked(&blocked))
	f.Fuzz(func(t *testing.T, b []byte) {
		body := string(b)
		again(t, body, func(b string, v *hotspot.Voucher) error { return decodeVoucher(1, b, v) }, encodeVoucher)
		again(t, body, func(b string, u *hotspot.User) error { return decodeUser("m", 1, b, u) }, encodeUser)
		again(t, body, func(b string, s *hotspot.Session) error { return decodeSession(1, b, s) }, encodeSession)
		again(t, body, func(b string, d *hotspot.Device) error { return decodeDevice(hotspot.MAC{1}, b, d) }, encodeDevice)
		again(t, body, decodeClockMark, encodeClockMark)
		again(t, body, func(b string, r *hotspot.AuditRow) error { return decodeAudit(1, b, r) }, encodeAudit)
		again(t, body, func(b string, e *hotspot.Event) error { return decodeEvent(1, b, e) }, encodeEvent)
		again(t, body, func(b string, d *hotspot.Day) error { return decodeDay(1, false, b, d) }, encodeDay)
		again(t, body, func(body string, b *hotspot.BlockedDevice) (err error) {
			*b, err = decodeBlocked(make([]byte, len(b.MAC)), body)
			return err
		}, encodeBlocked)
		_, _ = auditTime(body)
		_, _ = decodeText(body)
		_, _ = decodeNumber(body)
		_, _ = sessionEnd(body)
	})
}

// again checks that what was decoded survives being encoded.
func again[T any](t *testing.T, body string, decode func(string, *T) error, encode func(*T) []byte) {
	t.Helper()
	var one, two T
	if decode(body, &one) != nil {
		return
	}
	first := encode(&one)
	if err := decode(string(first), &two); err != nil {
		t.Fatalf("%+v cannot be decoded again: %v", one, err)
	}
	if second := encode(&two); !bytes.Equal(first, second) {
		t.Errorf("first %x, then %x", first, second)
	}
}
