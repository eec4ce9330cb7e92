package hotspottest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestStore is the contract of [hotspot.Store]: every implementation passes
// it. open returns a new, empty store and closes it with the test.
//
// Where the port's comments leave room, this suite decides:
//
//   - A record that is put with an id that is not there is stored under it,
//     and later ids are above it. Ids are never given twice, also after the
//     record is deleted.
//   - If an update fails, ids that it gave are taken back from the caller's
//     values too (they are 0 again).
//   - Deleting a voucher or user that is not there is ErrNotFound; deleting a
//     device, setting or secret that is not there is no error.
//   - A user's key is unique within its method: ErrInvalid. An empty username
//     or key is not found by name, and any number may be empty.
//   - Times come back in UTC, in microseconds; empty lists come back nil.
//   - The newest sessions to be kept are counted over all sessions, open or
//     not, by id.
func TestStore(t *testing.T, open func(t *testing.T) hotspot.Store) {
	groups := []storeCases{
		voucherCases(), userCases(), sessionCases(), otherCases(), txCases(), fieldCases(), auditCases(), eventCases(), dayCases(), blockedCases(),
	}
	for _, cases := range groups {
		for name, f := range cases {
			t.Run(name, func(t *testing.T) { f(t, open(t)) })
		}
	}
}

// storeCases are parts of the contract by name.
type storeCases map[string]func(*testing.T, hotspot.Store)

// day0 is the moment from which the cases count.
func day0() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC) }

func update(t *testing.T, s hotspot.Store, f func(hotspot.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), f); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t *testing.T, s hotspot.Store, f func(hotspot.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), f); err != nil {
		t.Fatalf("view: %v", err)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

// same compares records; addresses are compared as values.
func same(t *testing.T, got, want any) {
	t.Helper()
	addrs := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if d := cmp.Diff(want, got, addrs); d != "" {
		t.Errorf("not what was put (-want +got):\n%s", d)
	}
}

// wantIDs checks a list by its ids.
func wantIDs[T any](t *testing.T, rows []T, err error, id func(T) uint64, want ...uint64) {
	t.Helper()
	if err != nil {
		t.Errorf("list: %v", err)
		return
	}
	var got []uint64
	for _, r := range rows {
		got = append(got, id(r))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
}

func voucherID(v hotspot.Voucher) uint64 { return v.ID }
func userID(u hotspot.User) uint64       { return u.ID }
func sessionID(s hotspot.Session) uint64 { return s.ID }

// addVouchers stores vouchers with these usernames and returns their ids.
func addVouchers(t *testing.T, s hotspot.Store, names ...string) []uint64 {
	t.Helper()
	var ids []uint64
	update(t, s, func(tx hotspot.Tx) error {
		ids = nil
		for _, n := range names {
			v := hotspot.Voucher{Username: n, Passcode: "secret"}
			if err := tx.PutVoucher(&v); err != nil {
				return err
			}
			ids = append(ids, v.ID)
		}
		return nil
	})
	return ids
}

// numbered returns n different usernames.
func numbered(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("guest%04d", i))
	}
	return names
}

var errTest = errors.New("the test says no")

// ended returns a context that is over.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
