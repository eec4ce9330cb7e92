package webui

import (
	"net/url"
	"strings"
)

// URL is an address that may stand in a link, a form or an image: a path of
// the same host, or a page elsewhere on the web. No other kind can be made, so
// that nothing typed by a guest becomes "javascript:" or leads astray. The zero
// URL leads nowhere.
type URL struct {
	// Two addresses are never compared, and so neither are the many views that
	// hold one: the compiler writes no code for it, 200 bytes for each of them.
	_    [0]func()
	href string
}

// Local is the address of a path of the same host. One that browsers would
// take for another host ("//host") is the zero URL.
func Local(path string, query url.Values) URL {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\t\r\n") {
		return URL{}
	}
	u := url.URL{Path: path, RawQuery: query.Encode()}
	return URL{href: u.String()}
}

// Outside is an absolute address with http or https, a host and no
// credentials. Any other is the zero URL.
func Outside(address string) URL {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return URL{}
	}
	return URL{href: u.String()}
}

// IsZero reports whether the address leads nowhere.
func (u URL) IsZero() bool { return u.href == "" }

// Href is the address as templates write it, where they write an address.
func (u URL) Href() string {
	if u.href == "" {
		return "#"
	}
	return u.href
}
