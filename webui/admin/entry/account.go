package entry

import (
	"net/http"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const fieldSession = "session"

func (e *entry) accountPage(q *panel.Request) {
	op, err := e.Operators.Get(q.Context(), q.By, q.By.ID)
	if err != nil {
		q.Fail(err)
		return
	}
	e.showAccount(q, http.StatusOK, op, nameFields(q, op.Name))
}

func nameFields(q *panel.Request, name string) []parts.FieldView {
	return []parts.FieldView{{ID: fieldName, Name: fieldName, Label: q.T("entry.account.name"), Value: name,
		Help: q.T("entry.account.name.help"), Autocomplete: "name", MaxLength: 64}}
}

func (e *entry) showAccount(q *panel.Request, status int, op api.Operator, fields []parts.FieldView) {
	list, err := e.Operators.Sessions(q.Context(), q.By, q.By.ID)
	if err != nil {
		q.Fail(err)
		return
	}
	v := &accountView{
		Details: parts.FactsView{Rows: []parts.FactView{
			{Name: q.T("entry.email"), Text: op.Email, Typed: true},
			{Name: q.T("entry.account.role"), Text: q.T("entry.role." + string(op.Role))}}},
		Name: formView{Fields: fields, Form: parts.FormView{To: q.To(pathName), Token: q.Token(),
			Submit: parts.ButtonView{Text: q.T("entry.account.save"), Second: true}}},
		Password: cardView{Title: q.T("entry.password"), Text: q.T("entry.account.password"),
			Links: []parts.LinkView{{Text: q.T("entry.account.password.go"), To: q.To(pathPassword)}}},
		TOTP:     totpCard(q, op),
		Sessions: sessionsTable(q, list),
	}
	v.Name.Form.StreamFields = v.Name.StreamInputs
	if len(list) > 1 {
		v.Others = &parts.FormView{To: q.To(pathSessions), Token: q.Token(),
			Submit: parts.ButtonView{Text: q.T("entry.sessions.others"), Second: true}}
	}
	q.ShowStatus(status, q.T("entry.account"), v.StreamMain)
}

// totpCard says whether a code is asked for.
func totpCard(q *panel.Request, op api.Operator) cardView {
	c := cardView{Title: q.T("entry.totp"), Text: q.T("entry.totp.off.text"), Badge: &parts.BadgeView{Kind: parts.Warning, Text: q.T("entry.totp.is_off")},
		Links: []parts.LinkView{{Text: q.T("entry.totp.set_up"), To: q.To(pathTOTP)}}}
	if op.TOTP {
		c.Text = q.Lang.N("entry.totp.left", int64(op.Recovery))
		c.Badge = &parts.BadgeView{Kind: parts.Good, Text: q.T("entry.totp.is_on")}
		c.Links = []parts.LinkView{{Text: q.T("entry.totp.change"), To: q.To(pathTOTP)}, {Text: q.T("entry.totp.turn_off"), To: q.To(pathTOTPOff)}}
	}
	return c
}

func (e *entry) name(q *panel.Request) {
	name := q.Form.Get(fieldName)
	err := e.Operators.SetName(q.Context(), q.By, q.By.ID, name)
	if err == nil {
		q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("entry.account.saved")})
		q.Go(q.To(panel.PathAccount))
		return
	}
	op, failed := e.Operators.Get(q.Context(), q.By, q.By.ID)
	if failed != nil {
		q.Fail(failed)
		return
	}
	fields := nameFields(q, name)
	refused(q, err, fields, func() { e.showAccount(q, http.StatusUnprocessableEntity, op, fields) })
}

// back leads to the account's page.
func back(q *panel.Request) *parts.LinkView {
	return &parts.LinkView{Text: q.T("entry.account.back"), To: q.To(panel.PathAccount)}
}

// fresh reports whether the operator entered the password a short while ago. If
// not, the answer leads to where that is done.
func (e *entry) fresh(q *panel.Request) bool {
	if e.Operators.Fresh(q.By) {
		return true
	}
	q.Fail(api.ErrConfirm)
	return false
}

func (e *entry) passwordPage(q *panel.Request) {
	if e.fresh(q) {
		e.askPassword(q, http.StatusOK, newPasswordFields(q))
	}
}

func (e *entry) askPassword(q *panel.Request, status int, fields []parts.FieldView) {
	q.ShowStatus(status, q.T("entry.password.title"), (&formView{
		Intro:    q.T("entry.password.intro"),
		Username: username(q),
		Form: parts.FormView{To: q.To(pathPassword), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("entry.password.go")},
			Cancel: back(q)},
		Fields: fields,
	}).block())
}

func (e *entry) password(q *panel.Request) {
	err := checkRepeat(q)
	if err == nil {
		err = e.Operators.SetPassword(q.Context(), q.By, q.By.ID, q.Form.Get(fieldPassword))
	}
	if err != nil {
		fields := newPasswordFields(q)
		refused(q, err, fields, func() { e.askPassword(q, http.StatusUnprocessableEntity, fields) })
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("entry.password.done")})
	q.Go(q.To(panel.PathAccount))
}

// sessionsTable lists the browsers that an operator is signed in with.
func sessionsTable(q *panel.Request, list []api.Session) parts.TableView {
	t := parts.TableView{Lang: q.Lang, ID: "sessions", Caption: q.T("entry.sessions"), Columns: []parts.ColumnView{
		{Text: q.T("entry.sessions.browser")}, {Text: q.T("entry.sessions.from")},
		{Text: q.T("entry.sessions.since")}, {Text: q.T("entry.sessions.seen")}, {Text: q.T("entry.sessions.end")},
	}}
	now := q.Now()
	for _, s := range list {
		from := q.T("entry.sessions.unknown")
		if s.From.IsValid() {
			from = s.From.String()
		}
		row := []parts.CellView{{Text: browserName(q, s.Agent), Typed: true}, {Text: from, Typed: true},
			{Text: q.Lang.Time(s.Created, now)}, {Text: q.Lang.Time(s.LastSeen, now)}, {Text: "–"}}
		if s.Current {
			row[0].Badge = &parts.BadgeView{Kind: parts.Good, Text: q.T("entry.sessions.current")}
		} else {
			row[4] = parts.CellView{StreamContent: formBlock(&parts.FormView{To: q.To(pathSessions), Token: q.Token(),
				Submit: parts.ButtonView{Text: q.T("entry.sessions.end"), Second: true, Name: fieldSession, Value: s.ID.String()}})}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// endSessions ends one session, or all others.
func (e *entry) endSessions(q *panel.Request) {
	var which api.ID
	if s := q.Form.Get(fieldSession); s != "" {
		var err error
		if which, err = api.ParseID(s); err != nil || which == (api.ID{}) {
			which = api.NewID() // there is none
		}
	}
	n, err := e.Operators.EndSession(q.Context(), q.By, q.By.ID, which)
	if err != nil {
		q.Fail(err)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.Lang.N("entry.sessions.ended", int64(n))})
	q.Go(q.To(panel.PathAccount))
}
