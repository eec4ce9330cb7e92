package account

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// FuzzViews puts hostile texts where people's words stand.
func FuzzViews(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := &struct{ Host string }{"x"}
		pagetest.Injection(t, s, v, func() string { return "<p>" + code(v.Host) + "</p>" })
	})
}

// FuzzCookie: what was not sealed here opens nothing, whatever is left of what
// was: a part of the good cookie has been replaced by the input.
func FuzzCookie(f *testing.F) {
	// A secret for this process only: what another one of the fuzzer's processes
	// has sealed is a good cookie there, not here.
	s, err := newSealer(random(32))
	if err != nil {
		f.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0)
	good := s.seal("TOKEN", at)
	if token, ok := s.open(good, at); !ok || token != "TOKEN" {
		f.Fatal(token)
	}
	f.Add("", uint8(0), uint8(0))
	f.Add("A", uint8(0), uint8(255))
	f.Add("AAAA", uint8(255), uint8(255))
	f.Add("A", uint8(7), uint8(8))
	f.Add("", uint8(0), uint8(1))
	f.Add("\n", uint8(9), uint8(9))
	f.Fuzz(func(t *testing.T, v string, from, to uint8) {
		i := min(int(from), len(good))
		j := max(i, min(int(to), len(good)))
		v = good[:i] + v + good[j:]
		if token, ok := s.open(v, at); ok && (v != good || token != "TOKEN") {
			t.Errorf("%q opens %q", v, token)
		}
	})
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
