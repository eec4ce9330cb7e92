package hotspottest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// dayKey names a day that was counted.
type dayKey struct {
	date        hotspot.Date
	provisional bool
}

func compareDays(a, b dayKey) int {
	if c := cmp.Compare(a.date, b.date); c != 0 || a.provisional == b.provisional {
		return c
	}
	if b.provisional {
		return -1
	}
	return 1
}

func copyDay(d hotspot.Day) hotspot.Day {
	d.Hours, d.Accounts = list(d.Hours), list(d.Accounts)
	for i := range d.Hours {
		d.Hours[i].Start = moment(d.Hours[i].Start)
	}
	return d
}

func (r storeReader) Day(date hotspot.Date, provisional bool) (hotspot.Day, error) {
	d, ok := r.s.days[dayKey{date, provisional}]
	if !ok {
		return hotspot.Day{}, hotspot.ErrNotFound
	}
	return copyDay(d), nil
}

func (r storeReader) ScanDays(from, to hotspot.Date, f func(*hotspot.Day) error) error {
	var d hotspot.Day
	for _, k := range slices.SortedFunc(maps.Keys(r.s.days), compareDays) {
		if k.date < from || k.date > to {
			continue
		}
		d = copyDay(r.s.days[k])
		if err := f(&d); err != nil {
			return err
		}
	}
	return nil
}

func (t *storeTx) PutDay(d *hotspot.Day) error {
	if d.Date < 0 {
		return hotspot.Invalid("date", "a day must not be before 1970")
	}
	putKey(t, t.s.days, dayKey{d.Date, d.Provisional}, copyDay(*d))
	return nil
}

func (t *storeTx) DeleteDay(date hotspot.Date, provisional bool) error {
	removeKey(t, t.s.days, dayKey{date, provisional})
	return nil
}
