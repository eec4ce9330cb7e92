package entry

import (
	"errors"
	"net/http"
	"strings"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// totpPage sets an authenticator app up; if there is one, it tells of it. Recovery
// codes that were just made are shown, once: nobody keeps them.
func (e *entry) totpPage(q *panel.Request) {
	if codes := e.codes.Take(q); codes != "" {
		q.Show(q.T("entry.codes"), (&codesView{
			Lang: q.Lang, Text: q.T("entry.codes.text"), Codes: strings.Fields(codes),
			Done: parts.LinkView{Text: q.T("entry.codes.done"), To: q.To(panel.PathAccount)},
		}).StreamMain)
		return
	}
	if !e.fresh(q) {
		return
	}
	op, err := e.Operators.Get(q.Context(), q.By, q.By.ID)
	switch {
	case err != nil:
		q.Fail(err)
	case op.TOTP:
		e.showTOTP(q, op)
	default:
		e.offerTOTP(q, http.StatusOK, "")
	}
}

// showTOTP offers what can be done once codes are asked for.
func (e *entry) showTOTP(q *panel.Request, op api.Operator) {
	q.Show(q.T("entry.totp"), (&formView{
		Notice: &parts.NoticeView{Kind: parts.Good, Text: q.T("entry.totp.on.text"), Remedy: q.Lang.N("entry.totp.left", int64(op.Recovery))},
		Intro:  q.T("entry.totp.other"),
		Form: parts.FormView{To: q.To(pathRecovery), Token: q.Token(), Cancel: back(q),
			Submit: parts.ButtonView{Text: q.T("entry.totp.renew"), Second: true}},
		Skip: &parts.LinkView{Text: q.T("entry.totp.turn_off"), To: q.To(pathTOTPOff)},
	}).block())
}

// offerTOTP shows the secret for an authenticator app, and asks for a code of
// it.
func (e *entry) offerTOTP(q *panel.Request, status int, wrong string) {
	offer, err := e.Operators.OfferTOTP(q.Context(), q.By, q.By.ID, q.Site())
	if hotspot.CodeOf(err) == hotspot.CodeUnavailable {
		q.ShowStatus(http.StatusServiceUnavailable, q.T("entry.totp"), emptyBlock(&parts.EmptyView{
			Title: q.T("entry.totp.clock"), Text: q.T("entry.totp.clock.text"), Action: back(q)}))
		return
	}
	if err != nil {
		q.Fail(err)
		return
	}
	side, path, err := print.Code(offer.URI)
	if err != nil {
		q.Fail(err)
		return
	}
	field := codeField(q, "entry.totp.code")
	field.InputMode, field.MaxLength, field.Help, field.Error = "numeric", 8, q.T("entry.totp.code.help"), wrong
	q.ShowStatus(status, q.T("entry.totp"), (&formView{
		Intro: q.T("entry.totp.intro"),
		QR: &qrView{Label: q.T("entry.totp.qr"), Side: side, Path: path, SecretFor: q.T("entry.totp.secret"),
			Secret: parts.CopyView{Lang: q.Lang, ID: "secret", Text: spaced(offer.Secret)}},
		Form: parts.FormView{To: q.To(pathTOTP), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("entry.totp.confirm")},
			Cancel: back(q)},
		Fields: []parts.FieldView{field},
	}).block())
}

// spaced writes a secret in groups of four, as apps take it and eyes read it.
func spaced(secret string) string {
	var groups []string
	for len(secret) > 4 {
		groups, secret = append(groups, secret[:4]), secret[4:]
	}
	return strings.Join(append(groups, secret), " ")
}

func (e *entry) totp(q *panel.Request) {
	codes, err := e.Operators.ConfirmTOTP(q.Context(), q.By, q.By.ID, q.Form.Get(fieldCode))
	var refusal *hotspot.Error
	switch {
	case err == nil:
		e.showCodes(q, codes)
	case errors.As(err, &refusal) && refusal.Code == hotspot.CodeInvalid && e.fresh(q):
		e.offerTOTP(q, http.StatusUnprocessableEntity, q.T("entry.totp.wrong"))
	case refusal != nil && refusal.Code == hotspot.CodeInvalid:
		// The answer leads to where the password is entered.
	default:
		q.Fail(err)
	}
}

// showCodes leads to where recovery codes are shown.
func (e *entry) showCodes(q *panel.Request, codes []string) {
	e.codes.Put(q, pathTOTP, strings.Join(codes, " "))
	q.Go(q.To(pathTOTP))
}

// recovery makes new recovery codes.
func (e *entry) recovery(q *panel.Request) {
	codes, err := e.Operators.NewRecovery(q.Context(), q.By, q.By.ID)
	if err != nil {
		q.Fail(err)
		return
	}
	e.showCodes(q, codes)
}

func (e *entry) totpOffPage(q *panel.Request) {
	if !e.fresh(q) {
		return
	}
	v := &parts.ConfirmView{Texts: []string{q.T("entry.totp.off.why")},
		Form: parts.FormView{To: q.To(pathTOTPOff), Token: q.Token(), Cancel: back(q),
			Submit: parts.ButtonView{Text: q.T("entry.totp.turn_off"), Kind: parts.Bad}}}
	q.Show(q.T("entry.totp.off"), func(w *quicktemplate.Writer) { parts.StreamConfirm(w, v) })
}

func (e *entry) totpOff(q *panel.Request) {
	if err := e.Operators.DropTOTP(q.Context(), q.By, q.By.ID); err != nil {
		q.Fail(err)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Warning, Text: q.T("entry.totp.dropped")})
	q.Go(q.To(panel.PathAccount))
}
