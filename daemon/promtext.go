package daemon

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// series are the figures of one run, and write themselves in the text format of
// Prometheus. A library for it costs more of the flash than the rest of this
// file's callers together, and half of it would lie idle.
type series struct {
	mu       sync.Mutex // guards the maps, not what they hold
	counters map[string]*atomic.Uint64
	seconds  map[string]*atomic.Uint64 // in nanoseconds
	gauges   map[string]func() float64
}

func newSeries() *series {
	return &series{counters: map[string]*atomic.Uint64{}, seconds: map[string]*atomic.Uint64{}, gauges: map[string]func() float64{}}
}

// label writes a label's value between quotes, as the format wants it.
func label(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(v) + `"`
}

// counter returns a counter, made when it is asked for first. name includes the
// labels.
func (s *series) counter(name string) *atomic.Uint64 { return s.in(s.counters, name) }

// spent adds to a sum of seconds.
func (s *series) spent(name string, d time.Duration) {
	s.in(s.seconds, name).Add(uint64(max(0, d)))
}

func (s *series) in(m map[string]*atomic.Uint64, name string) *atomic.Uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := m[name]
	if !ok {
		c = new(atomic.Uint64)
		m[name] = c
	}
	return c
}

// gauge adds a figure that is looked up when it is asked for.
func (s *series) gauge(name string, f func() float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gauges[name] = f
}

// write writes all figures, by name. One that is not known, below zero, is left
// out.
func (s *series) write(w io.Writer) error {
	lines := map[string]string{}
	s.mu.Lock()
	for name, c := range s.counters {
		lines[name] = strconv.FormatUint(c.Load(), 10)
	}
	for name, c := range s.seconds {
		lines[name] = strconv.FormatFloat(time.Duration(c.Load()).Seconds(), 'g', -1, 64)
	}
	gauges := maps.Clone(s.gauges)
	s.mu.Unlock()
	for name, f := range gauges { // without the lock: some ask the store
		if v := f(); v >= 0 {
			lines[name] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	var b bytes.Buffer
	last := ""
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		if family, _, _ := strings.Cut(name, "{"); family != last {
			b.WriteString("# TYPE " + family + " " + kind(family) + "\n")
			last = family
		}
		b.WriteString(name + " " + lines[name] + "\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// kind tells counters from gauges by their names.
func kind(family string) string {
	for _, end := range []string{"_total", "_seconds_sum", "_seconds_count"} {
		if strings.HasSuffix(family, end) {
			return "counter"
		}
	}
	return "gauge"
}
