package tunnel

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestAfterEnd: whoever waits for a link's end hears of it once, however it ends,
// and also when it has ended already.
func TestAfterEnd(t *testing.T) {
	for name, end := range map[string]func(*Link, *wire){
		"closed": func(l *Link, _ *wire) { l.Close(); l.Close() },
		"died":   func(_ *Link, w *wire) { w.dead.Store(true) },
		"cut":    func(_ *Link, w *wire) { w.router.Close(); w.relay.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *relay) {
				b := newBubble(t, r, http.HandlerFunc(echo))
				l, w := <-b.links, <-b.wires
				var heard atomic.Int32
				for range 2 {
					l.AfterEnd(func() { heard.Add(1) })
				}
				synctest.Wait()
				if n := heard.Load(); n != 0 {
					t.Errorf("heard %d times of an end that there is not", n)
				}
				end(l, w)
				<-l.Done()
				l.AfterEnd(func() { heard.Add(1) })
				<-time.After(time.Minute)
				if n := heard.Load(); n != 3 {
					t.Errorf("heard %d times", n)
				}
				b.stop()
				for len(b.links) > 0 {
					(<-b.links).Close()
				}
				l.Close()
			})
		})
	}
}

// TestOneConnection: a link does not find its way anywhere else.
func TestOneConnection(t *testing.T) {
	if _, err := NewLinks(0).transport.DialContext(context.Background(), "tcp", "router:443"); err == nil {
		t.Error("it dials")
	}
}
