package keys

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxCredential bounds what is looked at as a key or a token, in bytes.
const maxCredential = 1024

// Config is what [Keys] are made of.
type Config struct {
	Store  hotspot.Store // must not be nil
	Secret Secret        // seals keys that can be shown again, and signs tokens
	// Now tells the house's time and whether it is believed, as
	// hotspot.Service does. Must not be nil. It is first called by a check.
	Now func() (t time.Time, believed bool)
	Log *slog.Logger // must not be nil
	// Operators sign in with a password; nil: there are none.
	Operators Operators
}

// Operators knows the people who may sign in.
type Operators interface {
	// SignIn returns an operator as a principal. An unknown address and a wrong
	// password are both [api.ErrWrongKey], after the same time.
	SignIn(ctx context.Context, email, password string, from netip.Addr) (*api.Principal, error)
	// Operator returns what an operator is and may do now. One who is gone is
	// [api.ErrWrongKey].
	Operator(ctx context.Context, id api.ID) (*api.Principal, error)
}

// Keys checks credentials and keeps them. It is safe for concurrent use.
type Keys struct {
	cfg    Config
	sealer sealer // of the device key
	signer []byte // of access tokens
	// turn is held by whoever reads keys from the store or changes them, so
	// that what was read late can never displace what is new. A channel,
	// because waiting for it must end with the caller's context.
	turn   chan struct{}
	device atomic.Pointer[deviceKey] // nil: not read yet

	unbelieved atomic.Int64 // the house's time when it was last not believed, in ms

	mu    sync.Mutex // guards changes of named; held for moments only
	named atomic.Pointer[ring]
}

// New returns keys kept in a store and sealed with the device secret.
func New(cfg Config) (*Keys, error) {
	s, err := newSealer(cfg.Secret, deviceKeySecret)
	if err != nil {
		return nil, fmt.Errorf("preparing the device secret: %w", err)
	}
	signer, err := cfg.Secret.derive("access token")
	if err != nil {
		return nil, fmt.Errorf("preparing the device secret: %w", err)
	}
	cfg.Log = cfg.Log.With(slog.String("component", "keys"))
	return &Keys{cfg: cfg, sealer: s, signer: signer, turn: make(chan struct{}, 1)}, nil
}

// Check returns who holds a key, the device key or a named one, and notes that
// it was used. A key that opens nothing is [api.ErrWrongKey]. It takes the
// same time for every wrong key, and reads the store only the first time.
func (k *Keys) Check(ctx context.Context, key string, from netip.Addr) (*api.Principal, error) {
	if len(key) > maxCredential {
		return nil, api.ErrWrongKey
	}
	named, err := k.loadNamed(ctx)
	if err != nil {
		return nil, err
	}
	device, deviceErr := k.loadDevice(ctx)
	e := named.find(key)
	isDevice := device.matches(key)
	switch {
	case e != nil && !k.expired(e):
		p, err := k.ofOwner(ctx, e.principal(from))
		if err == nil {
			k.note(e.usage, from)
		}
		return p, err
	case isDevice:
		return k.useDevice(device, from), nil
	case deviceErr != nil && !strings.HasPrefix(key, keyPrefix):
		return nil, deviceErr // it might be the right one
	}
	return nil, api.ErrWrongKey
}

// matches compares a key with the device key. Comparing hashes hides the
// length, too.
func (d *deviceKey) matches(key string) bool {
	hash := sha256.Sum256([]byte(key))
	if d == nil {
		return false
	}
	return subtle.ConstantTimeCompare(hash[:], d.hash[:]) == 1
}

// find compares a key with every one that there is, in a time that depends on
// their number only.
func (r *ring) find(key string) *entry {
	hash := sha512.Sum512([]byte(key))
	found := -1
	for i, e := range r.entries {
		same := subtle.ConstantTimeCompare(hash[:], e.hash[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return nil
	}
	return r.entries[found]
}

func (k *Keys) expired(e *entry) bool {
	now, believed := k.cfg.Now()
	return e.expired(now, believed)
}

func (k *Keys) note(u *usage, from netip.Addr) {
	now, _ := k.cfg.Now()
	u.last.Store(&use{now.UTC().Truncate(time.Millisecond), from})
}

func (k *Keys) begin(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Keys) end() { <-k.turn }

// inTurn reports a use of the store by one who has the turn: who asks must
// not have been revoked while waiting for it.
func (k *Keys) inTurn(ctx context.Context, by *api.Principal) error {
	if err := k.begin(ctx); err != nil {
		return err
	}
	if by.Revoked() {
		k.end()
		return api.ErrWrongKey
	}
	return nil
}

// may refuses callers whose credential is not for keys.
func may(by *api.Principal, scope api.Scope) error {
	if by.Revoked() {
		return api.ErrWrongKey
	}
	if !by.May(scope) {
		return hotspot.Refuse(hotspot.CodeForbidden, "", "the credential lacks the scope %q", scope)
	}
	return nil
}

// wrongKey reports whether an error is about the credential.
func wrongKey(err error) bool { return errors.Is(err, api.ErrWrongKey) }
