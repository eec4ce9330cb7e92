package webhooks

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Max is how many endpoints there can be.
const Max = 8

// Events is what is needed of [hotspot.Service].
type Events interface {
	Subscribe(subs []hotspot.Subscription)
	EventsAdded() <-chan struct{}
	EventsDropped() uint64
	// Look finds events that no change brings about.
	Look(ctx context.Context) error
	Now() (t time.Time, believed bool)
	Settings() hotspot.Settings
}

var _ Events = (*hotspot.Service)(nil)

// Sealer keeps secrets from those who have the store alone.
type Sealer interface {
	Seal(plain []byte) []byte
	Open(sealed []byte) ([]byte, error)
}

// Config is what [Webhooks] are made of.
type Config struct {
	Store  hotspot.Store // must not be nil
	Events Events        // must not be nil
	Sealer Sealer        // must not be nil
	Log    *slog.Logger  // must not be nil
	// Local tells what webhooks must not reach; must not be nil.
	Local   func() Local
	Version string // of this program, for the receivers' logs

	// After is told to wait; nil: time.After.
	After func(time.Duration) <-chan time.Time
	// Jitter turns the longest wait before a retry into the real one; nil: a
	// random one up to it.
	Jitter func(time.Duration) time.Duration
	// Resolve looks a name up while an endpoint is made; nil: the system does.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Roots are the authorities that are trusted; nil: the system's.
	Roots *x509.CertPool
}

// Webhooks keeps endpoints, and tells them of events. It is safe for concurrent
// use.
type Webhooks struct {
	cfg   Config
	log   *slog.Logger
	guard guard
	http  *http.Client
	wake  chan struct{}

	turn chan struct{} // held by who changes endpoints in the store

	mu     sync.Mutex // guards all below; never held during I/O
	hooks  []*hook    // in order of creation; each is replaced, not changed
	state  map[api.ID]*progress
	queue  map[uint64]*waiting
	loaded uint64 // the newest event in queue
	log100 []api.WebhookDelivery
	gaveUp uint64
	clock  bool // events wait for a clock that can be believed
	said   map[string]string
}

// New returns the endpoints of a store, and subscribes them. No field of c that
// must not be nil may be.
func New(ctx context.Context, c Config) (*Webhooks, error) {
	if c.After == nil {
		c.After = time.After
	}
	if c.Jitter == nil {
		c.Jitter = func(d time.Duration) time.Duration { return time.Second + rand.N(max(d, 1)) }
	}
	if c.Resolve == nil {
		c.Resolve = lookup
	}
	w := &Webhooks{cfg: c, log: c.Log.With("component", "webhooks"), wake: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		state: map[api.ID]*progress{}, queue: map[uint64]*waiting{}, said: map[string]string{}}
	w.guard = guard{local: c.Local, allowed: func() bool { return c.Events.Settings().WebhookLocal }}
	w.http = newClient(w.guard, c.Roots)
	if err := w.read(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// read takes the endpoints over from the store.
func (w *Webhooks) read(ctx context.Context) error {
	var stored, lasts map[string][]byte
	err := w.cfg.Store.View(ctx, func(r hotspot.Reader) (err error) {
		if stored, err = r.Secrets(recordPrefix); err != nil {
			return err
		}
		lasts, err = r.Secrets(lastPrefix)
		return err
	})
	if err != nil {
		return err
	}
	var hooks []*hook
	for name, b := range stored {
		h, err := readHook(strings.TrimPrefix(name, recordPrefix), b)
		if err != nil {
			w.log.Error("a webhook cannot be read and is told of nothing", "webhook", name, "error", err)
			continue
		}
		hooks = append(hooks, h)
	}
	slices.SortFunc(hooks, func(a, b *hook) int {
		if a.Created != b.Created {
			return int(min(max(a.Created-b.Created, -1), 1))
		}
		return strings.Compare(a.id.String(), b.id.String())
	})
	w.mu.Lock()
	w.hooks = hooks
	for _, h := range hooks {
		if w.state[h.id] == nil {
			var last result // what cannot be read is as good as none
			_ = json.Unmarshal(lasts[lastPrefix+h.id.String()], &last)
			w.state[h.id] = newProgress(last.delivery(h.id))
		}
	}
	w.mu.Unlock()
	w.subscribe()
	return nil
}

// subscribe tells the rules who wants to be told of what, and lets Run look.
func (w *Webhooks) subscribe() {
	var subs []hotspot.Subscription
	w.mu.Lock()
	for _, h := range w.hooks {
		if h.Enabled {
			subs = append(subs, hotspot.Subscription{Endpoint: h.id.String(), Types: h.types()})
		}
	}
	w.mu.Unlock()
	w.cfg.Events.Subscribe(subs)
	w.raise()
}

//go:noinline // it takes much code where it is called
func (w *Webhooks) raise() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *Webhooks) find(id api.ID) (*hook, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.findLocked(id)
}

//go:noinline // it takes much code where it is called
func (w *Webhooks) findLocked(id api.ID) (*hook, error) {
	for _, h := range w.hooks {
		if h.id == id {
			return h, nil
		}
	}
	return nil, errUnknown()
}

//go:noinline // it takes much code where it is called
func errUnknown() error {
	return &hotspot.Error{Code: hotspot.CodeNotFound, Field: "id", Text: "no webhook has this id"}
}

// Notices tells the operator what does not go as it should.
func (w *Webhooks) Notices() hotspot.Texts {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out hotspot.Texts
	for _, h := range w.hooks {
		switch p := w.state[h.id]; {
		case h.Stopped != "":
			out.Addf("the webhook %s is stopped: %s", h.name(), hotspot.Said(h.Stopped))
		case h.Enabled && p.failures >= tellAfter:
			out.Addf("the webhook %s fails again and again: %s; see `vouchsafe webhook log`", h.name(), p.last.Error)
		}
	}
	if w.clock {
		out.Addf("webhooks wait until the clock is right: see `vouchsafe doctor`")
	}
	if n := w.cfg.Events.EventsDropped() + w.gaveUp; n > 0 {
		out.Addf("events that a webhook was to be told of were given up since the start, %d of them: the queue was full, or the receiver did not answer for days", n)
	}
	return out
}

// inTurn lets one change of endpoints after another through.
func (w *Webhooks) inTurn(ctx context.Context, f func() error) error {
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.turn }()
	return f()
}

// storeError passes domain errors on as they are.
func storeError(err error) error {
	var e *hotspot.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "the webhook could not be stored; try again", Err: err}
}
