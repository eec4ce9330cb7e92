package peer

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// FuzzCall: headers that are a call name one router, one client and this relay,
// and what a relay writes is read as it was meant.
func FuzzCall(f *testing.F) {
	f.Add("abcdefgh", "n1-abcdefgh", "192.0.2.1", false)
	f.Add("abcdefghabcdefgh", "n1-abcdefgh", "2001:db8::1", true)
	for _, s := range []string{"", "../x", "ABC", strings.Repeat("a", 33), "a\x00b", "a,b", "1.2.3.4%eth0", "::ffff:1.2.3.4", "fe80::1%1"} {
		f.Add(s, "n1-abcdefgh", s, false)
		f.Add("abcdefgh", s, "192.0.2.1", true)
	}
	f.Fuzz(func(t *testing.T, router, to, client string, twice bool) {
		h := http.Header{}
		h.Set(routerHeader, router)
		h.Set(toHeader, to)
		h.Set(tunnel.ClientHeader, client)
		if twice {
			h.Add(routerHeader, "abcdefgh")
		}
		for _, moved := range []bool{false, true} {
			c, err := readCall(h, "n1-abcdefgh", moved)
			if err != nil {
				if c != (Call{}) {
					t.Errorf("%+v with %v", c, err)
				}
				continue
			}
			if twice || c.Router != router || !isRouter(router) || to != "n1-abcdefgh" || moved == c.Client.IsValid() || c.Client.Zone() != "" {
				t.Errorf("%q %q %q became %+v", router, to, client, c)
			}
			again := http.Header{}
			c.set(again, to)
			if same, err := readCall(again, to, moved); err != nil || same != c {
				t.Errorf("%+v became %+v, %v", c, same, err)
			}
		}
	})
}

// FuzzOutcome: only the one word says that an answer is the router's.
func FuzzOutcome(f *testing.F) {
	for _, o := range []Outcome{Answered, NotHere, Busy, Late, Ended, Odd, "", "Answered", "answered "} {
		f.Add(string(o), "n1-abcdefgh", false)
		f.Add(string(o), "\r\n", true)
	}
	f.Fuzz(func(t *testing.T, outcome, elsewhere string, twice bool) {
		h := http.Header{outcomeHeader: {outcome}, elsewhereHeader: {elsewhere}}
		if twice {
			h.Add(outcomeHeader, string(Answered))
		}
		err := readOutcome(h)
		if (err == nil) != (outcome == string(Answered) && !twice) {
			t.Errorf("%q, twice %v: %v", outcome, twice, err)
		}
		if e, ok := err.(*NotHereError); ok && e.Elsewhere != "" && !IsNode(e.Elsewhere) {
			t.Errorf("%q", e.Elsewhere)
		}
	})
}
