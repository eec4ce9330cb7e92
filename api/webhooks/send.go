package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// sendWithin bounds one request, from the look-up of the name to the last
	// byte read of the answer.
	sendWithin = 15 * time.Second
	// maxBody bounds a request's body.
	maxBody = 20_000
	// maxAnswer is how much of an answer is read, and maxShown how much of it,
	// in characters, is shown if it is a refusal.
	maxAnswer, maxShown = 4 << 10, 120
	// maxRetryAfter bounds what a receiver can ask for.
	maxRetryAfter = 24 * time.Hour
)

// newClient returns the client for all requests. Connections are kept for a
// moment: a router takes long to encrypt anew.
func newClient(g guard, roots *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, ControlContext: g.control}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 will do
			TLSHandshakeTimeout:    10 * time.Second,
			MaxIdleConns:           Max,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        20 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// outcome is what became of a request.
type outcome struct {
	status int
	err    hotspot.Text // zero: it was taken
	took   time.Duration
	gone   bool          // the receiver wants no more
	wait   time.Duration // the receiver asks for this
	sealed bool          // it could not be signed
}

// bodyOf is what is sent of an event. It is the same at every attempt.
func bodyOf(e *hotspot.Event) ([]byte, error) {
	body := struct {
		ID        string          `json:"id"`
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Unsure    bool            `json:"clock_unsure,omitzero"`
		Data      json.RawMessage `json:"data"`
	}{e.ID, string(e.Type), e.Time.UTC(), e.Provisional, e.Data}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	if b.Len() > maxBody {
		return nil, fmt.Errorf("its body has %d bytes, more than %d", b.Len(), maxBody)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// post sends an event to an endpoint once.
func (w *Webhooks) post(ctx context.Context, h *hook, id string, body []byte) outcome {
	now, _ := w.cfg.Events.Now()
	secrets, err := w.secrets(h, now)
	if err != nil {
		var e *hotspot.Error
		errors.As(err, &e)
		return outcome{err: hotspot.Said(e.Text), sealed: true}
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, plainKey{}, strings.HasPrefix(h.URL, "http:")), sendWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return outcome{err: hotspot.Textf("%s", err)}
	}
	req.Header = http.Header{ // the names are sent as they are written here
		"Content-Type":      {"application/json"},
		"User-Agent":        {"Vouchsafe/" + w.cfg.Version},
		"webhook-id":        {id},
		"webhook-timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"webhook-signature": {sign(id, now, body, secrets...)},
	}
	began := time.Now()
	out := w.exchange(req)
	out.took = time.Since(began)
	return out
}

// exchange sends a request and judges its answer.
func (w *Webhooks) exchange(req *http.Request) outcome {
	res, err := w.http.Do(req)
	if err != nil {
		return outcome{err: reason(err)}
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	out := outcome{status: res.StatusCode}
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return out
	case res.StatusCode >= 300 && res.StatusCode < 400:
		out.err = hotspot.Textf("it answered %s: redirects are not followed; correct the webhook's url", shown(res.Status))
		return out
	case res.StatusCode == http.StatusGone:
		out.gone = true
	}
	if out.err = hotspot.Textf("it answered %s", shown(res.Status)); shown(string(answer)) != "" {
		out.err = hotspot.Textf("it answered %s: %s", shown(res.Status), shown(string(answer)))
	}
	if s, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 32); err == nil {
		out.wait = min(time.Duration(s)*time.Second, maxRetryAfter)
	}
	return out
}

// reason says why a request got no answer.
func reason(err error) hotspot.Text {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return hotspot.Textf("it did not answer within %s", sendWithin.String())
	}
	var refused interface{ Message() (string, []any) } // by the guard
	if errors.As(err, &refused) {
		format, args := refused.Message()
		return hotspot.Textf(format, args...)
	}
	return hotspot.Textf("it could not be reached (%s)", strange{err})
}

// strange is an error with words of strangers in it.
type strange struct{ error }

// Error implements error.
func (s strange) Error() string { return shown(s.error.Error()) }

// Unwrap returns the error as it was.
func (s strange) Unwrap() error { return s.error }

// shown makes a text of strangers fit for lists.
func shown(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "�"), func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if r := []rune(s); len(r) > maxShown {
		s = string(r[:maxShown-1]) + "…"
	}
	return strings.TrimRight(s, ": ")
}

// TestType is the type of the event that [Webhooks.Test] sends.
const TestType = "test.ping"

// Test sends an event of the type test.ping to an endpoint, once, also to one
// that is disabled, and returns what became of it.
func (w *Webhooks) Test(ctx context.Context, id api.ID) (api.WebhookDelivery, error) {
	h, err := w.find(id)
	if err != nil {
		return api.WebhookDelivery{}, err
	}
	now, believed := w.cfg.Events.Now()
	if !believed {
		return api.WebhookDelivery{}, &hotspot.Error{Code: hotspot.CodeUnavailable,
			Text: "the clock is not right yet, so no receiver would believe the signature: see `vouchsafe doctor`"}
	}
	w.mu.Lock()
	p := w.state[id]
	w.mu.Unlock()
	if p == nil {
		return api.WebhookDelivery{}, errUnknown()
	}
	e := &hotspot.Event{ID: hotspot.NewEventID(now), Type: TestType, Time: now.UTC().Truncate(time.Microsecond), Data: []byte(`{"text":"This is a test."}`)}
	body, err := bodyOf(e)
	if err != nil {
		return api.WebhookDelivery{}, err
	}
	select { // one request at a time
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return api.WebhookDelivery{}, ctx.Err()
	}
	out := w.post(ctx, h, e.ID, body)
	<-p.turn
	d := out.delivery(h.id, e, 1, now)
	w.mu.Lock()
	w.note(d)
	w.mu.Unlock()
	w.raise()
	return d, nil
}

//go:noinline // it takes much code where it is called
func (o *outcome) delivery(id api.ID, e *hotspot.Event, attempt int, at time.Time) api.WebhookDelivery {
	return api.WebhookDelivery{Webhook: id, Event: e.ID, Type: string(e.Type), At: at, Attempt: attempt, OK: o.err.IsZero(),
		Status: o.status, Took: o.took, Error: o.err}
}
