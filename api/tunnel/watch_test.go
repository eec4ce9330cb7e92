package tunnel

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestBusyAndSilent: a router that gets requests all the time, and has no answer
// ready yet, neither pings nor says anything. It is asked, and not given up.
func TestBusyAndSilent(t *testing.T) {
	inBubble(t, func(t *testing.T, r *relay) {
		b := newBubble(t, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(10 * time.Minute):
			case <-r.Context().Done():
			}
		}))
		l := <-b.links
		for range 60 {
			go func() { _, _, _ = post(t, l, "/api/", "192.0.2.7", "x") }() // it ends with the link
			<-time.After(4 * time.Second)
			if silent := l.ear.silent(); silent > askAfter+watchEvery {
				t.Fatalf("nothing was heard for %v", silent)
			}
		}
		select {
		case <-l.Done():
			t.Error("given up")
		default:
		}
		b.stop()
		l.Close()
	})
}

// TestWatchForgets: what has ended is not kept, and with the last link the watch
// ends.
func TestWatchForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch{wait: askWait}
		var all []*Link
		for range 100 {
			l := &Link{done: make(chan struct{}), ear: &ear{began: time.Now()}}
			all = append(all, l)
			w.add(l)
			<-time.After(100 * time.Millisecond)
		}
		for _, l := range all {
			l.end()
		}
		<-time.After(askAfter + watchEvery)
		synctest.Wait()
		if w.n != 0 {
			t.Errorf("%d links are kept", w.n)
		}
		for slot, due := range w.due {
			if len(due) > 0 {
				t.Errorf("%d links are kept in slot %d", len(due), slot)
			}
		}
		at := w.at
		<-time.After(time.Minute)
		synctest.Wait()
		if w.at != at {
			t.Error("the wheel turns for nobody")
		}
		l := &Link{done: make(chan struct{}), ear: &ear{began: time.Now()}}
		w.add(l)
		<-time.After(time.Second)
		synctest.Wait()
		if w.at == at || w.n != 1 {
			t.Errorf("the wheel stands still with %d links", w.n)
		}
		l.end()
	})
}
