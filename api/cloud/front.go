package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/cloud/peer"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// routerPolicy is what browsers are told of routers' answers: they are data. A
// router's owner could otherwise run scripts beside the account page.
const routerPolicy = "default-src 'none'; sandbox; frame-ancestors 'none'"

// ServeHTTP serves clients: by their host, the account API or a router.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rec := &recorder{Recorder: api.Recorder{ResponseWriter: w}}
	began := r.cfg.Now()
	host := strings.ToLower(req.Host)
	if name, port, ok := strings.Cut(host, ":"); ok && isPort(port) {
		host = name
	}
	defer func() { // also when the answer is cut off
		fault, begun := recover(), rec.Status != 0
		if fault != nil && fault != http.ErrAbortHandler {
			r.broken(rec, fault)
			fault = nil
			if begun {
				fault = http.ErrAbortHandler // a part must not pass for the whole
			}
		}
		r.record(rec, req, host, r.cfg.Now().Sub(began))
		if fault != nil {
			panic(fault)
		}
	}()
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	if r.leaving.Load() || req.ProtoMajor == 1 && len(req.TransferEncoding) > 0 {
		// The next request goes to another relay. And one in chunks may have named a
		// length as well, of which nothing is left to see here (RFC 9112, section 6.1).
		h.Set("Connection", "close")
	}
	if req.TLS == nil || !strings.EqualFold(req.TLS.ServerName, host) {
		r.refuse(rec, http.StatusMisdirectedRequest, "the host is not the one that the connection was made for")
		return
	}
	key := clientKey(api.Peer(req))
	if ok, full := r.requests.take(key); full {
		r.tell(rec, refuse(http.StatusServiceUnavailable, "the relay has too much to do; try again"))
		return
	} else if !ok {
		r.tooMany(rec)
		return
	}
	defer r.requests.release(key)
	switch prefix, under := strings.CutSuffix(host, "."+r.cfg.Domain); {
	case host == r.apiName():
		r.api.ServeHTTP(rec, req)
	case host == r.routerName():
		r.member(rec, req)
	case under && isPrefix(prefix):
		h.Set("Content-Security-Policy", routerPolicy)
		rec.kind = kindForward
		r.forward(rec, req, prefix)
	default:
		r.refuse(rec, http.StatusNotFound, "there is no router here")
	}
}

// broken answers after a panic, if nothing was answered yet.
func (r *Relay) broken(rec *recorder, fault any) {
	r.log.Error("panic while serving a request", "panic", fault, "stack", string(debug.Stack()))
	if rec.Status == 0 {
		r.refuse(rec, http.StatusInternalServerError, "an error of the relay's")
	}
}

// record counts a request and writes the line that says who did what: never the
// query, the headers or the body, where keys are. What was refused before it
// reached anybody is a line for those who look for it only: it may come ten
// thousand times a second.
func (r *Relay) record(rec *recorder, req *http.Request, host string, took time.Duration) {
	r.figures.request(rec.kind, rec.Status, rec.Bytes, took)
	level := slog.LevelDebug
	if rec.account != "" || rec.router != "" || rec.call != "" {
		level = slog.LevelInfo
	}
	if !r.log.Enabled(req.Context(), level) {
		return
	}
	line := []slog.Attr{slog.String("host", clip(host)), slog.String("method", clip(req.Method)), slog.Int("status", rec.Status), slog.Int64("bytes", rec.Bytes),
		slog.String("client", api.Peer(req).String()), slog.Duration("duration", took.Round(time.Microsecond))}
	for _, a := range [...]struct{ name, value string }{{"router", rec.router}, {"account", rec.account}, {"token", rec.token}, {"call", rec.call}, {"node", rec.node}} {
		if a.value != "" {
			line = append(line, slog.String(a.name, a.value))
		}
	}
	r.log.LogAttrs(req.Context(), level, "request", line...)
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// isPrefix reports whether a name could be a router's.
func isPrefix(s string) bool {
	return len(s) == 10 && strings.Trim(s, "0123456789abcdef") == ""
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// failure is what the relay itself answers on a router's host.
type failure struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
	Error   bool   `json:"error"`
}

func (r *Relay) refuse(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, failure{status, text, true})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client is gone if this fails.
	_ = json.NewEncoder(w).Encode(v)
}

// forward passes a request on to a router, and its answer back.
func (r *Relay) forward(w http.ResponseWriter, req *http.Request, prefix string) {
	client := api.Peer(req)
	switch {
	case req.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		r.refuse(w, http.StatusMethodNotAllowed, "use POST")
		return
	case req.URL.Path != "/api/" && req.URL.Path != "/api":
		r.refuse(w, http.StatusNotFound, "the API is at /api/")
		return
	case !r.clients.take(clientKey(client)):
		r.tooMany(w)
		return
	}
	router, err := r.find(req.Context(), prefix)
	if err != nil {
		r.tell(w, err)
		return
	}
	if !r.prefixes.take(prefix) {
		r.tooMany(w)
		return
	}
	noteOf(w).router = router
	// The whole body first: a client that is slow occupies no router.
	body, err := readBody(w, req)
	if err != nil {
		r.tell(w, err)
		return
	}
	r.pass(w, req, question{router: router, client: client, path: req.URL.Path, head: forRouter(req.Header), body: body})
}

// maxDropped bounds what is read of a body after it is known to be too large, in
// bytes.
const maxDropped = 1 << 20

// drop reads the rest of a body that is too large. A stream of HTTP/2 whose body is
// not read is reset right behind its answer, and then some clients, curl among
// them, lose the answer. A client that waits to be asked for its body is not asked.
func drop(req *http.Request) {
	if req.ProtoMajor == 2 && req.Header.Get("Expect") == "" {
		// The answer is the same however far it gets.
		_, _ = io.CopyN(io.Discard, req.Body, maxDropped)
	}
}

// readBody reads a body of bounded size. By HTTP/1.1, one that says that it is
// larger is not even asked for.
func readBody(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	tooLarge := refuse(http.StatusRequestEntityTooLarge, "the body may have up to %d bytes", maxBody)
	if req.ContentLength > maxBody {
		drop(req)
		return nil, tooLarge
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		drop(req)
		return nil, tooLarge
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the body ended too early, or took too long")
	}
	return b, nil
}

func (r *Relay) tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	r.refuse(w, http.StatusTooManyRequests, "too many requests; slow down")
}

// clientKey is whom requests are counted for: an IPv6 client is its /64.
func clientKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// find returns the router of a prefix, if it is connected to any relay. A prefix
// that does not exist is remembered for a second, so that guesses cost nothing.
func (r *Relay) find(ctx context.Context, prefix string) (router string, err error) {
	if h := r.links.of(prefix); h != nil {
		return h.router.ID, nil
	}
	if r.missing.is(prefix) {
		return "", errNoRouter()
	}
	x, err := r.cfg.Accounts.Router(ctx, prefix)
	var refusal *Error
	switch {
	case errors.As(err, &refusal) && refusal.Status == http.StatusNotFound:
		r.missing.note(prefix)
		return "", err
	case err != nil:
		return "", err
	}
	if r.links.at(x.ID) == nil {
		_, err = r.away(ctx, x.ID)
	}
	return x.ID, err
}

// tell answers with an error.
func (r *Relay) tell(w http.ResponseWriter, err error) {
	refusal := r.refusal(err)
	if refusal.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10")
	}
	r.refuse(w, refusal.Status, refusal.Text)
}

// passedOn are the headers of a request that a router gets.
var passedOn = [...]string{"Content-Type", "Accept", "Accept-Language", "Authorization", "X-Api-Key", "User-Agent"}

// passedBack are the headers of an answer that a client gets.
var passedBack = [...]string{"Content-Type", "Content-Length", "Cache-Control", "Retry-After", "Allow", "Www-Authenticate"}

// pass sends a request to a router, and its answer back.
func (r *Relay) pass(w http.ResponseWriter, req *http.Request, q question) {
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	slow := time.AfterFunc(r.cfg.Limits.Answer, cancel)
	defer slow.Stop()
	resp, by, err := r.send(ctx, q)
	inTime := slow.Stop()
	noteOf(w).node = by
	var refusal *Error
	switch {
	case errors.As(err, &refusal):
		r.tell(w, err)
		return
	case errors.Is(err, tunnel.ErrNotSent):
		r.tell(w, refuse(http.StatusServiceUnavailable, "the router is not connected, or has too much to do"))
		return
	case req.Context().Err() != nil:
		if err == nil {
			resp.Body.Close()
		}
		panic(http.ErrAbortHandler) // the client is gone
	case errors.Is(err, peer.ErrLate) || err != nil && !inTime:
		r.refuse(w, http.StatusGatewayTimeout, "the router did not answer in time; what was asked may have been done")
		return
	case errors.Is(err, peer.ErrOdd) || err == nil && !passable(resp):
		if err == nil {
			resp.Body.Close()
		}
		r.refuse(w, http.StatusBadGateway, "the router's answer cannot be passed on")
		return
	case err != nil:
		r.refuse(w, http.StatusBadGateway, "the router's connection ended; what was asked may have been done")
		return
	}
	defer resp.Body.Close()
	r.passBack(w, resp, q.router, cancel)
}

// wholeAnswer is how long an answer may take from its beginning to its end.
const wholeAnswer = 15 * time.Minute

// passBack copies an answer of a router. A client that stops reading is hung up on,
// since what waits for it takes memory, and so is one whose router stops
// sending. end cancels the request to the router.
func (r *Relay) passBack(w http.ResponseWriter, resp *http.Response, router string, end func()) {
	for _, name := range passedBack {
		if values := resp.Header.Values(name); len(values) > 0 {
			w.Header()[name] = values
		}
	}
	if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified {
		w.Header().Del("Content-Length") // there is no body, whatever the router says
		w.WriteHeader(resp.StatusCode)
		return
	}
	w.WriteHeader(resp.StatusCode)
	control := http.NewResponseController(w)
	hangUp := func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) } // the write fails, as it would later
	buf := make([]byte, 16<<10)
	for until := time.Now().Add(wholeAnswer); time.Now().Before(until); {
		silent := time.AfterFunc(r.cfg.Limits.Answer, end)
		n, err := resp.Body.Read(buf)
		silent.Stop()
		if n > 0 {
			if control.SetWriteDeadline(time.Now().Add(r.cfg.Limits.Stall)) != nil {
				break
			}
			over := r.crowds.wait(router, r.cfg.Limits.Crowded, hangUp)
			_, werr := w.Write(buf[:n])
			over()
			if werr != nil {
				break
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			break
		}
	}
	panic(http.ErrAbortHandler) // the client must not take a part for the whole
}

// recorder remembers what was answered, and to whom.
type recorder struct {
	api.Recorder
	kind kind
	// router and account are whose request it was, token is the name of the token
	// that opened the account, call is what it was for, and node is the relay that
	// the router's answer came by, if that is another one.
	router, account, token, call, node string
}

// noteOf returns what is remembered of a request.
func noteOf(w http.ResponseWriter) *recorder {
	if r, ok := w.(*recorder); ok {
		return r
	}
	return new(recorder)
}
