package daemon

import (
	"html"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
)

// The addresses that a page offers: links, and forms that may be sent.
var (
	linkOf = regexp.MustCompile(`<a\b[^>]*? href="([^"]+)"`)
	formOf = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
)

// TestPanelLinks follows every link that a page offers to a viewer, a manager
// and an owner, from the first page on: none may lead to nowhere, or to where
// they are turned away; nor may there be a form that they must not send.
func TestPanelLinks(t *testing.T) {
	v := newVenue(t, true)
	v.key()
	owner := v.cookie
	for _, role := range api.Roles() {
		t.Run(string(role), func(t *testing.T) {
			v := *v
			v.t, v.cookie = t, owner
			if role != api.RoleOwner {
				v.cookie = v.join(role)
			}
			v.crawl(role)
		})
	}
}

// join makes an operator of a role, and returns their cookie.
func (v *venue) join(role api.Role) string {
	v.t.Helper()
	mail := string(role) + "@meridian.example"
	_, err := v.d.people.Create(v.t.Context(), api.Local(), api.NewOperator{Email: mail, Role: role, Password: panelPassword})
	v.fine(err)
	ticket, err := v.d.people.Open(v.t.Context(), api.SignIn{Email: mail, Password: panelPassword, From: netip.MustParseAddr("192.168.1.21")})
	v.fine(err)
	return ticket.Cookie
}

// crawl goes wherever links lead. Of pages that differ only in what they are
// about, some are enough.
func (v *venue) crawl(role api.Role) {
	v.t.Helper()
	const enough = 4
	x := v.scales()
	mux := http.NewServeMux()
	may := map[string]bool{}
	for _, p := range v.pages {
		pattern := p.Method + " " + strings.TrimSuffix(p.Path, "/")
		if p.Path == "/" {
			pattern = p.Method + " /{$}"
		}
		scopes, readOnly := role.Grant()
		may[pattern] = p.Access.Lets(&api.Principal{Kind: api.CallerOperator, ID: api.ID{1}, Session: api.ID{2}, Role: role, Scopes: scopes, ReadOnly: readOnly})
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	visits := map[string]int{}
	queue, seen := []string{"/"}, map[string]string{"/": "the start"}
	for ; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, path, nil)
		v.fine(err)
		_, pattern := mux.Handler(r)
		if visits[pattern]++; visits[pattern] > enough && pattern != "" {
			continue
		}
		resp, body := x.fetch(http.MethodGet, path, nil)
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusSeeOther {
			v.t.Errorf("%s, which stands on %s: %s", path, seen[path], resp.Status)
		}
		if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
			continue
		}
		for _, m := range formOf.FindAllStringSubmatch(body, -1) {
			r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, html.UnescapeString(m[1]), nil)
			v.fine(err)
			// The editor without its button only brings the preview up to date.
			looksOnly := strings.Contains(m[0], `action="/login-page/`) && !strings.Contains(body, ">Save<")
			if _, pattern := mux.Handler(r); !may[pattern] && !looksOnly {
				v.t.Errorf("%s offers a form to %s (%q)", path, m[1], pattern)
			}
		}
		for _, m := range linkOf.FindAllStringSubmatch(body, -1) {
			if to := within(path, html.UnescapeString(m[1])); to != "" && seen[to] == "" {
				seen[to] = path
				queue = append(queue, to)
			}
		}
	}
	v.t.Logf("%d addresses of %d pages", len(seen), len(visits))
}

// within is the address of a link on a page, or "" if it leads out of the panel
// or is the same page in another language.
func within(page, link string) string {
	at, err := url.Parse(page)
	if err != nil {
		return ""
	}
	to, err := at.Parse(link)
	if err != nil || to.Host != "" || to.Scheme != "" || to.Query().Has("lang") || !strings.HasPrefix(to.Path, "/") {
		return ""
	}
	to.Fragment = ""
	return to.String()
}
