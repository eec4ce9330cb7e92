package keys_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestTogether: everything at once. A key that Remove has returned for never
// opens anything again, and nothing that was made is lost.
func TestTogether(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	var wg sync.WaitGroup
	kept := make([]string, 8)
	for i := range kept {
		wg.Go(func() {
			for n := range 15 {
				k, text, err := h.keys.Create(ctx, api.Local(), api.NewKey{Label: fmt.Sprint(i, " ", n)})
				if err != nil {
					t.Error(err)
					return
				}
				p, err := h.keys.Check(ctx, text, home)
				if err != nil {
					t.Errorf("a new key: %v", err)
				}
				if _, err := h.keys.Rename(ctx, api.Local(), k.ID, fmt.Sprint("renamed ", i, " ", n)); err != nil {
					t.Error(err)
				}
				if n == 14 {
					kept[i] = text
					return
				}
				if err := h.keys.Remove(ctx, api.Local(), k.ID); err != nil {
					t.Error(err)
				}
				if _, err := h.keys.Check(ctx, text, home); !errors.Is(err, api.ErrWrongKey) {
					t.Errorf("a removed key: %v", err)
				}
				if !p.Revoked() {
					t.Error("who used it was not told")
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range 40 {
				write, stored := h.keys.Uses()
				if err := h.store.Update(ctx, write); err != nil {
					t.Error(err)
				}
				stored()
				_, _ = h.keys.List(ctx, api.Local())
				if _, err := h.keys.Check(ctx, "vs_wrong", home); !errors.Is(err, api.ErrWrongKey) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for range 2 {
		for _, text := range kept {
			if _, ok := h.opens(text); !ok {
				t.Error("a key was lost")
			}
		}
		if list, err := h.keys.List(ctx, api.Local()); err != nil || len(list) != len(kept) {
			t.Errorf("%d keys, %v", len(list), err)
		}
		h.restart()
	}
}

// TestOneLabelOnce: of many who ask for one label, one gets it.
func TestOneLabelOnce(t *testing.T) {
	h := newHouse(t)
	var wg sync.WaitGroup
	var made atomic.Int32
	for range 16 {
		wg.Go(func() {
			_, _, err := h.keys.Create(t.Context(), api.Local(), api.NewKey{Label: "till"})
			if err == nil {
				made.Add(1)
			} else if !errors.Is(err, hotspot.ErrNameTaken) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d have it", made.Load())
	}
}

// gate is a store whose updates wait until they are let through.
type gate struct {
	hotspot.Store
	shut    atomic.Bool
	arrived chan struct{}
	open    chan struct{}
}

func (g *gate) Update(ctx context.Context, f func(hotspot.Tx) error) error {
	if g.shut.Load() {
		g.arrived <- struct{}{}
		<-g.open
	}
	return g.Store.Update(ctx, f)
}

// TestRevokedInFlight: who is revoked while waiting for a turn changes nothing
// any more, and what goes on under a key ends with it.
func TestRevokedInFlight(t *testing.T) {
	h := newHouse(t)
	g := &gate{Store: h.store, arrived: make(chan struct{}), open: make(chan struct{})}
	k := newKeys(t, g, h.secret)
	ctx := t.Context()
	mine, text, err := k.Create(ctx, api.Local(), api.NewKey{Label: "mine", Scopes: []api.Scope{api.ScopeKeys, api.ScopeVouchers}})
	if err != nil {
		t.Fatal(err)
	}
	who, err := k.Check(ctx, text, home)
	if err != nil {
		t.Fatal(err)
	}
	under, end := who.Within(ctx)
	defer end()
	g.shut.Store(true)
	removed, created := make(chan error), make(chan error)
	go func() { removed <- k.Remove(ctx, api.Local(), mine.ID) }()
	<-g.arrived // the removal has its turn
	go func() {
		_, _, err := k.Create(ctx, who, api.NewKey{Label: "offspring", Scopes: []api.Scope{api.ScopeVouchers}})
		created <- err
	}()
	if under.Err() != nil {
		t.Error("ended before the removal was durable")
	}
	g.shut.Store(false)
	close(g.open)
	if err := <-removed; err != nil {
		t.Fatal(err)
	}
	if err := <-created; !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("a revoked caller made a key: %v", err)
	}
	<-under.Done()
	if !errors.Is(context.Cause(under), api.ErrWrongKey) || api.PrincipalOf(under).ID != mine.ID {
		t.Errorf("%v, as %v", context.Cause(under), api.PrincipalOf(under))
	}
	if _, err := k.List(ctx, who); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("a revoked caller lists: %v", err)
	}
	if _, _, err := k.IssueToken(ctx, who); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("a revoked caller gets a token: %v", err)
	}
}

// TestDeletesItself: a token may remove the key that it was issued for, once.
func TestDeletesItself(t *testing.T) {
	h := newHouse(t)
	k, text := h.create(api.NewKey{Label: "self", Scopes: []api.Scope{api.ScopeKeys}})
	token := h.token(text)
	for _, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		if code, answer := h.answer("DELETE", "/api/apikey/"+k.ID.String(), token, ""); code != want {
			t.Errorf("%d %v, want %d", code, answer, want)
		}
	}
}
