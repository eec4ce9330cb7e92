package keys

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// deviceKeySecret is the device key's name in the store and its purpose in
// sealing.
const deviceKeySecret = "api.key"

// deviceKeyBytes become 40 characters of base64, without padding.
const deviceKeyBytes = 30

// DeviceKeyName is what the log calls a caller with the device key.
const DeviceKeyName = "device key"

// ErrUnreadable is a device key that was sealed with another device secret.
var ErrUnreadable = errors.New("the API key cannot be read, because the device secret that sealed it was lost or replaced: " +
	"put the secret's file back, or make a new key with `vouchsafe key regenerate` and give it to every client")

// Keys checks credentials. It is safe for concurrent use.
type Keys struct {
	store  hotspot.Store
	sealer sealer
	// turn is held by whoever reads the key from the store or replaces it, so
	// that an old key read late can never displace a new one. A channel,
	// because waiting for it must end with the caller's context.
	turn     chan struct{}
	device   atomic.Pointer[deviceKey] // nil: not read yet
	lastUsed atomic.Int64              // Unix nanoseconds; 0: not since the start
}

type deviceKey struct {
	text string
	hash [sha256.Size]byte
}

func newDeviceKey(text string) *deviceKey {
	return &deviceKey{text, sha256.Sum256([]byte(text))}
}

// New returns keys kept in a store and sealed with the device secret.
func New(store hotspot.Store, secret Secret) (*Keys, error) {
	s, err := newSealer(secret, deviceKeySecret)
	if err != nil {
		return nil, fmt.Errorf("preparing the device secret: %w", err)
	}
	return &Keys{store: store, sealer: s, turn: make(chan struct{}, 1)}, nil
}

// DeviceKey returns the device key. The first call ever makes it.
func (k *Keys) DeviceKey(ctx context.Context) (string, error) {
	d, err := k.load(ctx)
	if err != nil {
		return "", err
	}
	return d.text, nil
}

// Regenerate replaces the device key. When it returns, the old key opens
// nothing any more and the new one is on flash.
func (k *Keys) Regenerate(ctx context.Context) (string, error) {
	if err := k.begin(ctx); err != nil {
		return "", err
	}
	defer k.end()
	text := randomKey()
	err := k.store.Update(ctx, func(tx hotspot.Tx) error {
		return tx.PutSecret(deviceKeySecret, k.sealer.seal([]byte(text)))
	})
	if err != nil {
		// Whether the store has the new key is not known for sure: ask it.
		k.device.Store(nil)
		return "", fmt.Errorf("storing the API key: %w", err)
	}
	k.device.Store(newDeviceKey(text))
	k.lastUsed.Store(0)
	return text, nil
}

// Check returns who holds a key. A key that opens nothing is
// [api.ErrWrongKey]. It takes the same time for every wrong key, and reads
// the store only the first time.
func (k *Keys) Check(ctx context.Context, key string) (api.Principal, error) {
	d, err := k.load(ctx)
	if err != nil {
		return api.Principal{}, err
	}
	// Comparing hashes hides the length, too.
	hash := sha256.Sum256([]byte(key))
	if subtle.ConstantTimeCompare(hash[:], d.hash[:]) != 1 {
		return api.Principal{}, api.ErrWrongKey
	}
	k.lastUsed.Store(time.Now().UnixNano())
	return api.Principal{Name: DeviceKeyName, Scopes: []api.Scope{api.ScopeAll}}, nil
}

// LastUsed tells when the device key last opened something, by the system's
// clock; zero: not since the daemon started or the key was made. It is not
// stored, to spare the flash.
func (k *Keys) LastUsed() time.Time {
	n := k.lastUsed.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

func (k *Keys) load(ctx context.Context) (*deviceKey, error) {
	if d := k.device.Load(); d != nil {
		return d, nil
	}
	if err := k.begin(ctx); err != nil {
		return nil, err
	}
	defer k.end()
	if d := k.device.Load(); d != nil { // somebody else was faster
		return d, nil
	}
	text, err := k.read(ctx)
	if errors.Is(err, hotspot.ErrNotFound) {
		text, err = k.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	d := newDeviceKey(text)
	k.device.Store(d)
	return d, nil
}

func (k *Keys) read(ctx context.Context) (text string, err error) {
	err = k.store.View(ctx, func(r hotspot.Reader) error {
		text, err = k.unseal(r)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the API key: %w", err)
	}
	return text, nil
}

// create makes the key on first use, unless there is one after all.
func (k *Keys) create(ctx context.Context) (text string, err error) {
	err = k.store.Update(ctx, func(tx hotspot.Tx) error {
		text, err = k.unseal(tx)
		if !errors.Is(err, hotspot.ErrNotFound) {
			return err
		}
		text = randomKey()
		return tx.PutSecret(deviceKeySecret, k.sealer.seal([]byte(text)))
	})
	if err != nil {
		return "", fmt.Errorf("making the API key: %w", err)
	}
	return text, nil
}

func (k *Keys) unseal(r hotspot.Reader) (string, error) {
	sealed, err := r.Secret(deviceKeySecret)
	if err != nil {
		return "", err
	}
	plain, err := k.sealer.open(sealed)
	if err != nil {
		return "", ErrUnreadable
	}
	return string(plain), nil
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

// randomKey returns 40 URL-safe characters. The first is a letter or a digit,
// so that no command line takes the key for an option.
func randomKey() string {
	b := make([]byte, deviceKeyBytes)
	for {
		_, _ = rand.Read(b) // never fails
		s := base64.RawURLEncoding.EncodeToString(b)
		if s[0] != '-' && s[0] != '_' {
			return s
		}
	}
}
