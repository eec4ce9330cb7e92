package endpoint

import (
	"log/slog"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// unsealed seals nothing.
type unsealed struct{}

func (unsealed) Seal(b []byte) []byte          { return b }
func (unsealed) Open(b []byte) ([]byte, error) { return b, nil }

// TestLateWord: what the relay said before the router got itself another address,
// and what is taken up only afterwards, does not bring the old one back.
func TestLateWord(t *testing.T) {
	e, err := New(t.Context(), Config{Store: hotspottest.NewStore(), Sealer: unsealed{}, Log: slog.New(slog.DiscardHandler),
		Now: func() (time.Time, bool) { return time.Unix(1_000_000, 0), true }})
	if err != nil {
		t.Fatal(err)
	}
	const old, fresh, other = "a.cloud.test", "b.cloud.test", "c.cloud.test"
	keep := func(host string) {
		if err := e.store(t.Context(), &record{Identity: tunnel.Identity{Host: host}, On: true}, hotspot.AuditCloudRotated, host); err != nil {
			t.Fatal(err)
		}
	}
	take := func(said word, want string) {
		t.Helper()
		if err := e.rename(t.Context(), said); err != nil || e.Status().Host != want {
			t.Errorf("after %v: %s, %v; want %s", said, e.Status().Host, err, want)
		}
	}
	keep(old)
	greeting := word{old, e.moved(0)}
	e.moved(1) // as Rotate does
	keep(fresh)
	take(greeting, fresh)
	take(word{fresh, e.moved(0)}, fresh)
	take(word{other, e.moved(0)}, other) // the account's owner chose another one
}
