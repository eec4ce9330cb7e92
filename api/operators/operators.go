package operators

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Config is what [Operators] are made of.
type Config struct {
	Store hotspot.Store // must not be nil
	// Sealer seals the secrets of authenticator apps; must not be nil.
	Sealer Sealer
	// Now tells the house's time and whether it is believed, as
	// hotspot.Service does. Must not be nil. It is first called by a use.
	Now func() (t time.Time, believed bool)
	Log *slog.Logger // must not be nil
	// Mono reads a clock that nobody sets; nil: the process's.
	Mono func() time.Duration
	// MaxMemory is what hashing a password may take, in KiB; 0: 19 MiB.
	MaxMemory uint32
}

// Operators keeps operators and their sessions. It is safe for concurrent use.
type Operators struct {
	cfg    Config
	hasher *hasher
	limits limits
	cross  *http.CrossOriginProtection
	// turn is held by whoever reads operators from the store or changes them. A
	// channel, because waiting for it must end with the caller's context.
	turn chan struct{}

	mu       sync.Mutex // guards all below; never held during I/O
	loaded   bool
	people   map[api.ID]*person
	sessions map[[sha256.Size]byte]*session
	halves   map[[sha256.Size]byte]*half // signed in but for the code
	offers   map[api.ID]offer            // secrets not confirmed yet
}

// New returns operators kept in a store.
func New(cfg Config) *Operators {
	cfg.Log = cfg.Log.With(slog.String("component", "operators"))
	if cfg.Mono == nil {
		start := time.Now()
		cfg.Mono = func() time.Duration { return time.Since(start) }
	}
	if cfg.MaxMemory == 0 {
		cfg.MaxMemory = MaxMemory
	}
	return &Operators{
		cfg: cfg, hasher: newHasher(cfg.MaxMemory), limits: newLimits(cfg.Mono), turn: make(chan struct{}, 1),
		cross: http.NewCrossOriginProtection(),
	}
}

func (o *Operators) begin(ctx context.Context) error {
	select {
	case o.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *Operators) end() { <-o.turn }

// now is the house's time as it is stored.
//
//go:noinline // it takes much code where it is called
func (o *Operators) now() (time.Time, bool) {
	t, believed := o.cfg.Now()
	return t.UTC().Truncate(time.Millisecond), believed
}

// load reads operators and sessions from the store, once.
func (o *Operators) load(ctx context.Context) error {
	if o.isLoaded() {
		return nil
	}
	if err := o.begin(ctx); err != nil {
		return err
	}
	defer o.end()
	return o.loadInTurn(ctx)
}

func (o *Operators) isLoaded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.loaded
}

func (o *Operators) loadInTurn(ctx context.Context) error {
	if o.isLoaded() {
		return nil
	}
	var people, sessions map[string][]byte
	err := o.cfg.Store.View(ctx, func(r hotspot.Reader) (err error) {
		if people, err = r.Secrets(personSecret); err != nil {
			return err
		}
		sessions, err = r.Secrets(sessionSecret)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the operators: %w", err)
	}
	now, _ := o.now()
	mono := o.cfg.Mono()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.people, o.sessions = map[api.ID]*person{}, map[[sha256.Size]byte]*session{}
	o.halves, o.offers = map[[sha256.Size]byte]*half{}, map[api.ID]offer{}
	// One that does not parse is left out, and said aloud: the others must go
	// on working.
	for name, b := range people {
		p, err := readPerson(name, b)
		if err != nil {
			o.cfg.Log.Error("an operator cannot be read and may not sign in", slog.String("record", name), slog.Any("error", err))
			continue
		}
		o.people[p.id] = p
	}
	for name, b := range sessions {
		s, err := readSession(name, b, now, mono)
		if err != nil {
			o.cfg.Log.Error("a session cannot be read", slog.String("record", name), slog.Any("error", err))
			continue
		}
		if p := o.people[s.operator]; p != nil && p.Version == s.Version {
			s.lifetime = newLifetime(p.ctx)
			o.sessions[s.hash] = s
			o.limits.remember(p.id, s.from)
		}
	}
	for _, p := range o.people {
		o.limits.remember(p.id, p.from())
	}
	o.loaded = true
	return nil
}

// person returns an operator.
func (o *Operators) person(ctx context.Context, id api.ID) (*person, error) {
	if err := o.load(ctx); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.people[id]; p != nil {
		return p, nil
	}
	return nil, errNobody()
}

func errNobody() error {
	return &hotspot.Error{Code: hotspot.CodeNotFound, Field: "id", Text: "there is no such operator"}
}

// byEmail returns an operator by the normal form of an address, or nil. The
// caller holds mu.
func (o *Operators) byEmail(email string) *person {
	for _, p := range o.people {
		if p.Email == email {
			return p
		}
	}
	return nil
}

// Operator returns what an operator is and may do now. One who is gone is
// [api.ErrWrongKey].
func (o *Operators) Operator(ctx context.Context, id api.ID) (*api.Principal, error) {
	p, err := o.person(ctx, id)
	if errors.Is(err, hotspot.ErrNotFound) {
		return nil, api.ErrWrongKey
	}
	if err != nil {
		return nil, err
	}
	return p.principal(netip.Addr{}), nil
}

// Empty reports whether nobody is an operator yet.
func (o *Operators) Empty(ctx context.Context) (bool, error) {
	if err := o.load(ctx); err != nil {
		return false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.people) == 0, nil
}

// update runs a transaction that changes operators.
func (o *Operators) update(ctx context.Context, f func(hotspot.Tx) error) error {
	if err := o.cfg.Store.Update(ctx, f); err != nil {
		return fmt.Errorf("storing the operators: %w", err)
	}
	return nil
}

// audit stores a row about an operator.
//
//go:noinline // it takes much code where it is called
func (o *Operators) audit(ctx context.Context, tx hotspot.Tx, action hotspot.Action, subject string, changes ...hotspot.Change) error {
	now, believed := o.now()
	row := hotspot.NewAudit(ctx, now, believed, action, subject, changes...)
	return tx.PutAudit(&row)
}
