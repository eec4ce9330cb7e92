package integrations

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	l := paneltest.English(f, Files)
	link := &parts.LinkView{To: webui.Local("/x", nil)}
	tabs := &parts.TabsView{Links: []parts.LinkView{*link}}
	facts := func() *parts.FactsView {
		return &parts.FactsView{Rows: []parts.FactView{{Code: true}, {Badge: &parts.BadgeView{}}}}
	}
	copies := func() *parts.CopyView { return &parts.CopyView{Lang: l} }
	table := func() *parts.TableView {
		return &parts.TableView{Lang: l, Rows: [][]parts.CellView{{{Typed: true, To: link.To}, {Badge: &parts.BadgeView{}}}}}
	}
	reference := &referenceView{Texts: []string{""}, More: []parts.LinkView{*link}, Messages: facts(),
		Groups: []groupView{{Actions: []actionView{{Params: facts(), Example: copies(), ByGet: copies()}, {Params: facts(), Example: copies()}}}}}
	access := func() *accessView {
		v := &accessView{Tabs: tabs, Security: &parts.CardView{List: []string{""}}, Methods: &parts.CardView{}, Local: &parts.CardView{}, Address: copies(),
			Cloud: &parts.CardView{Badge: &parts.BadgeView{}}, Key: &parts.CardView{}, Internet: copies(), Manage: link, Used: facts(), Show: link, Again: link, Reference: reference,
			Fields: []*parts.FieldView{{Checkbox: true}}}
		v.Methods.StreamContent, v.Local.StreamContent, v.Key.StreamContent = v.StreamSwitches, v.StreamLocalAddress, v.StreamDeviceKey
		v.Cloud.StreamContent = v.StreamCloudAddress
		return v
	}
	shown, looking := access(), access()
	shown.Device, shown.Form = copies(), &parts.FormView{StreamFields: parts.Fields(shown.Fields...)}
	looking.States = facts()
	hooks := &hooksView{Tabs: tabs, About: &parts.CardView{}, New: link, Table: table()}
	hook := &hookView{Secret: &parts.NoticeView{}, Copy: copies(), Stopped: &parts.NoticeView{}, Warning: &parts.NoticeView{}, Card: &parts.CardView{}, Rows: facts(),
		Test: &parts.FormView{}, State: &parts.FormView{Submit: parts.ButtonView{Name: "x"}}, Links: []parts.LinkView{*link}, Log: table(), Back: link}
	hook.Card.StreamContent = hook.StreamFacts
	form := &hookFormView{Error: &parts.NoticeView{}, URL: &parts.FieldView{Type: "url"}, About: &parts.FieldView{}, Types: []*parts.FieldView{{Checkbox: true}}}
	form.Form.StreamFields = form.StreamFields
	cloud := &cloudView{Tabs: tabs, Failure: &parts.NoticeView{}, Card: &parts.CardView{Badge: &parts.BadgeView{}, List: []string{""}}, Address: copies(), Facts: facts(),
		Switch: &parts.FormView{Submit: parts.ButtonView{Name: "x"}}, Links: []parts.LinkView{*link}, Enrol: &parts.CardView{}}
	cloud.Card.StreamContent = cloud.StreamState
	all := &struct {
		Shown, Looking *accessView
		Hooks          *hooksView
		Hook           *hookView
		Form           *hookFormView
		Cloud          *cloudView
	}{shown, looking, hooks, hook, form, cloud}
	paneltest.Inject(f, l, all, shown.StreamMain, looking.StreamMain, hooks.StreamMain, hook.StreamMain, form.StreamMain, cloud.StreamMain)
}
