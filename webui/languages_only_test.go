package webui

import "testing"

// TestOnly: a page offers some languages, one of them to whoever wants none.
func TestOnly(t *testing.T) {
	ls := languages(t)
	for _, c := range []struct {
		tags   []string
		last   string
		offers string
		accept map[string]string
	}{
		{nil, "en", "en ar it", map[string]string{"de": "en", "it": "it"}},
		{nil, "it", "it ar en", map[string]string{"de": "it", "en-GB": "en", "": "it"}},
		{[]string{"it", "AR"}, "ar", "ar it", map[string]string{"en": "ar", "it": "it"}},
		{[]string{"it", "en"}, "ar", "it en", map[string]string{"ar": "it"}},
		{[]string{"tlh", "it"}, "tlh", "it", map[string]string{"en": "it"}},
		{[]string{"tlh"}, "tlh", "en ar it", map[string]string{"it": "it"}},
	} {
		some, offers := ls.Only(c.tags, c.last), ""
		for _, l := range some.All() {
			offers += " " + l.Tag
		}
		if offers != " "+c.offers {
			t.Errorf("%q, %s: offers%s, want %s", c.tags, c.last, offers, c.offers)
		}
		for accept, want := range c.accept {
			if got := some.Negotiate(accept).Tag; got != want {
				t.Errorf("%q, %s: for %q %s, want %s", c.tags, c.last, accept, got, want)
			}
		}
	}
	if got := ls.Only([]string{"it"}, "it").Default().T("no.such"); got != "no.such" {
		t.Error(got)
	}
}
