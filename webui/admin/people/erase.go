package people

import (
	"errors"
	"net/http"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// fieldWord is what must be typed before somebody is deleted.
const fieldWord = "word"

// question shows what the deletion of a person would do.
func (a *area) question(q *panel.Request) { a.ask(q, http.StatusOK, "") }

// ask shows the question; refused is what was wrong with the answer.
func (a *area) ask(q *panel.Request, status int, refused string) {
	w, err := hotspot.ParseWho(q.PathValue("who"))
	if err != nil {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	takeTime(q, readsLong)
	p, err := a.Service.Person(q.Context(), w)
	if err != nil {
		q.Fail(err)
		return
	}
	word := q.T("people.delete_word")
	path := pathList + "/" + w.String()
	confirm := &cardView{
		Card: parts.CardView{Title: q.T("people.delete_title"), Texts: []string{q.T("people.delete_text")}, List: consequences(q, &p)},
		Form: &parts.FormView{To: q.To(path + "/delete"), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("people.delete_now"), Kind: parts.Bad},
			Cancel: &parts.LinkView{Text: q.T("people.cancel"), To: q.To(path)}},
		Fields: []*parts.FieldView{{ID: fieldWord, Name: fieldWord, Label: q.T("people.delete_type", "word", word), Error: refused, Autocomplete: "off", MaxLength: 32, Required: true}},
	}
	stays := &cardView{Card: parts.CardView{Title: q.T("people.stays"), List: remains(q, &p)}}
	v := &pageView{Cards: append([]*cardView{confirm, stays}, personCards(q, &p)...),
		Links: []parts.LinkView{{Text: q.T("people.export_first"), To: q.To(path + "/export")}}}
	q.ShowStatus(status, q.T("people.delete_who", "name", called(&p)), v.streamMain)
}

// called is what a person is called on pages.
func called(p *hotspot.Person) string {
	if p.Who.Key == "" && len(p.Users) > 0 {
		for i := range p.Users {
			if p.Users[i].Account() == p.Who.User {
				return nameOf(&p.Users[i])
			}
		}
	}
	return p.Who.String()
}

// consequences tell what goes.
func consequences(q *panel.Request, p *hotspot.Person) []string {
	online := 0
	for i := range p.Devices {
		if p.Devices[i].Online {
			online++
		}
	}
	var list []string
	for _, c := range []struct {
		key string
		n   int
	}{{"users", len(p.Users)}, {"devices", len(p.Devices)}, {"online", online}, {"logins", p.Logins}, {"vouchers", bound(p)}, {"events", p.Events}} {
		if c.n > 0 {
			list = append(list, q.T("people.goes."+c.key, "n", c.n))
		}
	}
	return list
}

// bound counts the vouchers that one of the devices is bound to.
func bound(p *hotspot.Person) (n int) {
	theirs := map[hotspot.MAC]bool{}
	for i := range p.Devices {
		theirs[p.Devices[i].MAC] = true
	}
	for _, v := range p.Vouchers {
		for _, m := range v.Bound {
			if theirs[m] {
				n++
				break
			}
		}
	}
	return n
}

// remains tell what stays, and why.
func remains(q *panel.Request, p *hotspot.Person) []string {
	list := []string{q.T("people.stays.statistics")}
	if len(p.Vouchers) > 0 {
		list = append(list, q.T("people.stays.vouchers", "n", len(p.Vouchers)))
	}
	if p.Kept > 0 || len(p.Others) > 0 {
		list = append(list, q.T("people.stays.others", "n", p.Kept))
	}
	blocked := 0
	for i := range p.Devices {
		if !p.Devices[i].Blocked.IsZero() {
			blocked++
		}
	}
	if blocked > 0 {
		list = append(list, q.T("people.stays.blocked", "n", blocked))
	}
	if p.Audit > 0 {
		list = append(list, q.T("people.stays.audit", "n", p.Audit))
	}
	return append(list, q.T("people.stays.backups"))
}

// erase deletes a person, if the word was typed.
func (a *area) erase(q *panel.Request) {
	if !strings.EqualFold(q.Form.Get(fieldWord), q.T("people.delete_word")) {
		a.ask(q, http.StatusUnprocessableEntity, q.T("people.delete_wrong", "word", q.T("people.delete_word")))
		return
	}
	w, err := hotspot.ParseWho(q.PathValue("who"))
	if err != nil {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	takeTime(q, readsLong)
	p, err := a.Service.Erase(q.Context(), w)
	if err != nil {
		q.Fail(err)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("people.deleted", "users", len(p.Users), "devices", len(p.Devices), "logins", p.Logins)})
	method := ""
	if len(p.Users) > 0 {
		method = string(p.Users[0].Method)
	}
	q.Go(q.To(pathList, "method", method))
}

// exportPerson sends all that is known of somebody as a JSON file.
func (a *area) exportPerson(q *panel.Request) {
	w, err := hotspot.ParseWho(q.PathValue("who"))
	if err != nil {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	takeTime(q, readsLong)
	out := &lazy{q: q, name: "person-" + strings.Map(plain, w.String()) + ".json"}
	err = a.Service.ExportPerson(q.Context(), w, out)
	switch {
	case err == nil:
	case !out.begun:
		q.Fail(err)
	case errors.Is(err, q.Context().Err()):
		panic(http.ErrAbortHandler)
	default:
		panic(err) // logged, and the connection cut: a part must not look like the whole
	}
}

// lazy begins a download with its first byte: until then, it can fail with a page.
type lazy struct {
	q     *panel.Request
	name  string
	begun bool
}

// Write implements io.Writer.
func (l *lazy) Write(b []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.q.Download(l.name, "application/json; charset=utf-8")
	}
	return l.q.W.Write(b)
}

// plain keeps what every file system takes in a name.
func plain(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.':
		return r
	}
	return '_'
}
