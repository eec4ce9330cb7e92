package daemon

import (
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSeries(t *testing.T) {
	s := newSeries()
	s.counter("b_total{x=" + label("a\\b\"c\nd") + "}").Add(3)
	s.counter(`b_total{x="e"}`).Add(1 << 40)
	s.spent("c_seconds_sum", 1500*time.Millisecond)
	s.spent("c_seconds_sum", -time.Second) // a clock that went back
	s.gauge("a_bytes", func() float64 { return 1 << 35 })
	s.gauge("not_known", func() float64 { return -1 })
	var b strings.Builder
	if err := s.write(&b); err != nil {
		t.Fatal(err)
	}
	const want = `# TYPE a_bytes gauge
a_bytes 34359738368
# TYPE b_total counter
b_total{x="a\\b\"c\nd"} 3
b_total{x="e"} 1099511627776
# TYPE c_seconds_sum counter
c_seconds_sum 1.5
`
	if b.String() != want {
		t.Errorf("wrote\n%s", b.String())
	}
}

func TestSeriesFromMany(t *testing.T) {
	s := newSeries()
	var tasks sync.WaitGroup
	for range 8 {
		tasks.Go(func() {
			for range 1000 {
				s.counter("n_total").Add(1)
				_ = s.write(new(strings.Builder))
			}
		})
	}
	tasks.Wait()
	if n := s.counter("n_total").Load(); n != 8000 {
		t.Errorf("counted %d", n)
	}
}
