package keys

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// deviceKeySecret is the device key's name in the store and its purpose in
	// sealing.
	deviceKeySecret = "api.key"
	// deviceStateSecret is the name of what else is known of it.
	deviceStateSecret = "api.device"
)

// deviceKeyBytes become 40 characters of base64, without padding.
const deviceKeyBytes = 30

// DeviceKeyName is what the log calls a caller with the device key.
const DeviceKeyName = string(api.CallerDevice)

// ErrUnreadable is a device key that was sealed with another device secret.
var ErrUnreadable = errors.New("sealed with another device secret")

// unreadable says what to do about it.
const unreadable = "the device key cannot be read, because the device secret that sealed it was lost or replaced: " +
	"put the secret's file back, or make a new key with `vouchsafe key regenerate` and give it to every client"

// deviceKey is the device key as it is in use.
type deviceKey struct {
	text  string
	hash  [sha256.Size]byte
	state deviceState
	lifetime
	usage *usage
}

// deviceState is what is stored beside the key.
type deviceState struct {
	Used   int64  `json:"used,omitzero"` // milliseconds
	From   string `json:"from,omitzero"`
	Tokens uint32 `json:"tokens,omitzero"` // which of its tokens count
}

func newDeviceKey(text string, state deviceState) *deviceKey {
	return &deviceKey{
		text: text, hash: sha256.Sum256([]byte(text)), state: state,
		lifetime: newLifetime(), usage: newUsage(state.Used, state.From),
	}
}

// retire ends what goes on under a key that counts no more.
func (d *deviceKey) retire() {
	if d != nil {
		d.end()
	}
}

// id tells tokens of this key from those of another one.
func (d *deviceKey) id() api.ID { return api.ID(d.hash[:len(api.ID{})]) }

func (d *deviceKey) principal(from netip.Addr) *api.Principal {
	return &api.Principal{
		Kind: api.CallerDevice, Name: DeviceKeyName, Scopes: []api.Scope{api.ScopeAll},
		From: from, Epoch: d.state.Tokens, Life: d.ctx,
	}
}

// DeviceKey returns the device key. The first call ever makes it.
func (k *Keys) DeviceKey(ctx context.Context) (string, error) {
	d, err := k.loadDevice(ctx)
	if err != nil {
		return "", err
	}
	return d.text, nil
}

// Regenerate replaces the device key. When it returns, the old key and the
// tokens made from it open nothing any more, and the new one is on flash.
func (k *Keys) Regenerate(ctx context.Context) (string, error) {
	if err := k.begin(ctx); err != nil {
		return "", err
	}
	defer k.end()
	text := randomKey()
	err := k.cfg.Store.Update(ctx, func(tx hotspot.Tx) error {
		if err := tx.DeleteSecret(deviceStateSecret); err != nil {
			return err
		}
		if err := tx.PutSecret(deviceKeySecret, k.sealer.seal([]byte(text))); err != nil {
			return err
		}
		return k.audit(ctx, api.PrincipalOf(ctx), tx, hotspot.AuditDeviceKey, DeviceKeyName)
	})
	if err != nil {
		// Whether the store has the new key is not known for sure: ask it.
		k.device.Swap(nil).retire()
		return "", fmt.Errorf("storing the API key: %w", err)
	}
	k.device.Swap(newDeviceKey(text, deviceState{})).retire()
	return text, nil
}

// DeviceUse tells when the device key last opened something, and from where;
// the zero time: not since it was made.
func (k *Keys) DeviceUse(ctx context.Context) (time.Time, netip.Addr, error) {
	d, err := k.loadDevice(ctx)
	if err != nil {
		return time.Time{}, netip.Addr{}, err
	}
	at, from := d.usage.read()
	return at, from, nil
}

func (k *Keys) useDevice(d *deviceKey, from netip.Addr) *api.Principal {
	k.note(d.usage, from)
	return d.principal(from)
}

func (k *Keys) loadDevice(ctx context.Context) (*deviceKey, error) {
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
	d, err := k.readDevice(ctx)
	if errors.Is(err, hotspot.ErrNotFound) {
		d, err = k.createDevice(ctx)
	}
	if err != nil {
		return nil, err
	}
	k.device.Store(d)
	return d, nil
}

func (k *Keys) readDevice(ctx context.Context) (d *deviceKey, err error) {
	err = k.cfg.Store.View(ctx, func(r hotspot.Reader) error {
		text, err := k.unseal(r)
		if err != nil {
			return err
		}
		state, err := readDeviceState(r)
		d = newDeviceKey(text, state)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the API key: %w", err)
	}
	return d, nil
}

// createDevice makes the key on first use, unless there is one after all.
func (k *Keys) createDevice(ctx context.Context) (*deviceKey, error) {
	var text string
	err := k.cfg.Store.Update(ctx, func(tx hotspot.Tx) (err error) {
		text, err = k.unseal(tx)
		if !errors.Is(err, hotspot.ErrNotFound) {
			return err
		}
		text = randomKey()
		return tx.PutSecret(deviceKeySecret, k.sealer.seal([]byte(text)))
	})
	if err != nil {
		return nil, fmt.Errorf("making the API key: %w", err)
	}
	return newDeviceKey(text, deviceState{}), nil
}

func (k *Keys) unseal(r hotspot.Reader) (string, error) {
	sealed, err := r.Secret(deviceKeySecret)
	if err != nil {
		return "", err
	}
	plain, err := k.sealer.open(sealed)
	if err != nil {
		return "", &hotspot.Error{Code: hotspot.CodeUnavailable, Text: unreadable, Err: ErrUnreadable}
	}
	return string(plain), nil
}

// readDeviceState reads what is known of the device key. What a newer version
// wrote in another way is as good as nothing.
func readDeviceState(r hotspot.Reader) (s deviceState, err error) {
	b, err := r.Secret(deviceStateSecret)
	if errors.Is(err, hotspot.ErrNotFound) {
		return s, nil
	}
	if err == nil && json.Unmarshal(b, &s) != nil {
		s = deviceState{}
	}
	return s, err
}

// randomKey returns 40 URL-safe characters. The first is a letter or a digit,
// so that no command line takes the key for an option; and it does not look
// like a named key.
func randomKey() string {
	b := make([]byte, deviceKeyBytes)
	for {
		_, _ = rand.Read(b) // never fails
		s := base64.RawURLEncoding.EncodeToString(b)
		if s[0] != '-' && s[0] != '_' && s[:len(keyPrefix)] != keyPrefix {
			return s
		}
	}
}
