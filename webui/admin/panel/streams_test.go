package panel_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// open begins a stream of a session; the answer may be read when closed returns.
func open(ctx context.Context, s *panel.Streams, session byte, ticks <-chan struct{}) (w *recorder, closed <-chan struct{}) {
	w = &recorder{ResponseRecorder: httptest.NewRecorder()}
	q := &panel.Request{Request: httptest.NewRequestWithContext(ctx, http.MethodGet, "/events", nil), W: w, By: &api.Principal{Session: api.ID{session}}}
	done := make(chan struct{})
	go func() {
		s.Serve(q, ticks, panel.RenewEvery)
		close(done)
	}()
	return w, done
}

// recorder is one that may be read while the stream goes on.
type recorder struct {
	*httptest.ResponseRecorder
	mu sync.Mutex
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ResponseRecorder.Write(b)
}

// Flush implements http.Flusher.
func (r *recorder) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ResponseRecorder.Flush()
}

// soFar is what has come.
func (r *recorder) soFar() (body string, flushed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Body.String(), r.Flushed
}

// TestStream: events follow ticks, but not too often; silence is broken; and the
// stream ends with the session and with the daemon.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopping := make(chan struct{})
		s := &panel.Streams{Stopping: stopping}
		ctx, end := context.WithCancel(t.Context())
		ticks := make(chan struct{})
		w, closed := open(ctx, s, 1, ticks)
		for range 12 { // one a second
			synctest.Wait()
			<-time.After(time.Second)
			ticks <- struct{}{}
		}
		synctest.Wait()
		body, _ := w.soFar()
		if got := strings.Count(body, "data: old\n\n"); got != 2 {
			t.Errorf("%d events in 12 seconds: %q", got, body)
		}
		<-time.After(20 * time.Second)
		synctest.Wait()
		body, flushed := w.soFar()
		end()
		<-closed
		if !strings.Contains(body, "\n:\n\n") || w.Header().Get("Content-Type") != "text/event-stream" || !flushed {
			t.Errorf("%v %q", w.Header(), body)
		}
		_, closed = open(t.Context(), s, 1, ticks)
		close(stopping)
		<-closed
	})
}

// TestStreamBounds: nobody keeps others from their events, nor the browser from
// its pages.
func TestStreamBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &panel.Streams{}
		ctx, end := context.WithCancel(t.Context())
		var waits []<-chan struct{}
		for n := range 24 { // of eight sessions
			_, closed := open(ctx, s, byte(1+n/3), nil)
			waits = append(waits, closed)
			synctest.Wait()
		}
		w, closed := open(ctx, s, 1, nil)
		if <-closed; w.Code != http.StatusNoContent {
			t.Errorf("a fourth stream of a session: %d", w.Code)
		}
		w, closed = open(ctx, s, 99, nil)
		if <-closed; w.Code != http.StatusNoContent {
			t.Errorf("a seventeenth stream: %d", w.Code)
		}
		end()
		for _, closed := range waits {
			<-closed
		}
		ctx, end = context.WithCancel(t.Context())
		w, closed = open(ctx, s, 1, nil)
		synctest.Wait()
		if end(); w.Code != http.StatusOK {
			t.Errorf("after all were closed: %d", w.Code)
		}
		<-closed
	})
}
