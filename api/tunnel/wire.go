package tunnel

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// ControlPath is the path of requests that the relay makes of the router's end
// itself. The handler never sees it.
const ControlPath = "/.tunnel"

// ClientHeader names the internet address of the client for whom the relay asks.
// It overwrites what the client sent.
const ClientHeader = "Vouchsafe-Client"

// Protocol is the application protocol of the TLS connection (RFC 7301).
const Protocol = "h2"

// Windows and timers of both ends. The router's timers must not exceed the
// relay's: it would go on talking to a relay that has given up.
const (
	streamWindow     = 576 << 10
	connectionWindow = 2 << 20
	writeWait        = 15 * time.Second
	// The router pings after so much silence, and gives up if that is not answered.
	pingAfter = 11500 * time.Millisecond
	pingWait  = 4 * time.Second
	// The relay, after so much silence that a ping is overdue, asks, and gives up if
	// it hears nothing at all.
	askAfter = 13 * time.Second
	askWait  = 2500 * time.Millisecond
	// headerTable is the size of HPACK's tables (RFC 7541), in which nothing has
	// room: most tunnels are idle, and would keep the headers of their last
	// requests for nothing.
	headerTable = 1
)

// bounds of control messages, in bytes.
const maxControl = 4 << 10

// Hello is what the relay tells the router's end.
type Hello struct {
	// Host is where the router is reached: <prefix>.<domain>.
	Host string `json:"host,omitempty"`
	// Latency is the last round trip that the relay has measured, in
	// microseconds; 0: none yet.
	Latency int64 `json:"latency_us,omitempty"`
	// Move asks the router to connect anew, and to end this connection once it
	// has: this relay is about to stop.
	Move bool `json:"move,omitempty"`
}

// Answer is what the router's end says to a Hello.
type Answer struct {
	Version string `json:"version"` // of the router's program
}

// http2 is the configuration of an end whose peer may send so much on a stream
// before it is read, and on all streams together. It pings after so much silence,
// 0: never, and waits so long for an answer, 0: as long as is usual.
func http2(stream, connection int, ping, wait time.Duration) *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxReceiveBufferPerStream: stream, MaxReceiveBufferPerConnection: connection,
		MaxDecoderHeaderTableSize: headerTable, MaxEncoderHeaderTableSize: headerTable,
		SendPingTimeout: ping, PingTimeout: cmp.Or(wait, pingWait), WriteByteTimeout: writeWait,
	}
}

// isHost reports whether a text is a name in the domain name system, in small
// letters and of more than one label.
func isHost(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) < 1 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
