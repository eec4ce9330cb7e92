package account

import (
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

// FuzzCookie: what was not sealed here opens nothing.
func FuzzCookie(f *testing.F) {
	s, err := newSealer(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0)
	good := s.seal("TOKEN", at)
	if token, ok := s.open(good, at); !ok || token != "TOKEN" {
		f.Fatal(token)
	}
	for _, v := range []string{"", "A", good + "A", good[1:], "AAAA"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if token, ok := s.open(v, at); ok && (v != good || token != "TOKEN") {
			t.Errorf("%q opens %q", v, token)
		}
	})
}
