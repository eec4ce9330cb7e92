package cloud_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// TestNamedInOrder: a router that is renamed while it is greeted hears its old host
// and then its new one, never the other way round.
func TestNamedInOrder(t *testing.T) {
	h := newHouse(t, nil)
	acc, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	old := strings.TrimSuffix(id.Host, ".cloud.test")
	var fresh string
	var mu sync.Mutex // guards what follows
	var heard []string
	second := make(chan struct{})
	named := func(host string) {
		mu.Lock()
		first := len(heard) == 0
		mu.Unlock()
		if first {
			x, err := h.relay.Rotate(context.WithoutCancel(t.Context()), acc.ID, old)
			if err != nil {
				t.Error(err)
			}
			fresh = x.Prefix
			// A relay that does not wait for this answer says the next host now.
			select {
			case <-second:
			case <-time.After(200 * time.Millisecond):
			}
		}
		mu.Lock()
		heard = append(heard, host)
		if len(heard) == 1 && !first {
			close(second)
		}
		mu.Unlock()
	}
	tun := tunnel.New(tunnel.Config{Relay: h.addr, Version: "1.2.3", Handler: nil, Log: slog.New(slog.DiscardHandler), PingWait: patience, Named: named,
		TLS: func() (*tls.Config, error) { return id.TLS(h.roots) }})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { tun.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	until(t, "both hosts are heard", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(heard) == 2
	})
	if heard[0] != id.Host || heard[1] != fresh+".cloud.test" {
		t.Errorf("it heard %q; it is %s, then %s", heard, old, fresh)
	}
}
