package portal

import (
	"net/url"
	"strings"
	"testing"
)

func TestTarget(t *testing.T) {
	p := &portal{cfg: newVenue(t, func(v *venue) { v.cfg.Names = []string{"login.example"} }).cfg}
	for in, host := range map[string]string{
		"http://example.com/news?a=1#part":          "example.com",
		"https://example.com:8443/":                 "example.com:8443",
		"http://[2001:db8::1]/x":                    "[2001:db8::1]",
		"http://xn--bcher-kva.example/":             "xn--bcher-kva.example",
		"":                                          "",
		"/status":                                   "",
		"//example.com/":                            "",
		"javascript:alert(1)":                       "",
		"data:text/html,x":                          "",
		"http:example.com":                          "",
		"http://user:pw@example.com/":               "",
		"http://example.com\\@evil.example/":        "",
		"http://example.com/\n":                     "",
		"http://bücher.example/":                    "",
		"http://exa mple.com/":                      "",
		"http://-_-.example/":                       "-_-.example",
		"http://example..com/":                      "",
		"http://example.com:0/":                     "",
		"http://example.com:65536/":                 "",
		"http://192.168.0.1/":                       "", // ourselves
		"http://192.168.0.1:2050/logout":            "",
		"http://[fd00:1::1]:2050/":                  "",
		"http://LOGIN.example./":                    "",
		"ftp://example.com/":                        "",
		"http://example.com/%zz":                    "",
		"http://e.com/" + strings.Repeat("a", 2000): "",
	} {
		if got := p.target(in); got.Host != host {
			t.Errorf("%q: host %q, want %q", in, got.Host, host)
		}
	}
}

// FuzzTarget: whatever is accepted is an address that a browser reads as we do.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"http://example.com/", "https://[::1]:1/?#", "http://a:b@c/", "http://a%41/", "HTTP://X"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := parseTarget(in)
		if !ok {
			return
		}
		u, err := url.Parse(got.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host != got.Host || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q became %+v (%v)", in, got, err)
		}
		if strings.ContainsAny(got.Host, "/\\@?#%<>\"' ") || len(got.URL) > 3*maxTarget {
			t.Fatalf("%q has host %q", in, got.Host)
		}
		if again, ok := parseTarget(got.URL); ok && again != got {
			t.Fatalf("%+v read again is %+v", got, again)
		}
	})
}
