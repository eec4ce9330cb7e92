package hotspot

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"
)

func TestValidityList(t *testing.T) {
	all := Validities()
	if len(all) != 1+23+30+11 {
		t.Errorf("%d values", len(all))
	}
	for _, v := range all {
		got, err := ParseValidity(v.String())
		if err != nil || got != v {
			t.Errorf("%q: %v, %v", v, got, err)
		}
	}
	for _, bad := range []string{"", "1", "hour", "0 hours", "1 hours", "2 hour", "24 hours", "1 days", "31 days", "36 days", "366 days",
		"3 weeks", "01 day", "+1 day", " 1 day", "1 day ", "1  day", "Always", "1 Day", "1.5 hours", "-1 day", "99999999999999999999 days", "1 dayx", "1 h"} {
		if v, err := ParseValidity(bad); err == nil {
			t.Errorf("%q is accepted as %v", bad, v)
		}
	}
}

func FuzzParseValidity(f *testing.F) {
	for _, s := range []string{"always", "1 hour", "23 hours", "365 days", "1 days"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := ParseValidity(s); err == nil && (v.String() != s || !v.listed() && v != Always) {
			t.Errorf("%q is accepted as %v", s, v)
		}
	})
}

func TestMAC(t *testing.T) {
	m, err := ParseMAC("aa-bb-CC-dd-0e-f1")
	if err != nil || m.String() != "AA:BB:CC:DD:0E:F1" {
		t.Errorf("%v, %v", m, err)
	}
	for _, bad := range []string{"", "aa:bb:cc:dd:ee", "aa:bb:cc:dd:ee:fg", "aa:bb-cc:dd:ee:ff", "aabb.ccdd.eeff", "aa:bb:cc:dd:ee:ff ", "aaxbbxccxddxeexff"} {
		if m, err := ParseMAC(bad); err == nil {
			t.Errorf("%q is accepted as %v", bad, m)
		}
	}
}

func FuzzParseMAC(f *testing.F) {
	f.Add("02:00:5E:10:00:01")
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := ParseMAC(s); err == nil && !strings.EqualFold(strings.ReplaceAll(s, "-", ":"), m.String()) {
			t.Errorf("%q became %v", s, m)
		}
	})
}

func TestAccountID(t *testing.T) {
	for _, m := range Methods() {
		a := AccountID{m, 1<<64 - 1}
		if got, err := ParseAccountID(a.String()); err != nil || got != a {
			t.Errorf("%v: %v, %v", a, got, err)
		}
	}
	for _, bad := range []string{"", "v", "x1", "v-1", "v18446744073709551616", "43"} {
		if a, err := ParseAccountID(bad); err == nil {
			t.Errorf("%q is accepted as %v", bad, a)
		}
	}
}

func TestRandomCodes(t *testing.T) {
	seen := make(map[rune]bool)
	for range 2000 {
		c, err := randomCode(rand.Reader)
		if err != nil || len(c) != 6 || strings.ContainsAny(c, "0O1IL") {
			t.Fatalf("%q, %v", c, err)
		}
		for _, r := range c {
			seen[r] = true
		}
	}
	if len(seen) != len(codeAlphabet) {
		t.Errorf("only %d of %d characters are drawn", len(seen), len(codeAlphabet))
	}
	if _, err := randomCode(bytes.NewReader(nil)); err == nil {
		t.Error("a code without randomness")
	}
}

func TestSettingsRoundTrip(t *testing.T) {
	set := DefaultSettings()
	for _, k := range SettingKeys() {
		if got := k.get(&set); got != k.Default {
			t.Errorf("%s: default %q reads as %q", k.Key, k.Default, got)
		}
		if k.Doc == "" || k.Kind == "" {
			t.Errorf("%s is not described", k.Key)
		}
		if k.Kind != "text" {
			for _, bad := range []string{"", "nonsense", "-1", "1e9", "99999999999999999999"} {
				if err := k.set(&set, bad); err == nil {
					t.Errorf("%s takes %q", k.Key, bad)
				}
			}
		}
	}
	got, errs := loadSettings(map[string]string{"api.post": "on", "voucher.devices": "many", "of.tomorrow": "1"})
	if !got.APIPost || got.VoucherDevices != 1 || len(errs) != 1 {
		t.Errorf("%+v, %v", got, errs)
	}
}

func TestUsageNeverNegative(t *testing.T) {
	if got := (Usage{1, 5}).Sub(Usage{2, 3}); got != (Usage{0, 2}) {
		t.Errorf("%v", got)
	}
}

// TestTimekeeperTable walks the timekeeper through starts of every kind.
func TestTimekeeperTable(t *testing.T) {
	last := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	mark := ClockMark{Time: last, Wall: last, Mono: time.Hour, Boot: "a", Believed: true}
	for name, c := range map[string]struct {
		mark ClockMark
		r    Reading
		now  time.Time
		ok   bool
		step step
	}{
		"fresh, no clock":    {ClockMark{}, Reading{Wall: time.Unix(0, 0)}, oldest, false, step{}},
		"fresh, some clock":  {ClockMark{}, Reading{Wall: last}, last, false, step{}},
		"fresh, synced":      {ClockMark{}, Reading{Wall: last, Synced: true}, last, true, step{Believed: true}},
		"restart":            {mark, Reading{Wall: last.Add(time.Minute), Mono: time.Hour + time.Minute, Boot: "a"}, last.Add(time.Minute), true, step{}},
		"boot in 1970":       {mark, Reading{Wall: time.Unix(9, 0), Boot: "b"}, last, false, step{}},
		"boot at last write": {mark, Reading{Wall: last.Add(time.Second), Boot: "b"}, last, false, step{}},
		"boot, battery":      {mark, Reading{Wall: last.Add(time.Hour), Boot: "b", Kept: true}, last.Add(time.Hour), true, step{Provisional: time.Hour, Believed: true}},
		"boot, bad battery":  {mark, Reading{Wall: last.Add(-time.Hour), Boot: "b", Kept: true}, last, false, step{}},
		"boot, far battery":  {mark, Reading{Wall: last.AddDate(9, 0, 0), Boot: "b", Kept: true}, last, false, step{}},
		"boot, synced":       {mark, Reading{Wall: last.Add(48 * time.Hour), Boot: "b", Synced: true}, last.Add(48 * time.Hour), true, step{Provisional: 48 * time.Hour, Believed: true}},
	} {
		k := newTimekeeper(c.mark, c.r)
		st := k.observe(c.r)
		if got := k.now(c.r); !got.Equal(c.now) || k.believed != c.ok || st != c.step {
			t.Errorf("%s: %v believed %v %+v, want %v %v %+v", name, got, k.believed, st, c.now, c.ok, c.step)
		}
	}
}
