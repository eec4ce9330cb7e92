package panel

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Request is one request for a page, by somebody whom its access lets in.
type Request struct {
	*http.Request
	W    http.ResponseWriter
	By   *api.Principal // never nil; the zero principal if nobody is signed in
	Lang *webui.Language
	// Form is what a POST brought, without white space around it. Fields whose
	// names begin with "password" come as they were typed.
	Form url.Values
	// File is the file that came with it; nil: none.
	File *File

	panel  *Panel
	chosen string // tag of the language, if the address names it
}

// T looks up a text in the page's language.
func (q *Request) T(key string, args ...any) string { return q.Lang.T(key, args...) }

// Now is the house's time, in the venue's zone.
func (q *Request) Now() time.Time { return q.panel.cfg.Now() }

// Site is the venue's name.
func (q *Request) Site() string { return q.panel.cfg.Site() }

// May reports whether an access lets in who is signed in, so that nothing is
// offered that would be refused.
func (q *Request) May(a Access) bool { return a.Lets(q.By) }

// To is the address of a page, with the names and values of a query. It takes
// the chosen language along. Empty values are left out.
func (q *Request) To(path string, query ...string) webui.URL {
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			values.Add(query[i], query[i+1])
		}
	}
	return q.page("").Local(path, values)
}

// Token is what every form that is sent must carry; see [parts.FormView].
func (q *Request) Token() string {
	cookie := api.SessionCookie(q.Request)
	if cookie == "" || q.By.Session == (api.ID{}) {
		return ""
	}
	return mask(q.panel.cfg.FormToken(cookie))
}

// page is what the frame needs to know.
func (q *Request) page(title string) webui.Page {
	p := q.panel
	return webui.Page{Lang: q.Lang, Title: title, Site: q.Site(), Style: p.style.URL(), Icon: p.icon.URL(), Script: p.script.URL(), Chosen: q.chosen}
}

// Show answers with a page and the navigation.
func (q *Request) Show(title string, main webui.Block) { q.ShowStatus(http.StatusOK, title, main) }

// ShowStatus is Show with another status: that of a form that was refused is
// [http.StatusUnprocessableEntity].
func (q *Request) ShowStatus(status int, title string, main webui.Block) {
	s := &parts.Shell{Page: q.page(title), StreamMain: main, Nav: q.nav()}
	if signedIn(q.By) {
		s.Account = &parts.LinkView{Text: q.By.Name, To: q.To(PathAccount), Current: q.URL.Path == PathAccount}
		s.SignOut = &parts.FormView{To: q.To(PathSignOut), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("panel.sign_out"), Second: true}}
	}
	q.render(status, s)
}

// ShowBare answers with a page without the navigation, for those who are not
// signed in.
func (q *Request) ShowBare(title string, main webui.Block) {
	q.ShowBareStatus(http.StatusOK, title, main)
}

// ShowBareStatus is ShowBare with another status.
func (q *Request) ShowBareStatus(status int, title string, main webui.Block) {
	q.render(status, &parts.Shell{Page: q.page(title), StreamMain: main, Bare: true})
}

// render answers with a page, packed if the browser takes that.
func (q *Request) render(status int, s *parts.Shell) {
	// A page that the script looks at to bring another up to date does not use
	// up what somebody shall read.
	if !q.Renews() && status < http.StatusInternalServerError {
		if s.Notice = q.panel.notices.take(q.By.Session); s.Notice != nil && s.Notice.Form != nil {
			s.Notice.Form.Token = q.Token()
		}
	}
	s.Languages = q.panel.langs.Links(q.Lang, q.URL.Path, q.shareable())
	q.panel.packer.render(q.W, q.Request, status, s)
}

// Renews reports whether a page is asked for by the script alone, to take the
// place of what an event said is old: what else is on it need not be made.
func (q *Request) Renews() bool { return q.Header.Get(api.RefreshHeader) != "" }

// shareable is the query of a page that can be asked for again.
func (q *Request) shareable() url.Values {
	if q.Method == http.MethodPost {
		return nil
	}
	return q.URL.Query()
}

// nav is the navigation for who is signed in. The entry of the page's own area
// is the one whose path is the longest beginning of the page's.
func (q *Request) nav() []parts.LinkView {
	var links []parts.LinkView
	current, length := -1, 0
	for _, s := range q.panel.cfg.Sections {
		for _, n := range s.Nav {
			if !q.May(n.Access) {
				continue
			}
			if within(q.URL.Path, n.Path) && len(n.Path) > length {
				current, length = len(links), len(n.Path)
			}
			links = append(links, parts.LinkView{Text: q.T(n.Key), To: q.To(n.Path)})
		}
	}
	if current >= 0 {
		links[current].Current = true
	}
	return links
}

// within reports whether a path is that of a page or of one below it.
func within(path, page string) bool {
	return path == page || page != "/" && strings.HasPrefix(path, page+"/")
}

// Say shows a notice on the next page of this session.
func (q *Request) Say(n parts.NoticeView) { q.panel.notices.put(q.By.Session, &n) }

// Go answers with the address to go on to.
func (q *Request) Go(to webui.URL) {
	q.W.Header().Set("Location", to.Href())
	q.W.WriteHeader(http.StatusSeeOther)
}

// from is the address of the page whose form was sent, or "".
func (q *Request) from() string {
	u, err := url.Parse(q.Referer())
	if err != nil || u.Host == "" || u.Host != q.Host {
		return ""
	}
	return Next(u.RequestURI()).Href()
}

// Next is the address that a query names to go on to, or the first page's if that
// would lead anywhere but to a page of this host.
func Next(address string) webui.URL {
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || len(address) > maxNext ||
		strings.HasPrefix(address, "//") || strings.ContainsAny(address, "\\\t\r\n") {
		return webui.Local("/", nil)
	}
	if to := webui.Local(u.Path, u.Query()); !to.IsZero() {
		return to
	}
	return webui.Local("/", nil)
}

// maxNext bounds an address to go on to.
const maxNext = 2048

// Download begins an answer that is a file, and returns where to write it.
func (q *Request) Download(name, mimeType string) io.Writer {
	h := q.W.Header()
	h.Set("Content-Type", mimeType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	return q.W
}

func clip(s string) string {
	const most = 128
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%.128s…", s)
}
