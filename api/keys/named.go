package keys

import (
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// keyPrefix begins every named key, so that scanners find one that was
	// published by mistake.
	keyPrefix = "vs_"
	// shownPrefix is how much of a key is shown to tell it from others.
	shownPrefix = len(keyPrefix) + 5
	// namedSecret begins the names of named keys in the store.
	namedSecret = "api.key/"
	// never is shown as the expiry of a key without one, in years.
	neverYears = 100
)

// record is a named key as it is stored: JSON, so that versions can add
// members. Times are milliseconds.
type record struct {
	Owner    string      `json:"owner,omitzero"`
	Label    string      `json:"label"`
	Prefix   string      `json:"prefix"`
	Hash     []byte      `json:"hash"` // SHA-512
	Scopes   []api.Scope `json:"scopes"`
	Created  int64       `json:"created"`
	By       string      `json:"by"`
	Modified int64       `json:"modified"`
	Expires  int64       `json:"expires,omitzero"`
	// Provisional: made while the clock was not believed, so that the times
	// move along when it is corrected.
	Provisional bool   `json:"provisional,omitzero"`
	Sealed      []byte `json:"sealed,omitempty"` // the key, if it can be shown again
	Used        int64  `json:"used,omitzero"`
	From        string `json:"from,omitzero"`
	Tokens      uint32 `json:"tokens,omitzero"` // which of its tokens count
}

// entry is a named key as it is in use. It is replaced, never changed.
type entry struct {
	id    api.ID
	owner api.ID
	hash  [sha512.Size]byte
	record
	lifetime
	usage *usage
}

// ring is all named keys, in order of creation.
type ring struct{ entries []*entry }

func secretName(id api.ID) string { return namedSecret + id.String() }

func newEntry(id api.ID, rec record) (*entry, error) {
	e := &entry{id: id, record: rec, lifetime: newLifetime(), usage: newUsage(rec.Used, rec.From)}
	if len(rec.Hash) != len(e.hash) {
		return nil, fmt.Errorf("a hash of %d bytes", len(rec.Hash))
	}
	copy(e.hash[:], rec.Hash)
	if rec.Owner != "" {
		owner, err := api.ParseID(rec.Owner)
		if err != nil {
			return nil, err
		}
		e.owner = owner
	}
	return e, nil
}

func (e *entry) expired(now time.Time, believed bool) bool {
	if e.Expires == 0 || e.Provisional && believed {
		return false // the next flush moves its time to where it belongs
	}
	return now.UnixMilli() >= e.Expires
}

func (e *entry) principal(from netip.Addr) *api.Principal {
	return &api.Principal{
		Kind: api.CallerKey, ID: e.id, Owner: e.owner, Name: e.Label, Scopes: e.Scopes,
		From: from, Epoch: e.Tokens, Life: e.ctx,
	}
}

// key describes the entry for people.
func (e *entry) key(now time.Time, believed bool) api.Key {
	k := api.Key{
		ID: e.id, Owner: e.owner, Label: e.Label, Prefix: e.Prefix, Hash: e.hash,
		Scopes: slices.Clone(e.Scopes), Viewable: len(e.Sealed) > 0,
		Created: milli(e.Created), CreatedBy: e.By, Modified: milli(e.Modified),
		Expires: milli(e.Expires), Expired: e.expired(now, believed),
	}
	k.LastUsed, k.LastFrom = e.usage.read()
	return k
}

// milli reads a stored time; 0 is the zero time.
//
//go:noinline // it takes much code where it is called
func milli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// loadNamed returns the named keys, which are read from the store once.
func (k *Keys) loadNamed(ctx context.Context) (*ring, error) {
	if r := k.named.Load(); r != nil {
		return r, nil
	}
	if err := k.begin(ctx); err != nil {
		return nil, err
	}
	defer k.end()
	return k.readNamed(ctx)
}

// readNamed reads the named keys, in turn. One that does not parse is left
// out, and said aloud: the others must go on working.
func (k *Keys) readNamed(ctx context.Context) (*ring, error) {
	if r := k.named.Load(); r != nil {
		return r, nil
	}
	var stored map[string][]byte
	err := k.cfg.Store.View(ctx, func(r hotspot.Reader) (err error) {
		stored, err = r.Secrets(namedSecret)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the API keys: %w", err)
	}
	r := &ring{}
	for name, b := range stored {
		e, err := readEntry(name, b)
		if err != nil {
			k.cfg.Log.Error("an API key cannot be read and opens nothing", slog.String("key", name), slog.Any("error", err))
			continue
		}
		r.entries = append(r.entries, e)
	}
	slices.SortFunc(r.entries, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.id.String(), b.id.String()))
	})
	k.named.Store(r)
	return r, nil
}

func readEntry(name string, b []byte) (*entry, error) {
	id, err := api.ParseID(strings.TrimPrefix(name, namedSecret))
	if err != nil {
		return nil, err
	}
	var rec record
	if err := json.Unmarshal(b, &rec); err != nil {
		return nil, err
	}
	return newEntry(id, rec)
}

// swap replaces entries in memory. f gets a copy of the list.
func (k *Keys) swap(f func([]*entry) []*entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.named.Load(); r != nil {
		k.named.Store(&ring{f(slices.Clone(r.entries))})
	}
}

// byID returns an entry that a caller may see.
func (r *ring) byID(by *api.Principal, id api.ID) (*entry, error) {
	for _, e := range r.entries {
		if e.id == id && visible(by, e) {
			return e, nil
		}
	}
	return nil, &hotspot.Error{Code: hotspot.CodeNotFound, Field: "id", Text: "no API key has this id"}
}

// visible: a caller sees its own operator's keys; the command line sees all.
func visible(by *api.Principal, e *entry) bool {
	return by.Kind == api.CallerLocal || e.owner == by.Owner
}

// lifetime ends when a credential is revoked. It belongs to no request.
type lifetime struct {
	ctx context.Context
	end context.CancelFunc
}

//go:noinline // it takes much code where it is called
func newLifetime() lifetime {
	ctx, end := context.WithCancel(context.Background())
	return lifetime{ctx, end}
}

// usage tells when a credential was last used, and what of that is stored. It
// outlives changes of its entry.
type usage struct{ last, stored atomic.Pointer[use] }

type use struct {
	at   time.Time
	from netip.Addr
}

func newUsage(at int64, from string) *usage {
	u := &usage{}
	if at != 0 {
		a, _ := netip.ParseAddr(from) // not valid: from this machine
		was := &use{milli(at), a}
		u.last.Store(was)
		u.stored.Store(was)
	}
	return u
}

func (u *usage) read() (at time.Time, from netip.Addr) {
	if l := u.last.Load(); l != nil {
		return l.at, l.from
	}
	return at, from
}

// unstored returns the last use if it is not stored.
func (u *usage) unstored() *use {
	if l := u.last.Load(); l != u.stored.Load() {
		return l
	}
	return nil
}

// text is the address as it is stored and shown; "" if there is none.
func (u *use) text() string {
	if !u.from.IsValid() {
		return ""
	}
	return u.from.String()
}
