package keys

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// The paths of the endpoints.
const (
	pathToken = "/api/token"
	pathKeys  = "/api/apikey"
)

// Serves reports whether a path belongs to the handler.
func Serves(path string) bool {
	return path == pathToken || path == pathKeys || strings.HasPrefix(path, pathKeys+"/")
}

// handler serves /api/token and /api/apikey.
type handler struct {
	keys *Keys
	log  *slog.Logger
	// failed counts wrong credentials, and forged tokens made up ones. They
	// are apart: a program whose token is damaged must be able to get another.
	failed, forged *api.FailureLimiter
}

// NewHandler returns the handler of the paths for which [Serves] is true. now
// reads the clock that limits wrong credentials; nil: time.Now.
func NewHandler(k *Keys, now func() time.Time) http.Handler {
	h := &handler{
		keys: k, log: k.cfg.Log,
		failed: api.NewFailureLimiter(api.LimiterConfig{Burst: 5, Every: 12 * time.Second, Now: now}),
		forged: api.NewFailureLimiter(api.LimiterConfig{Now: now}),
	}
	answer := func(w http.ResponseWriter, r *http.Request) { h.internal(w, r, nil) }
	return api.Recover(k.cfg.Log, answer, h)
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch id, isKey := strings.CutPrefix(r.URL.Path, pathKeys+"/"); {
	case r.URL.Path == pathToken:
		if h.allow(w, r, http.MethodPost) {
			h.token(w, r)
		}
	case isKey && id != "":
		if h.allow(w, r, http.MethodGet, http.MethodPatch, http.MethodDelete) {
			h.one(w, r, id)
		}
	default:
		if h.allow(w, r, http.MethodGet, http.MethodPost) {
			h.many(w, r)
		}
	}
}

// allow refuses methods that a path does not have.
func (h *handler) allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	h.fail(w, r, http.StatusMethodNotAllowed, "this path takes "+strings.Join(methods, ", "), nil)
	return false
}

// failure is the shape of every answer that says no.
type failure struct {
	Code    string `json:"code,omitempty"` // not in answers of /api/token
	Message string `json:"message"`
	Error   bool   `json:"error"`
	// Fields says what is wrong with which input.
	Fields map[string]string `json:"fields,omitempty"`
}

// codes are for programs, one per status.
func codeOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "INVALID"
	case http.StatusUnauthorized:
		return "UNAUTHORIZED"
	case http.StatusForbidden:
		return "FORBIDDEN"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusConflict:
		return "LABEL_TAKEN"
	case http.StatusTooManyRequests:
		return "TOO_MANY_REQUESTS"
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	case http.StatusInternalServerError:
		return "INTERNAL"
	}
	return strings.ToUpper(strings.ReplaceAll(http.StatusText(status), " ", "_"))
}

func (h *handler) fail(w http.ResponseWriter, r *http.Request, status int, message string, fields map[string]string) {
	f := failure{Message: message, Error: true, Fields: fields}
	if r.URL.Path != pathToken {
		f.Code = codeOf(status)
	}
	api.WriteJSON(w, status, f)
}

// refuse answers a request that does not parse.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var p *api.Problem
	if !errors.As(err, &p) {
		h.internal(w, r, err)
		return
	}
	h.fail(w, r, p.Status, p.Detail, nil)
}

// internal answers an error whose text is none of the client's business.
func (h *handler) internal(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil && r.Context().Err() == nil {
		h.log.ErrorContext(r.Context(), "a request about keys failed", slog.Any("error", err))
	}
	h.fail(w, r, http.StatusInternalServerError, "an internal error; the router's log says more", nil)
}

// wait refuses addresses that failed too often, before their credential is
// looked at: an answer that depended on it would let guessing go on.
func (h *handler) wait(w http.ResponseWriter, r *http.Request, l *api.FailureLimiter) bool {
	wait := l.Wait(api.Peer(r))
	if wait <= 0 {
		return false
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	h.fail(w, r, http.StatusTooManyRequests, "too many wrong credentials came from this address; try again later", nil)
	return true
}

// token serves POST /api/token.
func (h *handler) token(w http.ResponseWriter, r *http.Request) {
	c, err := readCredential(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if c == (credential{}) {
		h.fail(w, r, http.StatusUnauthorized, "no API key, and no e-mail address and password of an operator", nil)
		return
	}
	if h.wait(w, r, h.failed) {
		return
	}
	p, err := h.signIn(r, c)
	var token string
	if err == nil {
		api.NotesOf(r.Context()).Caller = p.String()
		token, _, err = h.keys.IssueToken(r.Context(), p)
	}
	var wait *api.WaitError
	switch {
	case errors.As(err, &wait):
		w.Header().Set("Retry-After", strconv.Itoa(wait.Seconds()))
		h.fail(w, r, http.StatusTooManyRequests, wait.Error(), nil)
	case wrongKey(err):
		h.failed.Fail(api.Peer(r))
		h.fail(w, r, http.StatusUnauthorized, "the credentials are wrong or have expired", nil)
	case err != nil:
		h.answerError(w, r, err)
	default:
		api.WriteJSON(w, http.StatusOK, struct {
			Token string `json:"access_token"`
		}{token})
	}
}

func (h *handler) signIn(r *http.Request, c credential) (*api.Principal, error) {
	switch ops := h.keys.cfg.Operators; {
	case c.key != "":
		return h.keys.Check(r.Context(), c.key, api.Peer(r))
	case ops == nil:
		return nil, api.ErrWrongKey
	default:
		return ops.SignIn(r.Context(), c.email, c.password, api.Peer(r))
	}
}
