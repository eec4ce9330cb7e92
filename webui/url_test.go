package webui

import (
	"net/url"
	"strings"
	"testing"
)

func TestLocal(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "/status": "/status", "/a b\"<": "/a%20b%22%3C", "/a?b#c": "/a%3Fb%23c",
		"": "#", "status": "#", "//a.example": "#", "/\\a.example": "#", "/\t/a.example": "#", "javascript:alert(1)": "#", "http://a.example/": "#",
	} {
		if got := Local(path, nil).Href(); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	if got, want := Local("/s", url.Values{"u": {"http://a.example/?b=1&c"}}).Href(), "/s?u=http%3A%2F%2Fa.example%2F%3Fb%3D1%26c"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOutside(t *testing.T) {
	for address, want := range map[string]string{
		"http://a.example": "http://a.example", "HTTPS://a.example/?b=c&d#e": "https://a.example/?b=c&d#e",
		"http://a.example/\"><b>": "http://a.example/%22%3E%3Cb%3E",
		"javascript:alert(1)":     "#", "java\nscript:alert(1)": "#", " javascript:alert(1)": "#", "data:text/html,x": "#",
		"//a.example/": "#", "/path": "#", "": "#", "http:": "#", "http:a.example": "#", "http://u:p@a.example/": "#", "ftp://a.example/": "#",
	} {
		if got := Outside(address).Href(); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

// FuzzURL: whatever it is made of, an address is a path of this host or has a
// scheme of the web, and reads the same to whoever parses it.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"/", "//a", "/\\a", "javascript:x", "http://a/", "https://[::1]/%zz", "\x00/", "/\u2028/", "http://a\\@b/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if h := Local(s, nil).Href(); h != "#" && (!strings.HasPrefix(h, "/") || strings.HasPrefix(h, "//") || strings.ContainsAny(h, "\\\"'<> \x00\n\t")) {
			t.Errorf("local %q: %q", s, h)
		}
		h := Outside(s).Href()
		if h == "#" {
			return
		}
		if !strings.HasPrefix(h, "http://") && !strings.HasPrefix(h, "https://") {
			t.Errorf("outside %q: %q", s, h)
		}
		if again := Outside(h).Href(); again != h {
			t.Errorf("outside %q: %q, then %q", s, h, again)
		}
	})
}
