package hotspottest

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func dayCases() storeCases {
	return storeCases{
		"days/every field": testDayFields,
		"days/order":       testDayOrder,
		"days/rollback":    testDayRollback,
		"days/bounds":      testDayBounds,
	}
}

func putDays(t *testing.T, s hotspot.Store, all ...hotspot.Day) {
	t.Helper()
	update(t, s, func(tx hotspot.Tx) error {
		for _, d := range all {
			if err := tx.PutDay(&d); err != nil {
				return err
			}
		}
		return nil
	})
}

// wantDays checks which days there are, provisional ones with a question mark.
func wantDays(t *testing.T, s hotspot.Store, from, to hotspot.Date, want string) {
	t.Helper()
	view(t, s, func(r hotspot.Reader) error {
		var got []string
		err := r.ScanDays(from, to, func(d *hotspot.Day) error {
			name := fmt.Sprint(int32(d.Date))
			if d.Provisional {
				name += "?"
			}
			got = append(got, name)
			return nil
		})
		same(t, strings.Join(got, " "), want)
		return err
	})
}

func testDayFields(t *testing.T, s hotspot.Store) {
	var d hotspot.Day
	(&filler{}).fill(t, reflect.ValueOf(&d).Elem())
	if d.Date == 0 || !d.Provisional || len(d.Hours) == 0 || len(d.Accounts) == 0 {
		t.Fatalf("not filled: %+v", d)
	}
	putDays(t, s, d)
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.Day(d.Date, true)
		same(t, got, d)
		_, other := r.Day(d.Date, false)
		wantErr(t, other, hotspot.ErrNotFound)
		return err
	})
	most := hotspot.Day{Date: math.MaxInt32, Hours: []hotspot.Hour{{Start: day0(), Peak: math.MaxUint64,
		Used: hotspot.Usage{Down: math.MaxUint64, Up: math.MaxUint64}}}}
	putDays(t, s, most)
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.Day(most.Date, false)
		same(t, got, most)
		return err
	})
}

func testDayOrder(t *testing.T, s hotspot.Store) {
	putDays(t, s, hotspot.Day{Date: 300}, hotspot.Day{Date: 2, Provisional: true}, hotspot.Day{Date: 70000}, hotspot.Day{Date: 2}, hotspot.Day{})
	wantDays(t, s, math.MinInt32, math.MaxInt32, "0 2 2? 300 70000")
	wantDays(t, s, 1, 300, "2 2? 300")
	wantDays(t, s, 3, 299, "")
	wantDays(t, s, 2, 1, "")
	update(t, s, func(tx hotspot.Tx) error { return tx.DeleteDay(2, false) })
	update(t, s, func(tx hotspot.Tx) error { return tx.DeleteDay(2, false) })
	wantDays(t, s, 0, 300, "0 2? 300")
	view(t, s, func(r hotspot.Reader) error {
		n := 0
		err := r.ScanDays(0, 300, func(*hotspot.Day) error { n++; return errTest })
		wantErr(t, err, errTest)
		if n != 1 {
			t.Errorf("%d days were told after an error", n)
		}
		return nil
	})
}

func testDayRollback(t *testing.T, s hotspot.Store) {
	putDays(t, s, hotspot.Day{Date: 1, Through: 1})
	err := s.Update(t.Context(), func(tx hotspot.Tx) error {
		if err := tx.PutDay(&hotspot.Day{Date: 2}); err != nil {
			return err
		}
		if err := tx.DeleteDay(1, false); err != nil {
			return err
		}
		if _, err := tx.Day(2, false); err != nil {
			t.Errorf("its own write: %v", err)
		}
		return errTest
	})
	wantErr(t, err, errTest)
	wantDays(t, s, 0, 9, "1")
}

func testDayBounds(t *testing.T, s hotspot.Store) {
	err := s.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutDay(&hotspot.Day{Date: -1}) })
	wantErr(t, err, hotspot.ErrInvalid)
	wantDays(t, s, math.MinInt32, math.MaxInt32, "")
}
