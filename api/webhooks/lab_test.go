package webhooks

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/apitest"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// seal turns bytes around: enough to see that what is stored is not plain.
type seal struct{ broken bool }

func (s seal) Seal(plain []byte) []byte {
	out := append([]byte{'s'}, plain...)
	for i := range out[1:] {
		out[i+1] ^= 0xff
	}
	return out
}

func (s seal) Open(sealed []byte) ([]byte, error) {
	if s.broken || len(sealed) == 0 || sealed[0] != 's' {
		return nil, errors.New("sealed by another one")
	}
	return s.Seal(sealed[1:])[1:], nil
}

// fakeEvents stand in for the rules, with a clock that the test moves.
type fakeEvents struct {
	added chan struct{}

	mu         sync.Mutex
	now        time.Time
	unbelieved bool
	set        hotspot.Settings
	subs       []hotspot.Subscription
	dropped    uint64
	waits      map[chan time.Time]time.Time
	looked     int
}

func (f *fakeEvents) Subscribe(subs []hotspot.Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs = subs
}
func (f *fakeEvents) EventsAdded() <-chan struct{} { return f.added }
func (f *fakeEvents) EventsDropped() uint64        { return f.dropped }
func (f *fakeEvents) Look(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked++
	return nil
}
func (f *fakeEvents) Now() (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, !f.unbelieved
}
func (f *fakeEvents) Settings() hotspot.Settings {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set
}

// after is time.After on the test's clock.
func (f *fakeEvents) after(d time.Duration) <-chan time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	ch := make(chan time.Time, 1)
	f.waits[ch] = f.now.Add(d)
	return ch
}

func (f *fakeEvents) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	for ch, at := range f.waits {
		if !at.After(f.now) {
			ch <- f.now
			delete(f.waits, ch)
		}
	}
}

// request is what a receiver got.
type request struct {
	header http.Header
	body   string
}

// receiver takes webhooks, over TLS in memory.
type receiver struct {
	*httptest.Server
	wire   *apitest.Wire
	mu     sync.Mutex
	got    []request
	answer func(w http.ResponseWriter, r *http.Request) // nil: 204
	now    int
	most   int // requests at a time
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	b, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	r.got = append(r.got, request{q.Header, string(b)})
	r.now++
	r.most = max(r.most, r.now)
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
	} else {
		answer(w, q)
	}
	r.mu.Lock()
	r.now--
	r.mu.Unlock()
}

func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]request(nil), r.got...)
}

func (r *receiver) set(f func(http.ResponseWriter, *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// inLab runs a test with a lab in a bubble, where no request takes any time unless
// somebody waits for it to pass: its time-outs do not depend on the machine.
func inLab(t *testing.T, f func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newLab(t)) })
}

// lab is webhooks with a store, a clock and a receiver.
type lab struct {
	*Webhooks
	t      *testing.T
	store  *hotspottest.Store
	events *fakeEvents
	to     *receiver
	local  Local
	seal   seal
	roots  *x509.CertPool
	dialer func(ctx context.Context, network, address string) (net.Conn, error) // of newClient
	stop   func()
}

var day0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, store: hotspottest.NewStore(), stop: func() {}, to: &receiver{}, events: &fakeEvents{
		added: make(chan struct{}, 1), now: day0, waits: map[chan time.Time]time.Time{}}}
	l.events.set = hotspot.DefaultSettings()
	l.events.set.WebhookLocal = true
	l.to.wire, l.to.Server = apitest.NewWire(), httptest.NewUnstartedServer(l.to)
	l.to.Listener.Close()
	l.to.Listener = l.to.wire
	l.to.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	l.to.StartTLS()
	t.Cleanup(l.to.Close)
	l.roots = x509.NewCertPool()
	l.roots.AddCert(l.to.Certificate())
	t.Cleanup(func() { l.stop() })
	l.open()
	return l
}

// open begins anew on the same store, as after kill -9.
func (l *lab) open() {
	l.t.Helper()
	l.stop()
	l.stop = func() {}
	var err error
	l.Webhooks, err = New(l.t.Context(), Config{Store: l.store, Events: l.events, Sealer: l.seal, Log: slog.New(slog.DiscardHandler),
		Local: func() Local { return l.local }, Version: "1.2.3", After: l.events.after, Roots: l.roots,
		Jitter: func(d time.Duration) time.Duration { return d },
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if a, ok := names[host]; ok {
				return []netip.Addr{netip.MustParseAddr(a)}, nil
			}
			return nil, errors.New("no such name")
		}})
	if err != nil {
		l.t.Fatal(err)
	}
	tr := l.http.Transport.(*http.Transport)
	l.dialer, tr.DialContext = tr.DialContext, l.dial
}

// dial connects to the receiver if the guard lets it, as the dialer of newClient does.
func (l *lab) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := l.guard.control(ctx, network, address, nil); err != nil {
		return nil, err
	}
	return l.to.wire.Dial(ctx, network, address)
}

// names are what the lab can look up.
var names = map[string]string{"inside.example": "10.1.2.3", "outside.example": "203.0.113.7", "router.example": "192.168.1.1"}

// run lets Run run until the test ends.
func (l *lab) run() {
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	l.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("run: %v", err)
		}
	})
}

// add makes an endpoint at the receiver.
func (l *lab) add(types ...string) (api.Webhook, string) {
	l.t.Helper()
	h, secret, err := l.Add(l.t.Context(), api.NewWebhook{URL: l.to.URL + "/hook?a=b", Types: types})
	if err != nil {
		l.t.Fatal(err)
	}
	return h, secret
}

// happen stores events for all endpoints, as the rules would.
func (l *lab) happen(n int) {
	l.t.Helper()
	err := l.store.Update(l.t.Context(), func(tx hotspot.Tx) error {
		for i := range n {
			e := hotspot.Event{ID: hotspot.NewEventID(l.events.now), Type: hotspot.EventLogin, Time: l.events.now, Data: []byte(fmt.Sprintf(`{"n":%d,"login":"<é>"}`, i))}
			for _, s := range l.events.subs {
				e.To = append(e.To, hotspot.EventTarget{Endpoint: s.Endpoint})
			}
			if err := tx.PutEvent(&e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	select {
	case l.events.added <- struct{}{}:
	default:
	}
}

// flush stores what is to be stored, as the daemon does from time to time.
func (l *lab) flush() {
	l.t.Helper()
	write, stored := l.Uses()
	if write == nil {
		return
	}
	if err := l.store.Update(l.t.Context(), write); err != nil {
		l.t.Fatal(err)
	}
	stored()
}

// rows returns what waits in the store.
func (l *lab) rows() (out []hotspot.Event) {
	l.t.Helper()
	if err := l.store.View(l.t.Context(), func(r hotspot.Reader) (err error) {
		out, err = r.Events(0, 5000)
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
	return out
}

// wait polls a condition that another goroutine brings about.
func (l *lab) wait(what string, cond func() bool) {
	l.t.Helper()
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			l.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// deliveries waits until there were n, and returns the newest.
func (l *lab) deliveries(n int) api.WebhookDelivery {
	l.t.Helper()
	var list []api.WebhookDelivery
	l.wait(fmt.Sprint(n, " deliveries"), func() bool {
		var err error
		if list, err = l.Log(l.t.Context(), api.ID{}); err != nil {
			l.t.Fatal(err)
		}
		return len(list) >= n
	})
	if len(list) != n {
		l.t.Fatalf("%d deliveries, want %d", len(list), n)
	}
	return list[0]
}

// resting waits until Run rests and no request is under way: what happens next is
// up to the test.
func (l *lab) resting() {
	l.t.Helper()
	synctest.Wait()
	l.events.mu.Lock()
	defer l.events.mu.Unlock()
	if len(l.events.waits) == 0 {
		l.t.Fatal("Run does not wait for anything")
	}
}
