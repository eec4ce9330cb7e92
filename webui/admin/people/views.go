package people

import (
	"strings"
	"time"
	"unicode"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// pageView is every page of the area: what it has of this, in this order.
type pageView struct {
	Notes   []*parts.NoticeView
	Tabs    *parts.TabsView
	Filter  *parts.FilterView
	Fields  []*parts.FieldView // of the filter
	Table   *parts.TableView
	Cards   []*cardView
	Actions []*parts.LinkView
	Links   []parts.LinkView
}

// cardView is a part of a page: a table, or a card.
type cardView struct {
	Table  *parts.TableView
	Card   parts.CardView
	Facts  *parts.FactsView
	Form   *parts.FormView
	Fields []*parts.FieldView // of the form
	Links  []parts.LinkView
}

func (v *pageView) streamMain(w *quicktemplate.Writer) {
	for _, n := range v.Notes {
		parts.StreamNotice(w, n)
	}
	if v.Tabs != nil {
		parts.StreamTabs(w, v.Tabs)
	}
	if v.Filter != nil {
		v.Filter.StreamFields = parts.Fields(v.Fields...)
		parts.StreamFilter(w, v.Filter)
	}
	if v.Table != nil {
		parts.StreamTable(w, v.Table)
	}
	for _, c := range v.Cards {
		if c.Table != nil { // a card of its own
			parts.StreamTable(w, c.Table)
			if len(c.Links) > 0 {
				parts.StreamLinks(w, c.Links)
			}
			continue
		}
		c.Card.StreamContent = c.streamContent
		parts.StreamCard(w, &c.Card)
	}
	for _, a := range v.Actions {
		parts.StreamAction(w, a)
	}
	if len(v.Links) > 0 {
		parts.StreamLinks(w, v.Links)
	}
}

func (c *cardView) streamContent(w *quicktemplate.Writer) {
	if c.Facts != nil {
		parts.StreamFacts(w, c.Facts)
	}
	if c.Form != nil {
		c.Form.StreamFields = parts.Fields(c.Fields...)
		parts.StreamForm(w, c.Form)
	}
	if len(c.Links) > 0 {
		parts.StreamLinks(w, c.Links)
	}
}

// at writes a moment; never is a dash.
func at(q *panel.Request, t time.Time) string {
	if t.IsZero() {
		return none
	}
	return q.Lang.Time(t, q.Now())
}

// texts are cells with nothing but a text.
//
//go:noinline // it takes much code where it is called
func texts(list ...string) []parts.CellView {
	cells := make([]parts.CellView, len(list))
	for i, t := range list {
		cells[i].Text = t
	}
	return cells
}

// table begins a table, with columns by the keys of their texts; those that
// hold numbers are marked with a # before.
//
//go:noinline // it takes much code where it is called
func table(q *panel.Request, id, caption string, columns ...string) *parts.TableView {
	v := &parts.TableView{Lang: q.Lang, ID: id, Caption: q.T(caption)}
	for _, key := range columns {
		name, number := strings.CutPrefix(key, "#")
		v.Columns = append(v.Columns, parts.ColumnView{Text: q.T("people." + name), Number: number})
	}
	return v
}

func visits(q *panel.Request, u *hotspot.User) string {
	return q.Lang.Number(int64(min(u.Visits, 1<<53)))
}

// none stands where there is nothing.
const none = "–"

func mac(m hotspot.MAC) string {
	if m.IsZero() {
		return none
	}
	return m.String()
}

// who is the address of the page about a user.
func who(q *panel.Request, u *hotspot.User) webui.URL {
	return q.To(pathList + "/" + hotspot.Who{User: u.Account()}.String())
}

// nameOf is what a user is called in lists.
func nameOf(u *hotspot.User) string {
	if u.Method == hotspot.MethodFacebook && visible(u.Name) {
		return u.Name
	}
	return u.Key
}

// visible reports whether there is something to click on in a text that somebody
// typed.
func visible(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}

func online(q *panel.Request, yes bool) *parts.BadgeView {
	if !yes {
		return nil
	}
	return &parts.BadgeView{Kind: parts.Good, Text: q.T("people.online")}
}

func yesNo(q *panel.Request, yes bool) string {
	if yes {
		return q.T("people.yes")
	}
	return q.T("people.no")
}
