package panel

import (
	"context"
	"errors"
	"net/http"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// statusOf is the HTTP status of a refusal by the rules.
func statusOf(c hotspot.Code) int {
	switch c {
	case hotspot.CodeInvalid:
		return http.StatusUnprocessableEntity
	case hotspot.CodeNotFound, hotspot.CodeUnknownDevice:
		return http.StatusNotFound
	case hotspot.CodeUsernameTaken, hotspot.CodeNameTaken:
		return http.StatusConflict
	case hotspot.CodeUnavailable:
		return http.StatusServiceUnavailable
	case hotspot.CodeTryLater:
		return http.StatusTooManyRequests
	case hotspot.CodeInternal:
		return http.StatusInternalServerError
	}
	return http.StatusForbidden
}

// Fail answers with what went wrong, in words of the page's language. What
// operators are not told, the cause of a failure, is logged. What needs the
// password once more leads there, and back.
func (q *Request) Fail(err error) {
	var e *hotspot.Error
	var wait *api.WaitError
	switch {
	case errors.Is(err, api.ErrConfirm):
		q.confirm()
	case errors.Is(err, api.ErrWrongKey), errors.Is(context.Cause(q.Context()), api.ErrWrongKey):
		q.Go(q.To(PathSignIn))
	case errors.As(err, &wait):
		q.fault(http.StatusTooManyRequests, "try_later", "")
	case q.Context().Err() != nil:
		// The operator went away.
	case errors.As(err, &e):
		if status := statusOf(e.Code); status < http.StatusInternalServerError || e.Err == nil {
			_, text, _ := q.Refusal(err)
			q.fault(status, titleOf(status), text)
			return
		}
		fallthrough
	default:
		q.panel.log.Error("page failed", "path", clip(q.URL.Path), "error", err)
		q.fault(http.StatusInternalServerError, "internal", "")
	}
}

// titleOf is the key of the words for a status.
func titleOf(status int) string {
	switch status {
	case http.StatusNotFound:
		return "not_found"
	case http.StatusForbidden:
		return "refused"
	case http.StatusConflict:
		return "conflict"
	case http.StatusTooManyRequests:
		return "try_later"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	return "invalid"
}

// confirm asks for the password, and then leads back to the page that was asked
// for, or whose form was sent.
func (q *Request) confirm() {
	next := q.URL.RequestURI()
	if q.Method == http.MethodPost {
		next = q.from()
	}
	q.Go(q.To(PathConfirm, "next", next))
}

// Refusal returns a refusal by the rules as a text for people, and the form's
// field that it is about, if it is about one. Not ok: it is none, see
// [Request.Fail]. Texts are looked up by code and field, then by code; {text}
// is what the rules say, see [Request.Words].
func (q *Request) Refusal(err error) (field, text string, ok bool) {
	var e *hotspot.Error
	if !errors.As(err, &e) || e.Code == hotspot.CodeInternal {
		return "", "", false
	}
	words := sentence(q.Words(e))
	for _, key := range []string{"panel.error." + string(e.Code) + "." + e.Field, "panel.error." + string(e.Code)} {
		// What is taken is a form's name, or else only the rules know what it is.
		if q.Lang.Has(key) && (e.Field != "" || e.Code != hotspot.CodeNameTaken) {
			return e.Field, q.T(key, "text", words), true
		}
	}
	return e.Field, words, true
}

// RefusedBy is [Request.Refusal] in the words that an area has for it, if it has
// any: under AREA.error.CODE.FIELD, with {text} for the words of the rules in
// the midst of a sentence.
func (q *Request) RefusedBy(area string, err error) (field, text string, ok bool) {
	field, text, ok = q.Refusal(err)
	if ok && field != "" {
		if key := area + ".error." + string(hotspot.CodeOf(err)) + "." + field; q.Lang.Has(key) {
			var e *hotspot.Error
			errors.As(err, &e) // as it is a refusal
			text = q.T(key, "text", q.Words(e))
		}
	}
	return field, text, ok
}

// fault answers with a page that says one thing.
func (q *Request) fault(status int, key, text string) {
	if text == "" {
		text = q.T("panel.fault." + key + ".text")
	}
	title := q.T("panel.fault." + key)
	v := &parts.EmptyView{Text: text, Action: &parts.LinkView{Text: q.T("panel.home"), To: q.To("/")}}
	if back := q.from(); back != "" && q.Method == http.MethodPost {
		v.Action = &parts.LinkView{Text: q.T("panel.back"), To: Next(back)}
	}
	main := func(w *quicktemplate.Writer) { parts.StreamEmpty(w, v) }
	if signedIn(q.By) {
		q.ShowStatus(status, title, main)
		return
	}
	q.ShowBareStatus(status, title, main)
}
