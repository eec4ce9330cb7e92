package staff

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Bounds of what is typed; the rules have the same.
const (
	maxEmail    = 254
	maxName     = 64
	maxPassword = 256
)

// listView is the page of all operators.
type listView struct {
	New   *parts.LinkView
	Table *parts.TableView
	Roles *parts.CardView
	May   *parts.FactsView
}

// newView is the page on which an operator is made.
type newView struct {
	Error  *parts.NoticeView // of no field
	Form   parts.FormView
	Fields []*parts.FieldView
	Roles  *parts.CardView
	May    *parts.FactsView
}

// oneView is the page of one operator.
type oneView struct {
	Error    *parts.NoticeView // of no field
	Own      *parts.NoticeView
	Only     *parts.NoticeView
	Card     *parts.CardView
	Rows     *parts.FactsView
	Name     *parts.FieldView
	Role     *parts.FieldView
	Password *parts.FieldView
	Email    *parts.FieldView  // for the browser's keeper of passwords
	Forms    []*parts.CardView // what can be changed, and what the roles may do
	May      *parts.FactsView
	Sessions *parts.TableView
	EndAll   *parts.FormView
	Remove   *parts.CardView
	Back     *parts.LinkView
}

// addRoles fills in what each role may do.
func addRoles(q *panel.Request, may *parts.FactsView) *parts.CardView {
	for _, r := range api.Roles() {
		may.Rows = append(may.Rows, parts.FactView{Name: q.T("staff.role." + string(r)), Text: q.T("staff.may." + string(r))})
	}
	return &parts.CardView{Title: q.T("staff.roles"), StreamContent: func(w *quicktemplate.Writer) { parts.StreamFacts(w, may) }}
}

func roleField(q *panel.Request, role api.Role, wrong string) *parts.FieldView {
	v := &parts.FieldView{ID: "role", Name: "role", Label: q.T("staff.role"), Value: string(role), Error: wrong}
	for _, r := range api.Roles() {
		v.Options = append(v.Options, parts.OptionView{Value: string(r), Text: q.T("staff.role." + string(r))})
	}
	return v
}

func passwordField(q *panel.Request, wrong string) *parts.FieldView {
	return &parts.FieldView{ID: "password", Name: "password", Label: q.T("staff.password"), Type: "password", Help: q.T("staff.password_help"), Error: wrong,
		MaxLength: maxPassword, Required: true, Autocomplete: "new-password"}
}

func (a *area) listPage(q *panel.Request) {
	all, err := a.Operators.List(q.Context(), q.By)
	if err != nil {
		q.Fail(err)
		return
	}
	v := &listView{New: &parts.LinkView{Text: q.T("staff.new"), To: q.To(pathNew)}, May: &parts.FactsView{},
		Table: &parts.TableView{Lang: q.Lang, ID: "operators", Caption: q.T("staff.caption")}}
	v.Roles = addRoles(q, v.May)
	for _, key := range []string{"who", "role", "totp", "last", "sessions"} {
		v.Table.Columns = append(v.Table.Columns, parts.ColumnView{Text: q.T("staff." + key), Number: key == "sessions"})
	}
	for i := range all {
		o := &all[i]
		who := parts.CellView{Text: name(o), Typed: true, To: q.To(pathList + "/" + o.ID.String())}
		if o.Name != "" {
			who.Detail = o.Email
		}
		if o.ID == q.By.ID {
			who.Badge = &parts.BadgeView{Text: q.T("staff.you")}
		}
		when, from := lastSeen(q, o.LastSeen, o.LastFrom)
		v.Table.Rows = append(v.Table.Rows, []parts.CellView{who, {Text: q.T("staff.role." + string(o.Role))}, {Badge: totpBadge(q, o)},
			{Text: when, Detail: from}, {Text: q.Lang.Number(int64(o.Sessions))}})
	}
	q.Show(q.T("staff.nav"), v.StreamMain)
}

// totpBadge tells whether a code is asked for after the password. Without one,
// an owner is worth a warning.
func totpBadge(q *panel.Request, o *api.Operator) *parts.BadgeView {
	switch {
	case o.TOTP:
		return &parts.BadgeView{Kind: parts.Good, Text: q.T("staff.totp_on")}
	case o.Role == api.RoleOwner:
		return &parts.BadgeView{Kind: parts.Warning, Text: q.T("staff.totp_off")}
	}
	return &parts.BadgeView{Text: q.T("staff.totp_off")}
}

func lastSeen(q *panel.Request, at time.Time, from netip.Addr) (when, where string) {
	if at.IsZero() {
		return q.T("staff.never"), ""
	}
	if from.IsValid() {
		where = q.T("staff.from", "address", from.String())
	}
	return q.Lang.Time(at, q.Now()), where
}

// newPage is the form of a new operator. Who fills it in has just entered the
// password, so that it is not asked for in the midst.
func (a *area) newPage(q *panel.Request) {
	if !a.Operators.Fresh(q.By) {
		q.Fail(api.ErrConfirm)
		return
	}
	a.showNew(q, api.NewOperator{Role: api.RoleManager}, refused{})
}

func (a *area) showNew(q *panel.Request, n api.NewOperator, r refused) {
	v := &newView{May: &parts.FactsView{}, Form: parts.FormView{To: q.To(pathNew), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("staff.create")},
		Cancel: &parts.LinkView{Text: q.T("staff.cancel"), To: q.To(pathList)}}}
	v.Fields = []*parts.FieldView{
		{ID: "email", Name: "email", Label: q.T("staff.email"), Value: n.Email, Help: q.T("staff.email_help"), Error: r.at("email"), Type: "email", MaxLength: maxEmail, Required: true, Autocomplete: "off"},
		{ID: "name", Name: "name", Label: q.T("staff.name"), Value: n.Name, Help: q.T("staff.name_help"), Error: r.at("name"), MaxLength: maxName, Autocomplete: "off"},
		roleField(q, n.Role, r.at("role")), passwordField(q, r.at("password")),
	}
	v.Form.StreamFields = parts.Fields(v.Fields...)
	v.Roles = addRoles(q, v.May)
	v.Error = ofNoField(&r)
	q.ShowStatus(r.status(), q.T("staff.new"), v.StreamMain)
}

// status is that of a form that is shown.
func (r *refused) status() int {
	if r.text != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// ofNoField is a refusal that stands above a form, because no field is at fault.
func ofNoField(r *refused) *parts.NoticeView {
	if r.text == "" || slices.Contains([]string{"email", "name", "role", "password"}, r.field) {
		return nil
	}
	return &parts.NoticeView{Kind: parts.Bad, Text: r.text}
}

// show shows an operator, with what was wrong with a form.
func (a *area) show(q *panel.Request, o *one, r refused) {
	sessions, err := a.Operators.Sessions(q.Context(), q.By, o.ID)
	if err != nil {
		q.Fail(err)
		return
	}
	when, from := lastSeen(q, o.LastSeen, o.LastFrom)
	v := &oneView{Error: ofNoField(&r), May: &parts.FactsView{}, Back: &parts.LinkView{Text: q.T("staff.back"), To: q.To(pathList)},
		Rows: &parts.FactsView{Rows: []parts.FactView{{Name: q.T("staff.email"), Text: o.Email, Code: true}, {Name: q.T("staff.role"), Text: q.T("staff.role." + string(o.Role))},
			{Name: q.T("staff.totp"), Badge: totpBadge(q, &o.Operator)}, {Name: q.T("staff.last"), Text: when, Detail: from},
			{Name: q.T("staff.since"), Text: q.Lang.Time(o.Created, q.Now())}}}}
	v.Card = &parts.CardView{Title: q.T("staff.facts"), StreamContent: func(w *quicktemplate.Writer) { parts.StreamFacts(w, v.Rows) }}
	if o.TOTP {
		v.Rows.Rows[2].Detail = q.T("staff.recovery", "n", o.Recovery)
	}
	v.addForms(q, o, &r)
	v.addSessions(q, o, sessions)
	q.ShowStatus(r.status(), name(&o.Operator), v.StreamMain)
}

// addForms adds what an owner can change of an operator.
func (v *oneView) addForms(q *panel.Request, o *one, r *refused) {
	form := func(what string, button parts.ButtonView, fields webui.Block) {
		f := &parts.FormView{To: q.To(o.path() + "/" + what), Token: q.Token(), Submit: button, StreamFields: fields}
		v.Forms = append(v.Forms, parts.FormCard(q.T("staff.set_"+what), f, q.T("staff.set_"+what+"_text")))
	}
	save := parts.ButtonView{Text: q.T("staff.save"), Second: true}
	if o.self {
		v.Own = &parts.NoticeView{Text: q.T("staff.own"), Action: &parts.LinkView{Text: q.T("staff.account"), To: q.To(panel.PathAccount)}}
	} else {
		v.Name = &parts.FieldView{ID: "name", Name: "name", Label: q.T("staff.name"), Value: o.Name, Error: r.at("name"), MaxLength: maxName, Autocomplete: "off"}
		form("name", save, parts.Fields(v.Name))
	}
	if o.last {
		v.Only = &parts.NoticeView{Text: q.T("staff.only"), Remedy: q.T("staff.only_remedy")}
	} else {
		v.Role = roleField(q, o.Role, r.at("role"))
		form("role", save, parts.Fields(v.Role))
		v.Forms = append(v.Forms, addRoles(q, v.May))
		remove := &parts.LinkView{Text: q.T("staff.remove"), To: q.To(o.path() + "/remove"), Kind: parts.Bad}
		v.Remove = &parts.CardView{Title: q.T("staff.remove"), Texts: []string{q.T("staff.remove_text")}, StreamContent: func(w *quicktemplate.Writer) { parts.StreamAction(w, remove) }}
	}
	if o.self {
		return
	}
	if o.Role == api.RoleOwner {
		v.Own = &parts.NoticeView{Text: q.T("staff.other_owner"), Remedy: q.T("staff.other_owner_remedy")}
		return
	}
	v.Password = passwordField(q, r.at("password"))
	v.Email = &parts.FieldView{ID: "username", Name: "username", Label: q.T("staff.email"), Value: o.Email, Type: "email", Autocomplete: "username"}
	form("password", save, v.StreamPasswordFields)
	if o.TOTP {
		form("totp", parts.ButtonView{Text: q.T("staff.drop_totp"), Second: true}, nil)
	}
}

// addSessions adds the browsers that an operator is signed in with.
func (v *oneView) addSessions(q *panel.Request, o *one, sessions []api.Session) {
	to := q.To(o.path() + "/sessions")
	v.Sessions = &parts.TableView{Lang: q.Lang, ID: "sessions", Caption: q.T("staff.sessions"), Empty: &parts.EmptyView{Title: q.T("staff.no_sessions"), Text: q.T("staff.no_sessions_text")}}
	for _, key := range []string{"browser", "signed_in", "seen", "end"} {
		v.Sessions.Columns = append(v.Sessions.Columns, parts.ColumnView{Text: q.T("staff." + key)})
	}
	for i := range sessions {
		s := &sessions[i]
		since, from := lastSeen(q, s.Created, s.From)
		row := []parts.CellView{{Text: s.Agent, Typed: true}, {Text: since, Detail: from}, {Text: q.Lang.Time(s.LastSeen, q.Now())}, {}}
		if s.Current {
			row[3].Badge = &parts.BadgeView{Text: q.T("staff.current")}
		} else {
			f := &parts.FormView{To: to, Token: q.Token(), Submit: parts.ButtonView{Text: q.T("staff.end"), Second: true, Name: "session", Value: s.ID.String()}}
			row[3].StreamContent = func(w *quicktemplate.Writer) { parts.StreamForm(w, f) }
		}
		v.Sessions.Rows = append(v.Sessions.Rows, row)
	}
	if len(sessions) > 1 {
		v.EndAll = &parts.FormView{To: to, Token: q.Token(), Submit: parts.ButtonView{Text: q.T("staff.end_all"), Second: true, Name: "session", Value: "all"}}
	}
}

// removePage asks before an operator is removed.
func (a *area) removePage(q *panel.Request, o *one) {
	if !a.Operators.Fresh(q.By) {
		q.Fail(api.ErrConfirm)
		return
	}
	v := &parts.ConfirmView{Texts: []string{q.T("staff.remove_ask", "name", name(&o.Operator))},
		List: []string{q.T("staff.remove.sessions"), q.T("staff.remove.keys"), q.T("staff.remove.log")},
		Form: parts.FormView{To: q.To(o.path() + "/remove"), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("staff.remove"), Kind: parts.Bad},
			Cancel: &parts.LinkView{Text: q.T("staff.cancel"), To: q.To(o.path())}}}
	if o.self {
		v.List = append([]string{q.T("staff.remove.self")}, v.List...)
	}
	q.Show(q.T("staff.remove"), func(w *quicktemplate.Writer) { parts.StreamConfirm(w, v) })
}
