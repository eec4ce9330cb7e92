package hotspot

import (
	"testing"
	"time"
)

// TestDepartures: an account that comes and goes all the time does not pile up.
func TestDepartures(t *testing.T) {
	d, a := make(departures), AccountID{MethodVoucher, 1}
	for i := range uint64(100) {
		now := time.Duration(i) * time.Second
		d.note(&live{Session: Session{ID: i, Account: a}}, now)
		d.clean(now)
	}
	if n, limit := len(d[a]), int(departedFor/time.Second)+1; n != limit || d[a][n-1].id != 99 {
		t.Errorf("%d are kept, not %d", n, limit)
	}
	if d.clean(time.Hour); len(d) != 0 {
		t.Errorf("%d accounts are kept", len(d))
	}
}
