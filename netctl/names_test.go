package netctl

import (
	"math"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func voucher(id uint64) hotspot.AccountID {
	return hotspot.AccountID{Method: hotspot.MethodVoucher, ID: id}
}

func TestNames(t *testing.T) {
	for _, m := range hotspot.Methods() {
		for _, id := range []uint64{1, 43, math.MaxUint64} {
			a := hotspot.AccountID{Method: m, ID: id}
			k := SessionKey{ID: id, Account: a}
			if got, dir, ok := ParseQuotaName(QuotaName(a, hotspot.Total) + ".1"); got != a || dir != hotspot.Total || !ok {
				t.Errorf("%s.1 reads as %v %v %v", QuotaName(a, hotspot.Total), got, dir, ok)
			}
			for _, d := range directions {
				for _, tail := range []string{"", ".1", ".65535"} {
					if got, dir, ok := ParseQuotaName(QuotaName(a, d) + tail); got != a || dir != d || !ok {
						t.Errorf("%s reads as %v %v %v", QuotaName(a, d)+tail, got, dir, ok)
					}
					if got, dir, ok := ParseMeterName(MeterName(k, d) + tail); got != k || dir != d || !ok {
						t.Errorf("%s reads as %v %v %v", MeterName(k, d)+tail, got, dir, ok)
					}
				}
			}
		}
	}
	// They are in the kernels of routers that run.
	a := voucher(43)
	if got := QuotaName(a, hotspot.Down); got != "v43d" {
		t.Errorf("quota %s", got)
	}
	if got := QuotaName(a, hotspot.Total); got != "v43t" {
		t.Errorf("quota %s", got)
	}
	if got := MeterName(SessionKey{17, a}, hotspot.Up); got != "s17v43u" {
		t.Errorf("meter %s", got)
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"v43d", "v43t", "s17v43t", "s17v43u", "s17v43u.1", "v", "s", "s1d", "v043d", "v43d.0", "v43d.01", "s18446744073709551616v1d", ".", "d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		base, _, _ := cutSuffix(s)
		if a, d, ok := ParseQuotaName(s); ok && QuotaName(a, d) != base {
			t.Errorf("%q reads as the quota %s", s, QuotaName(a, d))
		}
		if k, d, ok := ParseMeterName(s); ok && MeterName(k, d) != base {
			t.Errorf("%q reads as the meter %s", s, MeterName(k, d))
		}
	})
}

func TestRefill(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct{ used, limit, base, seen, want uint64 }{
		"exact":                     {10*mb - 1000, 10 * mb, 0, 0, 10*mb - 1000},
		"exact, small quota":        {900, 1000, 0, 0, 900},
		"old figure":                {8 * mb, 10 * mb, 0, 0, 10 * mb},
		"old figure, limit lowered": {1 * mb, 3 * mb, 0, 5 * mb, 5 * mb},
		"more than the limit":       {5 * mb, 3 * mb, 0, 5 * mb, 5 * mb},
		"forgotten on purpose":      {0, 10 * mb, 1, 9 * mb, 0},
	} {
		if got := Refill(c.used, c.limit, c.base, c.seen); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
