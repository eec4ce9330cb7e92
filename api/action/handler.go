package action

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Service is what the API needs of the hotspot; [hotspot.Service] is one.
type Service interface {
	Settings() hotspot.Settings
	Zone() *time.Location
	CreateVouchers(ctx context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error)
	RemoveVoucher(ctx context.Context, username string) error
	Vouchers(ctx context.Context, after uint64, limit int) ([]hotspot.VoucherView, error)
	Users(ctx context.Context, m hotspot.Method, after uint64, limit int) ([]hotspot.User, error)
	Logins(ctx context.Context, before uint64, limit int) ([]hotspot.Session, error)
	Guests(ctx context.Context) ([]hotspot.Guest, error)
	GuestHosts(ctx context.Context) ([]hotspot.GuestHost, error)
}

// Keys tells who holds an API key. A wrong key is [api.ErrWrongKey].
type Keys interface {
	Check(ctx context.Context, key string, from netip.Addr) (*api.Principal, error)
}

// Config is what the handler is made of.
type Config struct {
	Service Service      // must not be nil
	Keys    Keys         // must not be nil
	Log     *slog.Logger // must not be nil
	// Now reads the clock that limits wrong keys; nil: time.Now.
	Now func() time.Time
	// PostOnly refuses GET and ignores query strings whatever the settings
	// say, as the cloud endpoint must.
	PostOnly bool
}

// maxBody bounds a request's body.
const maxBody = 64 << 10

// changeTimeout bounds an action that changes something. Such an action is
// carried through even if the client hangs up in the middle.
const changeTimeout = 30 * time.Second

// The messages, to the letter.
const (
	msgOff           = "API is not enabled"
	msgNoKey         = "API Key not set or method not allowed"
	msgWrongKey      = "API Key is incorrect"
	msgTaken         = "Username already exists"
	msgAdded         = "User added successfully"
	msgUnknown       = "Username doesn't exist"
	msgNoUsername    = "No username set"
	msgRemoved       = "User removed successfully"
	msgError         = "An error occurred"
	detailInternal   = "an internal error; the router's log says more"
	detailNoAction   = "action: not set"
	detailGetOff     = "the GET method is not enabled"
	detailPostOff    = "the POST method is not enabled"
	detailKeyMissing = "api-key: not set"
)

type handler struct {
	cfg     Config
	wrong   *api.FailureLimiter
	actions map[string]action
	known   map[string]bool // parameters
}

// action is one row of the table of actions.
type action struct {
	scope api.Scope
	run   func(c *call) error
}

// call is one request that has passed the checks.
type call struct {
	Service
	ctx    context.Context
	w      http.ResponseWriter
	params params
	log    *slog.Logger
}

// documented is a message of the contract that an action answers instead of
// doing anything.
type documented string

// Error implements error.
func (m documented) Error() string { return string(m) }

// New returns the handler of /api and /api/.
func New(cfg Config) http.Handler {
	h := &handler{
		cfg:     cfg,
		wrong:   api.NewFailureLimiter(api.LimiterConfig{Now: cfg.Now}),
		actions: actions(),
		known:   knownParams(),
	}
	answer := func(w http.ResponseWriter, r *http.Request) {
		fail(w, r, msgError, detailInternal)
	}
	return api.Recover(cfg.Log, answer, h)
}

// actions says what runs for each of [api.Actions].
func actions() map[string]action {
	runs := map[string]func(*call) error{
		"create_voucher":    createVoucher,
		"remove_voucher":    removeVoucher,
		"get_voucher_users": listVouchers,
		"get_email_users":   listUsers(hotspot.MethodEmail, emailRow),
		"get_fb_users":      listUsers(hotspot.MethodFacebook, facebookRow),
		"get_mobile_users":  listUsers(hotspot.MethodMobile, mobileRow),
		"get_free_users":    listUsers(hotspot.MethodFree, freeRow),
		"get_logins":        listLogins,
		"get_guest_hosts":   listHosts,
		"get_active_guests": listGuests,
	}
	all := make(map[string]action, len(runs))
	for _, a := range api.Actions() {
		all[a.Name] = action{a.Scope, runs[a.Name]}
	}
	return all
}

// ServeHTTP implements http.Handler. The order of the checks is part of the
// contract.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/" && r.URL.Path != "/api" {
		api.WriteFailure(w, http.StatusNotFound, "Not found", "the API is at /api/")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		api.WriteFailure(w, http.StatusMethodNotAllowed, "Method not allowed", "the API takes GET and POST")
		return
	}
	st := h.cfg.Service.Settings()
	get := st.APIGet && !h.cfg.PostOnly
	switch {
	case !get && !st.APIPost:
		fail(w, r, msgOff, "")
		return
	case r.Method == http.MethodGet && !get:
		fail(w, r, msgNoKey, detailGetOff)
		return
	case r.Method == http.MethodPost && !st.APIPost:
		fail(w, r, msgNoKey, detailPostOff)
		return
	}
	p, err := h.readParams(w, r, get)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	who, ok := h.authenticate(w, r, p)
	if ok {
		h.act(w, r, who, p)
	}
}

// refuse answers a request that does not parse.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var problem *api.Problem
	if !errors.As(err, &problem) {
		h.internal(w, r, "reading the request", err)
		return
	}
	problem.Write(w)
}

// authenticate finds out who calls, or answers. Attempts from an address with
// too many wrong keys are refused before the key is looked at: an answer that
// depended on it would let guessing go on.
func (h *handler) authenticate(w http.ResponseWriter, r *http.Request, p params) (*api.Principal, bool) {
	key, ok := p.scalar("api-key")
	if !ok {
		fail(w, r, msgNoKey, detailKeyMissing)
		return nil, false
	}
	peer := api.Peer(r)
	if wait := h.wrong.Wait(peer); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		api.WriteFailure(w, http.StatusTooManyRequests, "Too many requests",
			"too many wrong API keys came from this address; try again later")
		return nil, false
	}
	who, err := h.cfg.Keys.Check(r.Context(), key, peer)
	switch {
	case errors.Is(err, api.ErrWrongKey):
		h.wrong.Fail(peer)
		fail(w, r, msgWrongKey, "")
		return nil, false
	case err != nil:
		h.internal(w, r, "checking the API key", err)
		return nil, false
	case !who.May(api.ScopeVouchers):
		fail(w, r, msgWrongKey, "the key is not for this API")
		return nil, false
	}
	api.NotesOf(r.Context()).Caller = who.String()
	return who, true
}

// act runs the action that a caller asked for.
func (h *handler) act(w http.ResponseWriter, r *http.Request, who *api.Principal, p params) {
	name, ok := p.scalar("action")
	if !ok {
		if p["action"].Kind == api.KindOther {
			fail(w, r, msgError, "action: must be text")
			return
		}
		fail(w, r, msgError, detailNoAction)
		return
	}
	a, ok := h.actions[name]
	if !ok {
		fail(w, r, msgError, fmt.Sprintf("action: %s is not one of the actions", quote(name)))
		return
	}
	api.NotesOf(r.Context()).Action = name
	if !who.May(a.scope) {
		fail(w, r, msgError, fmt.Sprintf("the key may not use %s", name))
		return
	}
	// A key that is revoked ends what goes on under it: a list that is still
	// being sent is cut. A change that has begun is carried through.
	ctx, end := who.Within(r.Context())
	defer end()
	err := a.run(&call{
		Service: h.cfg.Service, ctx: ctx, w: w, params: p,
		log: h.cfg.Log.With(slog.String("action", name)),
	})
	switch {
	case err == nil:
	case errors.Is(context.Cause(ctx), api.ErrWrongKey):
		fail(w, r, msgWrongKey, "")
	default:
		h.answerError(w, r, err)
	}
}

// answerError answers an error of an action that has written nothing yet.
func (h *handler) answerError(w http.ResponseWriter, r *http.Request, err error) {
	var m documented
	if errors.As(err, &m) {
		fail(w, r, string(m), "")
		return
	}
	var e *hotspot.Error
	if !errors.As(err, &e) {
		h.internal(w, r, "running an action", err)
		return
	}
	switch e.Code {
	case hotspot.CodeInvalid:
		detail := e.Text
		if e.Field != "" {
			detail = e.Field + ": " + detail
		}
		fail(w, r, msgError, clip(detail, 200))
	case hotspot.CodeUnavailable:
		h.log(r, "running an action", err)
		fail(w, r, msgError, clip(e.Text, 200)) // says what: the disk, or the network
	default:
		h.internal(w, r, "running an action", err)
	}
}

// internal answers an error whose text is none of the client's business.
func (h *handler) internal(w http.ResponseWriter, r *http.Request, doing string, err error) {
	h.log(r, doing, err)
	fail(w, r, msgError, detailInternal)
}

func (h *handler) log(r *http.Request, doing string, err error) {
	level := slog.LevelError
	if r.Context().Err() != nil { // the client hung up
		level = slog.LevelDebug
	}
	h.cfg.Log.Log(r.Context(), level, doing,
		slog.String("action", api.NotesOf(r.Context()).Action), slog.Any("error", err))
}

// fail answers with a documented message, and so with status 200: common HTTP
// clients throw the body of other answers away.
func fail(w http.ResponseWriter, r *http.Request, message, detail string) {
	api.NotesOf(r.Context()).Outcome = message
	api.WriteFailure(w, http.StatusOK, message, detail)
}
