package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// step is one random transaction: the same on every store that it runs on.
func step(seed uint64, fail bool) func(hotspot.Tx) error {
	return func(tx hotspot.Tx) error {
		r := rand.New(rand.NewPCG(seed, 1))
		for range 1 + r.IntN(6) {
			if err := change(tx, r); err != nil && hotspot.CodeOf(err) == hotspot.CodeInternal {
				return err
			}
		}
		if fail {
			return errTest
		}
		return nil
	}
}

func change(tx hotspot.Tx, r *rand.Rand) error {
	id := 1 + r.Uint64N(40)
	name := fmt.Sprintf("%c%d", "aA"[r.IntN(2)], r.IntN(30))
	mac := hotspot.MAC{2, 0, 0, 0, 0, byte(r.IntN(6))}
	moment := at().Add(time.Duration(r.IntN(1000)) * time.Minute)
	switch r.IntN(17) {
	case 14:
		return tx.PutEvent(&hotspot.Event{ID: name, Time: moment, Data: []byte(name), To: []hotspot.EventTarget{{Endpoint: name, Next: moment}}})
	case 15:
		return tx.DeleteEvent(id)
	case 16:
		if r.IntN(2) == 0 {
			return errors.Join(tx.DeleteSighting(mac), tx.PutBlocked(hotspot.BlockedDevice{MAC: mac, Since: moment, Note: name}))
		}
		return errors.Join(tx.PutSighting(mac, moment), tx.DeleteBlocked(mac))
	case 12:
		return tx.PutAudit(&hotspot.AuditRow{Time: moment, Subject: name, Changes: []hotspot.Change{{Field: name}}})
	case 13:
		return tx.PruneAudit(at().Add(time.Duration(r.IntN(100))*time.Minute), r.IntN(20), r.IntN(5))
	case 0, 1:
		return tx.PutVoucher(&hotspot.Voucher{Username: name, Bound: []hotspot.MAC{mac}, Created: moment})
	case 2, 3:
		v, err := tx.Voucher(id)
		if err != nil {
			return err
		}
		v.Username, v.Used.Down, v.LastUse = name, r.Uint64(), moment
		if r.IntN(2) == 0 {
			v.Bound = append(v.Bound, mac)
		} else {
			v.Bound = nil
		}
		return tx.PutVoucher(&v)
	case 4:
		return tx.DeleteVoucher(id)
	case 5:
		return tx.PutUser(&hotspot.User{Method: hotspot.Methods()[r.IntN(5)], Key: name, Created: moment, ID: r.Uint64N(2) * id})
	case 6:
		return tx.DeleteUser(hotspot.Methods()[r.IntN(5)], id)
	case 7, 8:
		s := hotspot.Session{ID: r.Uint64N(2) * id, Started: moment, Login: name, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{1, 2, 3, 4})}}
		if r.IntN(3) > 0 {
			s.Ended = moment.Add(time.Hour)
		}
		return tx.PutSession(&s)
	case 9:
		var before time.Time
		if r.IntN(2) == 0 {
			before = moment
		}
		_, err := tx.PruneSessions(before, r.IntN(20), r.IntN(5))
		return err
	case 10:
		return errors.Join(tx.PutDevice(hotspot.Device{MAC: mac, Login: name, LastEnd: moment}), tx.DeleteDevice(hotspot.MAC{2, 0, 0, 0, 0, 1}))
	}
	return errors.Join(tx.PutSetting(name, name), tx.DeleteSetting("a1"), tx.PutSecret(name, []byte(name)), tx.DeleteSecret("a2"),
		tx.PutClockMark(hotspot.ClockMark{Time: moment, Boot: name}))
}

// everything reads all that a store's port shows.
func everything(s hotspot.Store, t *testing.T) map[string]any {
	t.Helper()
	all := map[string]any{}
	err := s.View(t.Context(), func(r hotspot.Reader) error {
		var errs []error
		add := func(name string, v any, err error) {
			if errors.Is(err, hotspot.ErrNotFound) {
				v, err = "none", nil
			}
			if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice && rv.Len() == 0 {
				v = nil
			}
			all[name] = v
			errs = append(errs, err)
		}
		vs, err := r.Vouchers(0, 1000)
		add("vouchers", vs, err)
		for i := range 6 {
			m := hotspot.MAC{2, 0, 0, 0, 0, byte(i)}
			vs, err := r.VouchersByMAC(m)
			add(fmt.Sprint("by mac ", i), vs, err)
			d, err := r.Device(m)
			add(fmt.Sprint("device ", i), d, err)
		}
		for _, m := range hotspot.Methods() {
			us, err := r.Users(m, 0, 1000)
			add("users "+string(m), us, err)
		}
		for i := range 30 {
			v, err := r.VoucherByUsername(fmt.Sprintf("A%d", i))
			add(fmt.Sprint("by name ", i), v, err)
			u, err := r.UserByKey(hotspot.MethodFree, fmt.Sprintf("a%d", i))
			add(fmt.Sprint("by key ", i), u, err)
			b, err := r.Secret(fmt.Sprintf("A%d", i))
			add(fmt.Sprint("secret ", i), b, err)
		}
		ss, err := r.Sessions(0, 1000)
		add("sessions", ss, err)
		ss, err = r.OpenSessions()
		add("open", ss, err)
		rows, err := r.Audit(0, 1000)
		add("audit", rows, err)
		events, err := r.Events(0, 1000)
		add("events", events, err)
		seen, err := r.Sightings()
		add("sightings", seen, err)
		blocked, err := r.BlockedDevices()
		add("blocked", blocked, err)
		set, err := r.Settings()
		add("settings", set, err)
		secrets, err := r.Secrets("")
		add("secrets", secrets, err)
		m, err := r.ClockMark()
		add("clock", m, err)
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestModel runs random transactions on the store and on the fake, with
// restarts and compactions between: they must never differ.
func TestModel(t *testing.T) {
	opts, _ := options(t.TempDir())
	db := open(t, opts)
	model := hotspottest.NewStore()
	r := rand.New(rand.NewPCG(7, 7))
	addrs := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	for i := range 1500 {
		f := step(r.Uint64(), r.IntN(4) == 0)
		got, want := db.Update(t.Context(), f), model.Update(t.Context(), f)
		if !errors.Is(got, want) {
			t.Fatalf("step %d: %v instead of %v", i, got, want)
		}
		if i%50 == 0 {
			if d := cmp.Diff(everything(model, t), everything(db, t), addrs); d != "" {
				t.Fatalf("step %d (-model +store):\n%s", i, d)
			}
		}
		switch r.IntN(60) {
		case 0:
			closeChecked(t, db)
			db = open(t, opts)
		case 1:
			if err := db.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}
