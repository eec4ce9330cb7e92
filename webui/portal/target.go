package portal

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/webui"
)

// maxTarget bounds the address of a page that a guest wanted to see.
const maxTarget = 1024

// target is the page that a guest wanted when it was caught. It is offered as
// a link after login, with its host shown; nobody is ever sent there unasked.
type target struct {
	URL  string
	Host string
}

// Href is the target's address for a link.
func (t target) Href() string { return webui.Outside(t.URL).Href() }

// target judges an address that came with a request: absolute, http or https,
// without credentials, and not the portal itself.
func (p *portal) target(s string) target {
	t, ok := parseTarget(s)
	if !ok {
		return target{}
	}
	if host, _ := splitHost(t.Host); p.isOwnHost(host) {
		return target{}
	}
	return t
}

func parseTarget(s string) (target, bool) {
	if s == "" || len(s) > maxTarget {
		return target{}, false
	}
	for i := range len(s) {
		// Browsers send ASCII only; a backslash means different things to
		// different readers of addresses.
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '\\' {
			return target{}, false
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.User != nil || !validHost(u.Host) {
		return target{}, false
	}
	u.Fragment, u.RawFragment = "", ""
	return target{u.String(), u.Host}, true
}

// validHost reports whether a Host header or an authority is a name or an
// address with at most a port, in the characters that names are made of.
func validHost(hostport string) bool {
	host, port := splitHost(hostport)
	if strings.HasSuffix(hostport, ":") {
		return false
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return false
		}
	}
	if strings.HasPrefix(hostport, "[") {
		a, err := netip.ParseAddr(host)
		return err == nil && a.Is6() && a.Zone() == ""
	}
	return validName(host)
}

func validName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// requested is the address of a caught request as the guest's device had it.
func requested(r *http.Request) (string, bool) {
	if r.Method == http.MethodConnect || !validHost(r.Host) || !strings.HasPrefix(r.URL.Path, "/") && r.URL.Path != "" {
		return "", false
	}
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath,
		ForceQuery: r.URL.ForceQuery, RawQuery: r.URL.RawQuery}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), true
}
