package keys

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// changeTimeout bounds a change, which is carried through even if the client
// hangs up in the middle.
const changeTimeout = 30 * time.Second

// keyObject is a key as the endpoint shows it. Names, order and types are a
// contract; additions stand behind.
type keyObject struct {
	Label     string      `json:"label"`
	IsNever   bool        `json:"isNever"`
	ID        string      `json:"_id"`
	User      string      `json:"user"`
	Hash      string      `json:"hash"`
	ExpireAt  string      `json:"expireAt"`
	CreatedAt string      `json:"createdAt"`
	UpdatedAt string      `json:"updatedAt"`
	Version   int         `json:"__v"`
	Scopes    []api.Scope `json:"scopes"`
	LastUsed  *string     `json:"lastUsedAt"`
	LastFrom  *string     `json:"lastUsedFrom"`
}

// timeForm is RFC 3339 in UTC with milliseconds.
const timeForm = "2006-01-02T15:04:05.000Z"

func objectOf(k api.Key) keyObject {
	expires := k.Expires
	if expires.IsZero() {
		expires = k.Created.AddDate(neverYears, 0, 0)
	}
	o := keyObject{
		Label: k.Label, IsNever: k.Expires.IsZero(), ID: k.ID.String(), User: k.Owner.String(),
		Hash: hex.EncodeToString(k.Hash[:]), ExpireAt: expires.UTC().Format(timeForm),
		CreatedAt: k.Created.UTC().Format(timeForm), UpdatedAt: k.Modified.UTC().Format(timeForm), Scopes: k.Scopes,
	}
	if !k.LastUsed.IsZero() {
		at := k.LastUsed.UTC().Format(timeForm)
		o.LastUsed = &at
	}
	if k.LastFrom.IsValid() {
		from := k.LastFrom.String()
		o.LastFrom = &from
	}
	return o
}

// done is the answer to a change.
type done struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Key     string `json:"api_key,omitempty"`
}

// many serves /api/apikey.
func (h *handler) many(w http.ResponseWriter, r *http.Request) {
	who, ok := h.authenticate(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodPost {
		h.create(w, r, who)
		return
	}
	list, err := h.keys.List(r.Context(), who)
	if err != nil {
		h.answerError(w, r, err)
		return
	}
	out := struct {
		Keys  []keyObject `json:"apiKeys"`
		Total int         `json:"total"`
	}{make([]keyObject, 0, len(list)), len(list)}
	for _, k := range list {
		out.Keys = append(out.Keys, objectOf(k))
	}
	api.WriteJSON(w, http.StatusOK, out)
}

// one serves /api/apikey/:id.
func (h *handler) one(w http.ResponseWriter, r *http.Request, idText string) {
	who, ok := h.authenticate(w, r)
	if !ok {
		return
	}
	id, err := api.ParseID(idText)
	if err != nil {
		err = &hotspot.Error{Code: hotspot.CodeNotFound, Text: "no API key has this id"}
	}
	if e := may(who, api.ScopeKeys); e != nil {
		err = e // who may not ask about keys is told nothing about them
	}
	switch {
	case err != nil:
	case r.Method == http.MethodPatch:
		h.rename(w, r, who, id)
		return
	case r.Method == http.MethodDelete:
		h.remove(w, r, who, id)
		return
	default:
		var k api.Key
		if k, err = h.keys.Get(r.Context(), who, id); err == nil {
			api.WriteJSON(w, http.StatusOK, struct {
				Key keyObject `json:"apiKey"`
			}{objectOf(k)})
			return
		}
	}
	h.answerError(w, r, err)
}

// authenticate finds out whose access token it is, or answers.
func (h *handler) authenticate(w http.ResponseWriter, r *http.Request) (*api.Principal, bool) {
	token, err := bearer(r)
	if err != nil {
		h.refuse(w, r, err)
		return nil, false
	}
	if h.wait(w, r, h.forged) {
		return nil, false
	}
	if token == "" {
		h.unauthorized(w, r, "the header Authorization: Bearer is missing: it takes an access token, which POST /api/token gives")
		return nil, false
	}
	who, genuine, err := h.keys.CheckToken(r.Context(), token, api.Peer(r))
	switch {
	case wrongKey(err):
		if !genuine {
			h.forged.Fail(api.Peer(r))
		}
		h.unauthorized(w, r, "")
		return who, false
	case err != nil:
		h.answerError(w, r, err)
		return who, false
	}
	api.NotesOf(r.Context()).Caller = who.String()
	return who, true
}

func (h *handler) unauthorized(w http.ResponseWriter, r *http.Request, message string) {
	if message == "" {
		message = "the access token is wrong, has expired, or what it was issued for is gone: POST /api/token gives another one"
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	h.fail(w, r, http.StatusUnauthorized, message, nil)
}

func readBody(w http.ResponseWriter, r *http.Request, names string) (api.Params, error) {
	return api.ReadParams(w, r, api.ParamRules{MaxBody: maxBody, Known: func(name string) bool {
		return name != "" && strings.Contains(" "+names+" ", " "+name+" ")
	}})
}

func (h *handler) create(w http.ResponseWriter, r *http.Request, who *api.Principal) {
	if err := may(who, api.ScopeKeys); err != nil {
		h.answerError(w, r, err)
		return
	}
	p, err := readBody(w, r, "label expires scopes")
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	n := api.NewKey{Label: p["label"].Text, Expires: p["expires"].Text}
	scopes, err := scopesOf(p["scopes"])
	n.Scopes = scopes
	if err = errors.Join(mustBeText(p, "label"), mustBeText(p, "expires"), err); err != nil {
		h.answerError(w, r, err)
		return
	}
	ctx, cancel := changing(r)
	defer cancel()
	_, text, err := h.keys.Create(ctx, who, n)
	if err != nil {
		h.answerError(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, done{"ADDED", "Added new API Key", text})
}

func (h *handler) rename(w http.ResponseWriter, r *http.Request, who *api.Principal, id api.ID) {
	p, err := readBody(w, r, "label")
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	ctx, cancel := changing(r)
	defer cancel()
	if err = mustBeText(p, "label"); err == nil {
		_, err = h.keys.Rename(ctx, who, id, p["label"].Text)
	}
	if err != nil {
		h.answerError(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, done{Code: "UPDATED", Message: "APIKey has been updated"})
}

func (h *handler) remove(w http.ResponseWriter, r *http.Request, who *api.Principal, id api.ID) {
	ctx, cancel := changing(r)
	defer cancel()
	if err := h.keys.Remove(ctx, who, id); err != nil {
		h.answerError(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, done{Code: "REMOVED", Message: "APIKey has been removed"})
}

// changing returns a context for a change: it outlives the connection.
func changing(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), changeTimeout)
}

func mustBeText(p api.Params, name string) error {
	if p[name].Kind == api.KindOther {
		return hotspot.Invalid(name, "must be text")
	}
	return nil
}

// scopesOf reads scopes: a JSON list, or text with blanks or commas between;
// nil if there are none.
func scopesOf(v api.Value) (out []api.Scope, err error) {
	switch {
	case v.Kind == api.KindAbsent || v.Kind != api.KindOther && strings.TrimSpace(v.Text) == "":
		return nil, nil
	case v.Kind == api.KindOther:
		if json.Unmarshal([]byte(v.Text), &out) != nil {
			return nil, hotspot.Invalid("scopes", "must be a list of texts")
		}
		return append([]api.Scope{}, out...), nil
	}
	out = []api.Scope{} // given, if only by a comma
	for _, s := range strings.FieldsFunc(v.Text, func(r rune) bool { return r == ' ' || r == ',' }) {
		out = append(out, api.Scope(s))
	}
	return out, nil
}

// answerError answers what a call of Keys returned.
func (h *handler) answerError(w http.ResponseWriter, r *http.Request, err error) {
	if wrongKey(err) { // revoked while the request was under way
		h.unauthorized(w, r, "")
		return
	}
	var e *hotspot.Error
	if !errors.As(err, &e) {
		h.internal(w, r, err)
		return
	}
	switch e.Code {
	case hotspot.CodeInvalid:
		h.invalid(w, r, err)
	case hotspot.CodeForbidden:
		h.fail(w, r, http.StatusForbidden, e.Text, nil)
	case hotspot.CodeNotFound:
		h.fail(w, r, http.StatusNotFound, e.Text, nil)
	case hotspot.CodeNameTaken:
		h.fail(w, r, http.StatusConflict, e.Text, nil)
	case hotspot.CodeUnavailable:
		h.log.ErrorContext(r.Context(), "a request about keys failed", "error", err)
		h.fail(w, r, http.StatusServiceUnavailable, hotspot.ErrUnavailable.Text, nil)
	default:
		h.internal(w, r, err)
	}
}

// invalid says what is wrong, field by field.
func (h *handler) invalid(w http.ResponseWriter, r *http.Request, err error) {
	var texts []string
	fields := map[string]string{}
	for _, one := range split(err) {
		var e *hotspot.Error
		if !errors.As(one, &e) || e.Code != hotspot.CodeInvalid {
			continue
		}
		text := e.Text
		if e.Field != "" {
			fields[e.Field] = e.Text
			text = e.Field + " " + e.Text
		}
		texts = append(texts, text)
	}
	h.fail(w, r, http.StatusBadRequest, strings.Join(texts, "; "), fields)
}

// split takes joined errors apart.
func split(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}
