package v1

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"path"
	"time"

	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// API is the REST API as it is served. As an http.Handler it takes requests
// whose caller is known, by [surface.WithPrincipal]; [API.For] finds out who
// calls.
type API struct {
	server *server
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.serve(w, r, func(r *http.Request) (*surface.Principal, error) { return surface.PrincipalOf(r.Context()), nil })
}

// For serves the API to callers whom one of some authenticators knows. They are
// asked in order.
func (a *API) For(known ...surface.Authenticator) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, func(r *http.Request) (*surface.Principal, error) { return surface.Authenticate(r, known...) })
	})
}

// serve answers a request, once the operation's access allows it. What no
// operation is at is not there for anybody.
func (a *API) serve(w http.ResponseWriter, r *http.Request, who surface.Authenticator) {
	internal := func(w http.ResponseWriter, _ *http.Request) { writeProblem(w, problemOf(nil)) }
	surface.Recover(a.server.Log, internal, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		found, _ := a.server.mux.Handler(r)
		at, ok := found.(*route)
		if !ok || odd(r.URL) {
			writeProblem(w, nothingHere(w.Header(), r, found))
			return
		}
		surface.NotesOf(r.Context()).Action = at.id
		ctx, end, p := a.server.admit(r, at, who)
		if p != nil {
			writeProblem(w, p)
			return
		}
		defer end()
		a.server.mux.ServeHTTP(w, r.WithContext(ctx))
	})).ServeHTTP(w, r)
}

// nothingHere says that no operation is at a path, or none for this method: the
// mux knows which others there are.
func nothingHere(header http.Header, r *http.Request, found http.Handler) *Problem {
	if at := (allowed{http.Header{}}); !odd(r.URL) {
		found.ServeHTTP(at, r)
		if allow := at.header.Get("Allow"); allow != "" {
			header.Set("Allow", allow)
			return inputProblem(http.StatusMethodNotAllowed, "", "this path takes "+allow)
		}
	}
	return problemOf(&hotspot.Error{Code: hotspot.CodeNotFound, Text: "there is nothing at this path"})
}

// allowed keeps the header of what the mux says of a method, and nothing else.
type allowed struct{ header http.Header }

func (a allowed) Header() http.Header         { return a.header }
func (a allowed) Write(b []byte) (int, error) { return len(b), nil }
func (a allowed) WriteHeader(int)             {}

// odd reports whether a path is one that the mux would redirect from.
func odd(u *url.URL) bool {
	p := u.EscapedPath()
	return p == "" || path.Clean(p) != p
}

// route is one row of the table of operations, as it is served.
type route struct {
	id     string
	access access
	once   bool // it takes an Idempotency-Key
	match  bool // it takes If-Match
	http.Handler
}

// admit finds out who calls and whether the caller may. The context carries the
// caller, and ends when the credential is revoked.
func (s *server) admit(r *http.Request, at *route, who surface.Authenticator) (context.Context, context.CancelFunc, *Problem) {
	if at.access.kind == accessOpen {
		return r.Context(), func() {}, nil
	}
	p, err := who(r)
	if err != nil {
		return nil, nil, s.refusal(r.Context(), at.id, err)
	}
	if pr := at.access.refuse(p); pr != nil {
		return nil, nil, pr
	}
	if !at.once && r.Header.Get(onceHeader) != "" && (r.Method == http.MethodPost || r.Method == http.MethodPatch) {
		// To ignore it would be a promise broken.
		return nil, nil, inputProblem(http.StatusBadRequest, onceHeader, "this operation does not take it")
	}
	if !at.match && r.Header.Get(matchHeader) != "" && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, nil, inputProblem(http.StatusBadRequest, matchHeader, "this operation does not take it")
	}
	surface.NotesOf(r.Context()).Caller = p.String()
	ctx, end := p.Within(r.Context())
	return ctx, end, nil
}

// refusal turns what an authenticator said into a problem.
func (s *server) refusal(ctx context.Context, operation string, err error) *Problem {
	var wait *surface.WaitError
	var bad *surface.Problem
	switch {
	case errors.Is(err, surface.ErrWrongKey), errors.Is(err, surface.ErrNoCredential):
		return unauthorized(err)
	case errors.As(err, &wait):
		p := problemOf(&hotspot.Error{Code: hotspot.CodeTryLater, Text: wait.Error()})
		p.retry = wait.Seconds()
		return p
	case errors.As(err, &bad):
		return inputProblem(bad.Status, "", bad.Detail)
	}
	return s.problem(ctx, operation, err)
}

// retryAfter is when to try again what is refused for some time, in seconds.
func retryAfter(e *hotspot.Error, now time.Time) int {
	if e.Code != hotspot.CodeTryLater {
		return 0
	}
	if wait := e.When.Sub(now); !e.When.IsZero() && wait > 0 {
		return int(math.Ceil(min(wait, time.Hour).Seconds()))
	}
	return 1
}
