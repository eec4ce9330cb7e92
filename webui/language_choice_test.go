package webui

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/fstest"
)

// otherLanguages are what a translator would add.
var otherLanguages = fstest.MapFS{
	"lang/de.json":    {Data: []byte(`{"name":"Deutsch","dir":"ltr","plural":"one-other","text":{"unit.b.one":"{n} Byte","unit.b.other":"{n} Byte","number.point":",","number.group":"."}}`)},
	"lang/pt-BR.json": {Data: []byte(`{"name":"Português","dir":"ltr","plural":"one-other","text":{}}`)},
	"lang/he.json":    {Data: []byte(`{"name":"עברית","dir":"rtl","plural":"other","text":{}}`)},
}

func TestOtherLanguages(t *testing.T) {
	ls, err := NewLanguages(otherLanguages)
	if err != nil {
		t.Fatal(err)
	}
	de := ls.Negotiate("de-CH, en;q=0.5")
	if got := de.Bytes(7) + ", " + de.Bytes(3<<19) + ", " + de.Number(-1234567); got != "7 Byte, 1,5 MB, -1.234.567" {
		t.Errorf("German with borrowed units: %q", got)
	}
	// A borrowed text is in the form of the language that it is borrowed from.
	if he := ls.Negotiate("he"); he.Dir != "rtl" || he.N("duration.day", 1) != "1 day" {
		t.Errorf("Hebrew: %+v", he)
	}
	var tags []string
	for _, l := range ls.All() {
		tags = append(tags, l.Tag)
	}
	if want := []string{"en", "ar", "de", "he", "it", "pt-BR"}; !equal(tags, want) {
		t.Errorf("%q, want %q", tags, want)
	}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestNegotiate(t *testing.T) {
	ls, err := NewLanguages(otherLanguages)
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]string{
		"":                                    "en",
		"*":                                   "en",
		"de":                                  "de",
		"de-AT-1996":                          "de",
		"it-CH, it;q=0.9, en;q=0.8":           "it",
		"it-CH, en;q=0.9, it;q=0.8":           "it",
		"ar-EG,ar;q=0.9,en-US;q=0.8,en;q=0.7": "ar",
		"ar-Arab-MA":                          "ar",
		"PT-br":                               "pt-BR",
		"pt":                                  "en",
		"fr, de;q=0.1":                        "de",
		"en;q=0.3, de;q=0.7":                  "de",
		"en;q=0.123, de;q=0.124":              "de",
		"it, ar":                              "it", // the same weight: the first
		"de;q=0":                              "en",
		"it-CH, it;q=0, de;q=0.1":             "de",
		"en;q=0, *;q=0.5":                     "ar", // any other
		"en;q=0, *;q=0":                       "en", // rather that than nothing
		"fr, *;q=0.5":                         "en",
		"fr, *;q=0.5, it;q=0.4":               "en",
		"de;q=2":                              "en",
		"de;q=1.001":                          "en",
		"de;q=1.000":                          "de",
		"de;q=0.1234":                         "en",
		"de;q=1e-1":                           "en",
		"de;q=-0":                             "en",
		"de;q=0.+5":                           "en",
		"de;Q=0.":                             "en",
		"de;Q=1.":                             "de",
		"de;q=NaN, ar;q=0.2":                  "ar",
		"de;q=, en":                           "en",
		" ar ; q=1.0 , de":                    "ar",
		"\tar\t;\tq=1":                        "ar",
		"de;level=1":                          "en",
		",,it":                                "it",
		"x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,de":  "en", // beyond what is read
	} {
		if got := ls.Negotiate(accept).Tag; got != want {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
	}
}

// TestFor: an address that names a language counts more than the browser.
func TestFor(t *testing.T) {
	ls := languages(t)
	for _, c := range []struct {
		address     string
		accept      []string
		tag, chosen string
	}{
		{"/", nil, "en", ""},
		{"/", []string{"it"}, "it", ""},
		{"/", []string{"fr;q=0.2", "it;q=0.1, ar"}, "ar", ""},
		{"/?lang=AR", []string{"it"}, "ar", "ar"},
		{"/?lang=en", []string{"it"}, "en", "en"},
		{"/?lang=it-CH", nil, "en", ""},
		{"/?lang=../etc", []string{"it"}, "it", ""},
		{"/?lang=", []string{"it"}, "it", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, c.address, nil)
		r.Header["Accept-Language"] = c.accept
		if l, chosen := ls.For(r); l.Tag != c.tag || chosen != c.chosen {
			t.Errorf("%s, %q: %s, chosen %q; want %s, %q", c.address, c.accept, l.Tag, chosen, c.tag, c.chosen)
		}
	}
}

func TestLinks(t *testing.T) {
	ls := languages(t)
	query := url.Values{"code": {"a b"}, LanguageField: {"it"}}
	got := ls.Links(ls.find("ar"), "/welcome", query)
	want := []LanguageLink{
		{"en", "ltr", "English", URL{href: "/welcome?code=a+b&lang=en"}, false},
		{"ar", "rtl", "العربية", URL{href: "/welcome?code=a+b&lang=ar"}, true},
		{"it", "ltr", "Italiano", URL{href: "/welcome?code=a+b&lang=it"}, false},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if fmt.Sprint(got[i]) != fmt.Sprint(want[i]) {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	if query.Get(LanguageField) != "it" {
		t.Error("the query was changed")
	}
	if a, b := (Page{}).To("/x").Href(), (Page{Chosen: "it"}).To("/x").Href(); a != "/x" || b != "/x?lang=it" {
		t.Errorf("%s, %s", a, b)
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add("de-CH, en;q=0.5, *;q=0")
	f.Add("-,--,;q=;=,")
	f.Add("*;q=0.999,ar;q=0,it-;q=1.0000")
	ls, err := NewLanguages(otherLanguages)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		if ls.Negotiate(accept) == nil {
			t.Fatal("no language")
		}
		for _, w := range wishes(accept) {
			if w.quality < 0 || w.quality > 1000 {
				t.Fatalf("%q has quality %d", w.tag, w.quality)
			}
		}
	})
}
