package hotspottest

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func fieldCases() storeCases {
	return storeCases{
		"fields/every":    testEveryField,
		"fields/zero":     testZeroFields,
		"fields/times":    testTimes,
		"fields/addrs":    testAddrs,
		"fields/extremes": testExtremes,
	}
}

// filler sets every field of a record to a value of its own, so that a field
// that a store forgets is noticed, also one that is added later.
type filler struct{ n int }

func (f *filler) fill(t *testing.T, v reflect.Value) {
	t.Helper()
	f.n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(day0().Add(time.Duration(f.n) * 1001 * time.Microsecond)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(f.n)})))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(f.n))
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(t, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(t, v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			f.fill(t, v.Index(i))
		}
	default:
		t.Fatalf("the suite cannot fill a %s: teach it", v.Type())
	}
}

// filled returns a record with every field set.
func filled[T any](t *testing.T) T {
	t.Helper()
	var rec T
	(&filler{}).fill(t, reflect.ValueOf(&rec).Elem())
	return rec
}

func testEveryField(t *testing.T, s hotspot.Store) {
	v, u, ss := filled[hotspot.Voucher](t), filled[hotspot.User](t), filled[hotspot.Session](t)
	d, m := filled[hotspot.Device](t), filled[hotspot.ClockMark](t)
	roundTrip(t, s, v, u, ss, d, m)
}

// roundTrip puts records and compares what comes back.
func roundTrip(t *testing.T, s hotspot.Store, v hotspot.Voucher, u hotspot.User, ss hotspot.Session, d hotspot.Device, m hotspot.ClockMark) {
	t.Helper()
	update(t, s, func(tx hotspot.Tx) error {
		for _, err := range []error{tx.PutVoucher(&v), tx.PutUser(&u), tx.PutSession(&ss), tx.PutDevice(d), tx.PutClockMark(m)} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(r hotspot.Reader) error {
		gotV, err := r.Voucher(v.ID)
		wantErr(t, err, nil)
		same(t, gotV, v)
		gotU, err := r.User(u.Method, u.ID)
		wantErr(t, err, nil)
		same(t, gotU, u)
		gotS, err := r.Session(ss.ID)
		wantErr(t, err, nil)
		same(t, gotS, ss)
		gotD, err := r.Device(d.MAC)
		wantErr(t, err, nil)
		same(t, gotD, d)
		gotM, err := r.ClockMark()
		wantErr(t, err, nil)
		same(t, gotM, m)
		return nil
	})
}

func testZeroFields(t *testing.T, s hotspot.Store) {
	roundTrip(t, s, hotspot.Voucher{}, hotspot.User{Method: hotspot.MethodFree}, hotspot.Session{},
		hotspot.Device{MAC: hotspot.MAC{1}}, hotspot.ClockMark{})
}

func testTimes(t *testing.T, s hotspot.Store) {
	zone := time.FixedZone("venue", 2*3600)
	for _, c := range []struct{ put, want time.Time }{
		{time.Time{}, time.Time{}},
		{time.Unix(0, 0), time.Unix(0, 0)}, // a router without a clock: not the zero time
		{time.Unix(-1, 0), time.Unix(-1, 0)},
		{time.Unix(12, 345678901), time.Unix(12, 345678000)},
		{time.Date(2026, 7, 1, 1, 2, 3, 4000, zone), time.Date(2026, 6, 30, 23, 2, 3, 4000, time.UTC)},
		{time.Date(2106, 2, 8, 0, 0, 0, 0, time.UTC), time.Date(2106, 2, 8, 0, 0, 0, 0, time.UTC)},
	} {
		v := hotspot.Voucher{Username: "t", FirstUse: c.put}
		update(t, s, func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
		update(t, s, func(tx hotspot.Tx) error {
			got, err := tx.Voucher(v.ID)
			if !got.FirstUse.Equal(c.want) || got.FirstUse.IsZero() != c.want.IsZero() {
				t.Errorf("put %v, got %v, want %v", c.put, got.FirstUse, c.want)
			}
			if err != nil {
				return err
			}
			return tx.DeleteVoucher(v.ID)
		})
	}
}

func testAddrs(t *testing.T, s hotspot.Store) {
	ss := hotspot.Session{Started: day0()}
	for _, a := range []string{"192.168.0.7", "fd00::1", "2001:db8::ff:fe00:1", "::ffff:192.168.0.7", "fe80::1%br-guest", "0.0.0.0", "::"} {
		ss.Addrs = append(ss.Addrs, netip.MustParseAddr(a))
	}
	update(t, s, func(tx hotspot.Tx) error { return tx.PutSession(&ss) })
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.Session(ss.ID)
		same(t, got, ss)
		return err
	})
}

func testExtremes(t *testing.T, s hotspot.Store) {
	v := hotspot.Voucher{
		ID: 1<<63 + 5, Username: strings.Repeat("Ä", 64), Passcode: "\x00\xff not UTF-8 \xc3",
		Note: strings.Repeat("n", 20_000), Devices: -1,
		Bound: make([]hotspot.MAC, 300),
	}
	for i := range v.Bound {
		v.Bound[i] = hotspot.MAC{2, byte(i >> 8), byte(i)}
	}
	v.ValidFor = hotspot.Validity(36*time.Hour + time.Nanosecond)
	v.Limit = hotspot.Usage{Down: ^uint64(0), Up: hotspot.MaxLimitMB * hotspot.MB}
	v.LimitTotal, v.Spent = ^uint64(0), hotspot.Total|hotspot.Up
	u := hotspot.User{ID: ^uint64(0) - 1, Method: "a method of its own", Key: strings.Repeat("k", 300), Visits: ^uint64(0)}
	ss := hotspot.Session{Account: hotspot.AccountID{Method: "?", ID: ^uint64(0)}, Reason: "a reason of its own"}
	m := hotspot.ClockMark{Mono: -time.Nanosecond}
	roundTrip(t, s, v, u, ss, hotspot.Device{MAC: hotspot.MAC{255}}, m)
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.VoucherByUsername(strings.Repeat("ä", 64))
		if got.ID != v.ID {
			t.Errorf("found %d", got.ID)
		}
		vs, err2 := r.VouchersByMAC(v.Bound[299])
		wantIDs(t, vs, err2, voucherID, v.ID)
		return err
	})
}
