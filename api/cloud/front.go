package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// ServeHTTP serves clients: by their host, the account API or a router.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rec := &recorder{ResponseWriter: w}
	began := r.cfg.Now()
	host := strings.ToLower(req.Host)
	if name, port, ok := strings.Cut(host, ":"); ok && isPort(port) {
		host = name
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	switch prefix, under := strings.CutSuffix(host, "."+r.cfg.Domain); {
	case req.TLS == nil || !strings.EqualFold(req.TLS.ServerName, host):
		r.refuse(rec, http.StatusMisdirectedRequest, "the host is not the one that the connection was made for")
	case host == r.apiName():
		r.api.ServeHTTP(rec, req)
	case host == r.routerName():
		r.member(rec, req)
	case under && isPrefix(prefix):
		r.forward(rec, req, prefix)
	default:
		r.refuse(rec, http.StatusNotFound, "there is no router here")
	}
	// Never the query, the headers or the body: keys are there.
	r.log.Info("request", "host", clip(host), "method", clip(req.Method), "status", rec.status, "bytes", rec.bytes,
		"client", api.Peer(req), "duration", r.cfg.Now().Sub(began).Round(time.Microsecond))
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
	h.Set("Content-Type", "application/json")
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
	to, err := r.find(req.Context(), prefix)
	if err != nil {
		r.tell(w, err)
		return
	}
	if !r.prefixes.take(prefix) {
		r.tooMany(w)
		return
	}
	// The whole body first: a client that is slow occupies no router.
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		r.refuse(w, http.StatusRequestEntityTooLarge, "the body may have up to 65536 bytes")
		return
	}
	if err != nil {
		r.refuse(w, http.StatusBadRequest, "the body ended too early")
		return
	}
	r.pass(w, req, to, client, body)
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

// find returns the link to a prefix's router. One that does not exist is
// remembered for a second, so that guesses cost nothing.
func (r *Relay) find(ctx context.Context, prefix string) (*held, error) {
	if h := r.links.of(prefix); h != nil {
		return h, nil
	}
	if r.missing.is(prefix) {
		return nil, errNoRouter()
	}
	_, err := r.cfg.Accounts.Router(ctx, prefix)
	var refusal *Error
	switch {
	case errors.As(err, &refusal) && refusal.Status == http.StatusNotFound:
		r.missing.note(prefix)
		return nil, err
	case err != nil:
		return nil, err
	}
	return nil, refuse(http.StatusServiceUnavailable, "the router is not connected")
}

// tell answers with an error.
func (r *Relay) tell(w http.ResponseWriter, err error) {
	var refusal *Error
	if !errors.As(err, &refusal) {
		r.log.Error("request failed", "error", err)
		refusal = refuse(http.StatusInternalServerError, "an error of the relay's")
	}
	if refusal.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10")
	}
	r.refuse(w, refusal.Status, refusal.Text)
}

// passedOn are the headers of a request that a router gets.
var passedOn = [...]string{"Content-Type", "Accept", "Accept-Language", "Authorization", "X-Api-Key", "User-Agent"}

// passedBack are the headers of an answer that a client gets.
var passedBack = [...]string{"Content-Type", "Content-Length", "Cache-Control", "Retry-After", "Allow", "Www-Authenticate"}

// pass sends a request to a router. What may have been sent is not sent again.
func (r *Relay) pass(w http.ResponseWriter, req *http.Request, to *held, client netip.Addr, body []byte) {
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://router"+req.URL.Path, bytes.NewReader(body))
	if err != nil {
		r.tell(w, err)
		return
	}
	for _, name := range passedOn {
		if values := req.Header.Values(name); len(values) > 0 {
			out.Header[name] = values
		}
	}
	out.Header.Set(tunnel.ClientHeader, client.String())
	slow := time.AfterFunc(r.cfg.Limits.Answer, cancel)
	resp, err := to.link.RoundTrip(out)
	inTime := slow.Stop()
	switch {
	case errors.Is(err, tunnel.ErrNotSent):
		r.tell(w, refuse(http.StatusServiceUnavailable, "the router is not connected, or has too much to do"))
		return
	case err != nil && !inTime:
		r.refuse(w, http.StatusGatewayTimeout, "the router did not answer in time; what was asked may have been done")
		return
	case err != nil:
		r.refuse(w, http.StatusBadGateway, "the router's connection ended; what was asked may have been done")
		return
	}
	defer resp.Body.Close()
	r.passBack(w, resp)
}

// passBack copies a router's answer. A client that stops reading is hung up on:
// what waits for it takes memory.
func (r *Relay) passBack(w http.ResponseWriter, resp *http.Response) {
	for _, name := range passedBack {
		if values := resp.Header.Values(name); len(values) > 0 {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(resp.StatusCode)
	control := http.NewResponseController(w)
	buf := make([]byte, 16<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if control.SetWriteDeadline(time.Now().Add(stallWait)) != nil {
				panic(http.ErrAbortHandler)
			}
			if _, werr := w.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler) // the client must not take a part for the whole
		}
	}
}

// stallWait is how long a client may take for the next part of an answer.
const stallWait = 20 * time.Second

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
