package keys

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// maxKeys bounds the keys of a device: a check looks at every one.
	maxKeys  = 256
	maxLabel = 64
)

// List returns the keys that a caller may see, in order of creation.
func (k *Keys) List(ctx context.Context, by *api.Principal) ([]api.Key, error) {
	if err := may(by, api.ScopeKeys); err != nil {
		return nil, err
	}
	r, err := k.loadNamed(ctx)
	if err != nil {
		return nil, err
	}
	now, believed := k.cfg.Now()
	out := []api.Key{}
	for _, e := range r.entries {
		if visible(by, e) {
			out = append(out, e.key(now, believed))
		}
	}
	return out, nil
}

// Get returns one key that a caller may see.
func (k *Keys) Get(ctx context.Context, by *api.Principal, id api.ID) (api.Key, error) {
	e, err := k.entry(ctx, by, id)
	if err != nil {
		return api.Key{}, err
	}
	now, believed := k.cfg.Now()
	return e.key(now, believed), nil
}

func (k *Keys) entry(ctx context.Context, by *api.Principal, id api.ID) (*entry, error) {
	if err := may(by, api.ScopeKeys); err != nil {
		return nil, err
	}
	r, err := k.loadNamed(ctx)
	if err != nil {
		return nil, err
	}
	return r.byID(by, id)
}

// View returns a key that was made to be viewable.
func (k *Keys) View(ctx context.Context, by *api.Principal, id api.ID) (string, error) {
	e, err := k.entry(ctx, by, id)
	if err != nil {
		return "", err
	}
	if len(e.Sealed) == 0 {
		return "", &hotspot.Error{Code: hotspot.CodeForbidden, Field: "id",
			Text: "the key was shown once, when it was made, and only its hash is kept: make another one, viewable if need be, and remove this one"}
	}
	s, err := newSealer(k.cfg.Secret, secretName(id))
	if err != nil {
		return "", err
	}
	plain, err := s.open(e.Sealed)
	if err != nil {
		return "", &hotspot.Error{Code: hotspot.CodeForbidden, Field: "id",
			Text: "the key cannot be shown, because the device secret that sealed it was lost or replaced; it still works where it is in use"}
	}
	return string(plain), nil
}

// Create makes a key and returns it with what it opens with, which is not
// shown again unless it is viewable. It is on flash when Create returns. A
// caller cannot give scopes that it has not.
func (k *Keys) Create(ctx context.Context, by *api.Principal, n api.NewKey) (api.Key, string, error) {
	if err := may(by, api.ScopeKeys); err != nil {
		return api.Key{}, "", err
	}
	now, believed := k.cfg.Now()
	now = now.UTC().Truncate(time.Millisecond)
	expires, err := expiry(n.Expires, now)
	if n.Scopes == nil {
		n.Scopes = []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive}
	}
	scopes, scopeErr := checkScopes(n.Scopes)
	if err := errors.Join(checkLabel(n.Label), err, scopeErr); err != nil {
		return api.Key{}, "", err
	}
	for _, s := range scopes {
		if err := may(by, s); err != nil {
			return api.Key{}, "", err
		}
	}
	text := keyPrefix + rand.Text() + rand.Text() // 260 random bits
	hash := sha512.Sum512([]byte(text))
	id := api.NewID()
	rec := record{
		Label: n.Label, Prefix: text[:shownPrefix], Hash: hash[:], Scopes: scopes,
		Created: now.UnixMilli(), Modified: now.UnixMilli(), By: by.Name, Provisional: !believed && !expires.IsZero(),
	}
	if by.Owner != (api.ID{}) {
		rec.Owner = by.Owner.String()
	}
	if !expires.IsZero() {
		rec.Expires = expires.UnixMilli()
	}
	if n.Viewable {
		s, err := newSealer(k.cfg.Secret, secretName(id))
		if err != nil {
			return api.Key{}, "", err
		}
		rec.Sealed = s.seal([]byte(text))
	}
	e, err := newEntry(id, rec)
	if err != nil {
		return api.Key{}, "", err
	}
	if err := k.add(ctx, by, e); err != nil {
		return api.Key{}, "", err
	}
	return e.key(now, believed), text, nil
}

// add stores a new key.
func (k *Keys) add(ctx context.Context, by *api.Principal, e *entry) error {
	if err := k.inTurn(ctx, by); err != nil {
		return err
	}
	defer k.end()
	r, err := k.readNamed(ctx)
	if err != nil {
		return err
	}
	if len(r.entries) >= maxKeys {
		return hotspot.Invalid("", "there are %d API keys, which is as many as there may be: remove one first", maxKeys)
	}
	if err := r.labelFree(e.owner, e.Label, e.id); err != nil {
		return err
	}
	now, believed := k.cfg.Now()
	err = k.update(ctx, func(tx hotspot.Tx) error {
		if err := putJSON(tx, secretName(e.id), e.record); err != nil {
			return err
		}
		if err := k.audit(ctx, by, tx, hotspot.AuditKeyCreated, e.Label, e.created()...); err != nil {
			return err
		}
		return hotspot.StoreReceipt(ctx, tx, e.key(now, believed))
	})
	if err == nil {
		k.swap(func(all []*entry) []*entry { return append(all, e) })
	}
	return err
}

// Rename gives a key another label.
func (k *Keys) Rename(ctx context.Context, by *api.Principal, id api.ID, label string) (api.Key, error) {
	if err := may(by, api.ScopeKeys); err != nil {
		return api.Key{}, err
	}
	if err := checkLabel(label); err != nil {
		return api.Key{}, err
	}
	now, _ := k.cfg.Now()
	err := k.edit(ctx, by, id,
		func(r *ring, e *entry) error { return r.labelFree(e.owner, label, id) },
		func(rec *record) { rec.Label, rec.Modified = label, now.UnixMilli() },
		hotspot.AuditKeyRenamed, hotspot.Change{Field: "label", New: label})
	if err != nil {
		return api.Key{}, err
	}
	return k.Get(ctx, by, id)
}

// EndTokens makes every access token that was issued for a key refused; the
// key itself stays. The zero id stands for the device key.
func (k *Keys) EndTokens(ctx context.Context, by *api.Principal, id api.ID) error {
	if err := may(by, api.ScopeKeys); err != nil {
		return err
	}
	if id == (api.ID{}) {
		return k.endDeviceTokens(ctx, by)
	}
	return k.edit(ctx, by, id, func(*ring, *entry) error { return nil }, func(rec *record) { rec.Tokens++ },
		hotspot.AuditTokensEnded)
}

func (k *Keys) endDeviceTokens(ctx context.Context, by *api.Principal) error {
	if err := may(by, api.ScopeAll); err != nil {
		return err
	}
	if _, err := k.loadDevice(ctx); err != nil {
		return err
	}
	if err := k.inTurn(ctx, by); err != nil {
		return err
	}
	defer k.end()
	d := k.device.Load()
	if d == nil {
		return hotspot.ErrUnavailable // its replacement has just failed
	}
	next := *d
	next.state.Tokens++
	next.lifetime = newLifetime()
	err := k.update(ctx, func(tx hotspot.Tx) error {
		if err := k.changeState(tx, d, func(s *deviceState) { s.Tokens = next.state.Tokens }); err != nil {
			return err
		}
		return k.audit(ctx, by, tx, hotspot.AuditTokensEnded, DeviceKeyName)
	})
	if err == nil {
		k.device.Store(&next)
		d.end()
	}
	return err
}

// edit changes the record of a key, in turn, if check allows.
func (k *Keys) edit(ctx context.Context, by *api.Principal, id api.ID, check func(*ring, *entry) error, change func(*record),
	action hotspot.Action, changes ...hotspot.Change) error {
	if err := k.inTurn(ctx, by); err != nil {
		return err
	}
	defer k.end()
	r, err := k.readNamed(ctx)
	if err != nil {
		return err
	}
	e, err := r.byID(by, id)
	if err != nil {
		return err
	}
	if err := check(r, e); err != nil {
		return err
	}
	err = k.update(ctx, func(tx hotspot.Tx) error {
		if err := changeRecord(tx, e, change); err != nil {
			return err
		}
		return k.audit(ctx, by, tx, action, e.Label, changes...)
	})
	if err != nil {
		return err
	}
	k.change(e, change)
	return nil
}

// Remove deletes a key. When it returns, the key and the tokens made from it
// open nothing any more, and what went on under them has been told to end.
func (k *Keys) Remove(ctx context.Context, by *api.Principal, id api.ID) error {
	if err := may(by, api.ScopeKeys); err != nil {
		return err
	}
	if err := k.inTurn(ctx, by); err != nil {
		return err
	}
	defer k.end()
	r, err := k.readNamed(ctx)
	if err != nil {
		return err
	}
	e, err := r.byID(by, id)
	if err != nil {
		return err
	}
	err = k.update(ctx, func(tx hotspot.Tx) error {
		if err := tx.DeleteSecret(secretName(id)); err != nil {
			return err
		}
		return k.audit(ctx, by, tx, hotspot.AuditKeyRemoved, e.Label)
	})
	if err != nil {
		return err
	}
	k.swap(func(all []*entry) []*entry {
		return slices.DeleteFunc(all, func(e *entry) bool { return e.id == id })
	})
	e.end()
	return nil
}

// update runs a change in a transaction, together with the uses that are not
// stored yet.
func (k *Keys) update(ctx context.Context, f func(hotspot.Tx) error) error {
	write, stored := k.Uses()
	err := k.cfg.Store.Update(ctx, func(tx hotspot.Tx) error {
		if err := write(tx); err != nil {
			return err
		}
		return f(tx)
	})
	if err != nil {
		return fmt.Errorf("storing the API keys: %w", err)
	}
	stored()
	return nil
}

func putJSON(tx hotspot.Tx, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.PutSecret(name, b)
}

// labelFree refuses a label that another key of the owner has.
func (r *ring) labelFree(owner api.ID, label string, id api.ID) error {
	for _, e := range r.entries {
		if e.owner == owner && e.id != id && strings.EqualFold(e.Label, label) {
			return &hotspot.Error{Code: hotspot.CodeNameTaken, Field: "label", Text: "another API key has this label"}
		}
	}
	return nil
}

func checkLabel(s string) error {
	switch {
	case s == "":
		return hotspot.Invalid("label", "must be set")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return hotspot.Invalid("label", "must not have control characters")
	case utf8.RuneCountInString(s) > maxLabel:
		return hotspot.Invalid("label", "must have at most %d characters", maxLabel)
	case strings.TrimSpace(s) != s:
		return hotspot.Invalid("label", "must not begin or end with a space")
	}
	return nil
}

// checkScopes returns scopes in their usual order, each once.
func checkScopes(want []api.Scope) ([]api.Scope, error) {
	known := []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive, api.ScopeKeys, api.ScopeSettings}
	for _, s := range want {
		if !slices.Contains(known, s) {
			return nil, hotspot.Invalid("scopes", "must be some of vouchers, users, live, keys and settings")
		}
	}
	if len(want) == 0 {
		return nil, hotspot.Invalid("scopes", "must not be empty")
	}
	return slices.DeleteFunc(known, func(s api.Scope) bool { return !slices.Contains(want, s) }), nil
}
