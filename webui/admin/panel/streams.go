package panel

import (
	"net/http"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

const (
	// maxStreams bounds the streams at one time, each of which holds a
	// connection, and maxOwnStreams those of one session: a browser opens six
	// connections to a host, and needs some for pages.
	maxStreams    = 16
	maxOwnStreams = 3
	// heartbeat is the longest silence, so that both ends find out when the
	// other is gone.
	heartbeat = 15 * time.Second
)

// RenewEvery is how often a page of figures renews itself at most.
const RenewEvery = 5 * time.Second

// Streams tell pages that are open, by server-sent events, when what they show
// is no longer current. All areas share one, so that the bounds hold.
type Streams struct {
	// Stopping is closed when streams shall end. Nil: never.
	Stopping <-chan struct{}

	mu  sync.Mutex // guards what is below
	all int
	by  map[api.ID]int
}

// enter counts a stream; false: it is one too many.
func (s *Streams) enter(session api.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[api.ID]int{}
	}
	if s.all >= maxStreams || s.by[session] >= maxOwnStreams {
		return false
	}
	s.all++
	s.by[session]++
	return true
}

func (s *Streams) leave(session api.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.by[session]--; s.by[session] <= 0 {
		delete(s.by, session)
	}
}

// Serve answers with a stream that has an event after each tick, but not more
// often than every so long: each makes the browser ask for its page again. A tick
// before its time is told of then. The stream ends with the operator's session. A page that is refused one is told not to try again, and is
// as current as it was when it was opened.
func (s *Streams) Serve(q *Request, ticks <-chan struct{}, every time.Duration) {
	if !s.enter(q.By.Session) {
		q.W.WriteHeader(http.StatusNoContent)
		return
	}
	defer s.leave(q.By.Session)
	out := &stream{w: q.W, conn: http.NewResponseController(q.W)}
	// The server's limits are for short answers. In-process requests have none.
	_ = out.conn.SetReadDeadline(time.Time{})
	h := q.W.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy in between must not collect
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	next := time.Now().Add(every)
	var due <-chan time.Time // of an event that waits for its time
	for open := out.send("retry: 10000\n\n"); open; {
		select {
		case <-q.Context().Done():
			return
		case <-s.Stopping:
			return
		case <-ticks:
			if due == nil {
				due = time.After(time.Until(next))
			}
		case <-due:
			due, next = nil, time.Now().Add(every)
			open = out.send("data: old\n\n")
			beat.Reset(heartbeat)
		case <-beat.C:
			open = out.send(":\n\n")
		}
	}
}

// stream is one that is open.
type stream struct {
	w    http.ResponseWriter
	conn *http.ResponseController
}

// send sends a part; false: nobody is there.
func (s *stream) send(part string) bool {
	_ = s.conn.SetWriteDeadline(time.Now().Add(api.WriteTimeout))
	if _, err := s.w.Write([]byte(part)); err != nil {
		return false
	}
	return s.conn.Flush() == nil
}
