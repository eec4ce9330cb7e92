package entry

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Names of fields.
const (
	fieldEmail    = "email"
	fieldPassword = "password"
	fieldRepeat   = "password_again"
	fieldCode     = "code"
	fieldName     = "name"
)

// signedIn reports whether somebody is.
func signedIn(q *panel.Request) bool { return q.By.Session != (api.ID{}) }

func (e *entry) signInPage(q *panel.Request) {
	if signedIn(q) {
		q.Go(next(q))
		return
	}
	empty, err := e.Operators.Empty(q.Context())
	switch {
	case err != nil:
		q.Fail(err)
	case empty:
		q.Go(q.To(panel.PathSetup))
	default:
		e.askIn(q, http.StatusOK, said(q))
	}
}

// said is what the address says has happened: there is nobody yet for whom a
// notice could be kept.
func said(q *panel.Request) *parts.NoticeView {
	switch q.URL.Query().Get("after") {
	case "out":
		return &parts.NoticeView{Kind: parts.Good, Text: q.T("entry.signed_out")}
	case "code":
		return &parts.NoticeView{Kind: parts.Warning, Text: q.T("entry.code.over")}
	}
	return nil
}

// askIn shows the page to sign in.
func (e *entry) askIn(q *panel.Request, status int, notice *parts.NoticeView) {
	q.ShowBareStatus(status, q.T("entry.sign_in"), (&formView{
		Notice: notice,
		Form:   parts.FormView{To: here(q, panel.PathSignIn), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("entry.sign_in")}},
		Fields: []parts.FieldView{
			emailField(q, q.Form.Get(fieldEmail)),
			passwordField(q, "entry.password", "current-password"),
		},
		More: []string{q.T("entry.lost")},
	}).block())
}

func emailField(q *panel.Request, value string) parts.FieldView {
	return parts.FieldView{ID: fieldEmail, Name: fieldEmail, Label: q.T("entry.email"), Value: value, Type: "email",
		Autocomplete: "username", MaxLength: 254, Required: true}
}

// username is a field for programs that keep passwords.
func username(q *panel.Request) *parts.FieldView {
	f := emailField(q, q.By.Name)
	return &f
}

func passwordField(q *panel.Request, label, autocomplete string) parts.FieldView {
	return parts.FieldView{ID: fieldPassword, Name: fieldPassword, Label: q.T(label), Type: "password",
		Autocomplete: autocomplete, MaxLength: 256, Required: true}
}

func (e *entry) signIn(q *panel.Request) {
	t, err := e.Operators.Open(q.Context(), api.SignIn{
		Email: q.Form.Get(fieldEmail), Password: q.Form.Get(fieldPassword),
		From: api.Peer(q.Request), Agent: q.UserAgent(), Previous: api.SessionCookie(q.Request),
	})
	if err != nil {
		status, notice, ok := e.unwelcome(q, err, "entry.wrong")
		if !ok {
			q.Fail(err)
			return
		}
		e.askIn(q, status, notice)
		return
	}
	q.SetCookie(t.Cookie)
	if t.NeedsCode {
		q.Go(here(q, pathCode))
		return
	}
	q.Go(next(q))
}

// unwelcome is what is told somebody who showed something wrong: the text of
// key, or to wait. Not ok: the error is of another kind.
func (e *entry) unwelcome(q *panel.Request, err error, key string) (status int, notice *parts.NoticeView, ok bool) {
	var wait *api.WaitError
	switch {
	case errors.As(err, &wait):
		q.W.Header().Set("Retry-After", strconv.Itoa(wait.Seconds()))
		return http.StatusTooManyRequests, &parts.NoticeView{Kind: parts.Bad, Text: q.T("entry.slow"), Remedy: waitText(q, wait)}, true
	case errors.Is(err, api.ErrWrongKey):
		return http.StatusUnprocessableEntity, &parts.NoticeView{Kind: parts.Bad, Text: q.T(key)}, true
	}
	return 0, nil, false
}

// waitText says how long to wait, rounded up.
func waitText(q *panel.Request, wait *api.WaitError) string {
	if s := int64(wait.Seconds()); s < 100 {
		return q.Lang.N("entry.slow.seconds", s)
	}
	return q.Lang.N("entry.slow.minutes", int64((wait.For+time.Minute-1)/time.Minute))
}

func (e *entry) codePage(q *panel.Request) {
	switch {
	case signedIn(q):
		q.Go(next(q))
	case !e.Operators.AwaitsCode(api.SessionCookie(q.Request)):
		q.Go(here(q, panel.PathSignIn))
	default:
		e.askCode(q, http.StatusOK, nil)
	}
}

// askCode shows the page to enter a code.
func (e *entry) askCode(q *panel.Request, status int, notice *parts.NoticeView) {
	field := codeField(q, "entry.code")
	field.Help = q.T("entry.code.help")
	q.ShowBareStatus(status, q.T("entry.code.title"), (&formView{
		Notice: notice,
		Form: parts.FormView{To: here(q, pathCode), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("entry.sign_in")},
			Cancel: &parts.LinkView{Text: q.T("entry.code.back"), To: here(q, panel.PathSignIn)}},
		Fields: []parts.FieldView{field},
	}).block())
}

func codeField(q *panel.Request, label string) parts.FieldView {
	return parts.FieldView{ID: fieldCode, Name: fieldCode, Label: q.T(label), Autocomplete: "one-time-code", MaxLength: 64, Required: true}
}

func (e *entry) code(q *panel.Request) {
	cookie := api.SessionCookie(q.Request)
	t, err := e.Operators.Code(q.Context(), cookie, q.Form.Get(fieldCode), api.Peer(q.Request))
	if err == nil {
		q.SetCookie(t.Cookie)
		q.Go(next(q))
		return
	}
	status, notice, ok := e.unwelcome(q, err, "entry.code.wrong")
	switch {
	case !ok:
		q.Fail(err)
	case !e.Operators.AwaitsCode(cookie): // too late, or too many
		q.Go(here(q, panel.PathSignIn, "after", "code"))
	default:
		e.askCode(q, status, notice)
	}
}

func (e *entry) signOut(q *panel.Request) {
	if err := e.Operators.SignOut(q.Context(), api.SessionCookie(q.Request)); err != nil {
		q.Fail(err)
		return
	}
	q.SetCookie("")
	q.Go(q.To(panel.PathSignIn, "after", "out"))
}

func (e *entry) confirmPage(q *panel.Request) { e.askAgain(q, http.StatusOK, nil) }

// askAgain shows the page to enter the password once more.
func (e *entry) askAgain(q *panel.Request, status int, notice *parts.NoticeView) {
	q.ShowStatus(status, q.T("entry.confirm"), (&formView{
		Notice:   notice,
		Intro:    q.T("entry.confirm.why"),
		Username: username(q),
		Form:     parts.FormView{To: here(q, panel.PathConfirm), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("entry.confirm.go")}},
		Fields:   []parts.FieldView{passwordField(q, "entry.confirm.password", "current-password")},
	}).block())
}

func (e *entry) confirm(q *panel.Request) {
	t, err := e.Operators.Confirm(q.Context(), api.SessionCookie(q.Request), q.Form.Get(fieldPassword), api.Peer(q.Request))
	if err == nil {
		q.SetCookie(t.Cookie)
		q.Go(next(q))
		return
	}
	status, notice, ok := e.unwelcome(q, err, "entry.confirm.wrong")
	if !ok {
		q.Fail(err)
		return
	}
	e.askAgain(q, status, notice)
}
