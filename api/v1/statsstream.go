package v1

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	eventsType = "text/event-stream"
	// maxStreams bounds the streams at one time: each holds a connection.
	maxStreams = 16
	// heartbeat is the longest silence in a stream, so that both ends find out
	// when the other is gone.
	heartbeat = 15 * time.Second
)

// liveStream registers the stream of what goes on.
func (s *server) liveStream() {
	answer := &huma.Response{Content: map[string]*huma.MediaType{eventsType: {Schema: &huma.Schema{Type: "string"}}}}
	most := query("guests", "integer", "how many guests are told of, at most 1000; 100 by default")
	s.raw(reads(surface.ScopeLive), &huma.Operation{OperationID: "stream-live", Method: http.MethodGet, Path: "/stats/live/stream",
		Summary: "Tell what goes on after each reading of the counters",
		Description: "Server-sent events of the type live, whose data is what /stats/live answers, without the series. " +
			"A client that is too slow misses readings. The stream ends when the credential is revoked or the daemon stops.",
		Parameters: []*huma.Param{most}}, "", answer, s.streamLive)
}

func (s *server) streamLive(w http.ResponseWriter, r *http.Request) error {
	most, err := guestsAsked(r)
	if err != nil {
		return err
	}
	if s.streams.Add(1) > maxStreams {
		s.streams.Add(-1)
		return &hotspot.Error{Code: hotspot.CodeTryLater, Text: "too many streams are open: close one, or ask /stats/live from time to time"}
	}
	defer s.streams.Add(-1)
	conn := http.NewResponseController(w)
	// The server's limits are for short answers. In-process requests have none.
	_ = conn.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", eventsType)
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in between must not collect
	ticks := s.Service.Readings(r.Context())
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if !s.sendLive(w, conn, most) {
			return nil
		}
		for silent := true; silent; {
			select {
			case <-r.Context().Done():
				return nil
			case <-s.Stopping:
				return nil
			case <-ticks:
				beat.Reset(heartbeat)
				silent = false
			case <-beat.C:
				if !sendPart(w, conn, []byte(":\n\n")) {
					return nil
				}
			}
		}
	}
}

// sendLive sends one event; false: nobody is there.
func (s *server) sendLive(w http.ResponseWriter, conn *http.ResponseController, most int) bool {
	b := bytes.NewBufferString("event: live\ndata: ")
	if err := json.NewEncoder(b).Encode(s.liveNow(most)); err != nil {
		panic(err) // a mistake of ours
	}
	b.WriteByte('\n') // after the encoder's: an empty line ends the event
	return sendPart(w, conn, b.Bytes())
}

func sendPart(w http.ResponseWriter, conn *http.ResponseController, b []byte) bool {
	_ = conn.SetWriteDeadline(time.Now().Add(surface.WriteTimeout))
	if _, err := w.Write(b); err != nil {
		return false
	}
	return conn.Flush() == nil
}

// guestsAsked reads the stream's only parameter.
func guestsAsked(r *http.Request) (int, error) {
	q := r.URL.Query()
	for name := range q {
		if name != "guests" {
			return 0, hotspot.Invalid(name, "unknown query parameter")
		}
	}
	text := q.Get("guests")
	if text == "" {
		return 100, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n > 1000 {
		return 0, hotspot.Invalid("guests", "it must be a number from 0 to 1000")
	}
	return int(n), nil
}
