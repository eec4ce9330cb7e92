package daemon

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
)

// The bounds of what of the log is kept in memory.
const (
	ringLines   = 512
	ringBytes   = 128 << 10
	maxLogText  = 4 << 10 // of one line's text, or of its details
	ringPerLine = 96      // what a line takes beside its texts
)

// logRing keeps the newest lines of the log for those who look at it from
// afar. It never holds more than its bounds, however much is logged.
type logRing struct {
	mu    sync.Mutex // guards all below
	lines []api.LogLine
	bytes int
	last  uint64
	watch map[chan struct{}]struct{}
}

func newLogRing() *logRing { return &logRing{watch: map[chan struct{}]struct{}{}} }

// keepLog keeps from now on what is logged, if it is not kept yet.
func (o *Options) keepLog() {
	if o.ring == nil {
		o.ring = newLogRing()
		o.Log = o.ring.wrap(o.Log)
	}
}

// wrap returns a logger that keeps in the ring what another one logs.
func (r *logRing) wrap(log *slog.Logger) *slog.Logger {
	return slog.New(ringHandler{next: log.Handler(), ring: r})
}

func lineSize(l *api.LogLine) int {
	return ringPerLine + len(l.Component) + len(l.Text) + len(l.Details)
}

func (r *logRing) add(l api.LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	l.ID = r.last
	r.lines = append(r.lines, l)
	r.bytes += lineSize(&l)
	drop := 0
	for len(r.lines)-drop > ringLines || r.bytes > ringBytes {
		r.bytes -= lineSize(&r.lines[drop])
		r.lines[drop] = api.LogLine{}
		drop++
	}
	r.lines = r.lines[drop:] // append moves them once in a while
	if l.Level == levelName(slog.LevelDebug) {
		return // looking at the log is logged there: it would be news of itself
	}
	for c := range r.watch {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// find returns the newest lines that match, newest first.
func (r *logRing) find(q api.LogQuery) []api.LogLine {
	least := levelRank(q.Level)
	text := strings.ToLower(q.Text)
	out := []api.LogLine{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.lines) - 1; i >= 0 && (q.Limit <= 0 || len(out) < q.Limit); i-- {
		l := &r.lines[i]
		if levelRank(l.Level) < least {
			continue
		}
		if text == "" || holds(l.Text, text) || holds(l.Component, text) || holds(l.Details, text) {
			out = append(out, *l)
		}
	}
	return out
}

func holds(s, lower string) bool { return strings.Contains(strings.ToLower(s), lower) }

// news raises a signal when lines were added, until ctx ends.
func (r *logRing) news(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	r.mu.Lock()
	r.watch[c] = struct{}{}
	r.mu.Unlock()
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		delete(r.watch, c)
		r.mu.Unlock()
	})
	return c
}

// levelNames are the names of levels as in the configuration.
func levelNames() []string { return []string{"debug", "info", "warn", "error"} }

// levelRank is a level's place among the names; 0 for what is none.
func levelRank(name string) int {
	for i, n := range levelNames() {
		if n == name {
			return i
		}
	}
	return 0
}

func levelName(l slog.Level) string {
	return levelNames()[max(0, min(3, int(l-slog.LevelDebug)/4))]
}

// ringHandler hands records on, and keeps their texts.
type ringHandler struct {
	next      slog.Handler
	ring      *logRing
	component string
	prefix    string // of the names of attributes
	details   string // those of With
}

// Enabled implements slog.Handler.
func (h ringHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (h ringHandler) Handle(ctx context.Context, r slog.Record) error {
	at := r.Time.Round(0).UTC().Truncate(time.Millisecond)
	l := api.LogLine{Time: &at, Level: levelName(r.Level), Component: h.component, Text: logText(r.Message)}
	details := h.details
	r.Attrs(func(a slog.Attr) bool {
		if len(details) < maxLogText {
			details = addDetail(details, h.prefix, a)
		}
		return true
	})
	l.Details = logText(details)
	h.ring.add(l)
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h ringHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if a.Key == "component" && h.prefix == "" {
			h.component = a.Value.String()
			continue
		}
		h.details = addDetail(h.details, h.prefix, a)
	}
	h.next = h.next.WithAttrs(attrs)
	return h
}

// WithGroup implements slog.Handler.
func (h ringHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	h.next = h.next.WithGroup(name)
	return h
}

// addDetail adds name=value. A value with white space is quoted.
func addDetail(to, prefix string, a slog.Attr) string {
	if a.Equal(slog.Attr{}) {
		return to
	}
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, m := range v.Group() {
			to = addDetail(to, prefix, m)
		}
		return to
	}
	text := v.String()
	if len(text) > maxLogText {
		text = text[:maxLogText]
	}
	if strings.ContainsAny(text, " \t\r\n=\"") || text == "" {
		text = quoted(text)
	}
	if to != "" {
		to += " "
	}
	return to + prefix + a.Key + "=" + text
}

// quoted puts a text into quotes that it does not have.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `'`) + `"` }

// logText clips a text and makes a line of it.
func logText(s string) string {
	if len(s) > maxLogText {
		s = s[:maxLogText] + "…"
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
