package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSample(t *testing.T) {
	s := Sample{4, 1, 3, 2}
	for what, v := range map[string][2]float64{
		"median":   {s.Median(), 2.5},
		"min":      {s.Min(), 1},
		"max":      {s.Max(), 4},
		"0.99":     {s.Quantile(0.99), 3.97},
		"of one":   {Sample{7}.Median(), 7},
		"of none":  {Sample{}.Median(), 0},
		"odd":      {Sample{9, 1, 5}.Median(), 5},
		"over":     {s.Over(Sample{2, 2, 0}).Median(), 1.25}, // 2 and 0.5; the third has no base
		"overlong": {float64(len(s.Over(Sample{1, 1}))), 2},
	} {
		if math.Abs(v[0]-v[1]) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, v[0], v[1])
		}
	}
	if s[0] != 4 {
		t.Error("the sample was sorted in place")
	}
}

func TestSpread(t *testing.T) {
	for want, got := range map[string]string{
		"2.50 ms (1.00–4.00, n = 4)": msUnit().spread(Sample{1, 2, 3, 4}),
		"0.950":                      ratioUnit().spread(Sample{0.95}),
		"12 kpps":                    kppsUnit().with(12.3),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func testReport() Report {
	s := Section{Name: "x", Title: "X & <Y>", How: "How it is done.", Took: 3 * time.Second, Busy: 0.25}
	s.figure("speed", "1.0", "bare | 2.0", "≥ 0.8", atLeast(0.5, 0.8))
	s.figure("size", "1 MB", "", "≤ 8 MB", atMost(1, 8))
	s.figure("curious", "7", "", "", NoGoal)
	s.note("A note.")
	s.Plots = []Plot{{Name: "x", Title: "X & <Y>", Unit: "ms", Goal: 3, GoalText: "3 <", Rows: []PlotRow{
		{"bare", Sample{1, 2, 3}, true}, {"ours & theirs", Sample{2, 4, 1000}, false}, {"none", nil, false},
	}}}
	return Report{Command: "make bench", Version: "v1", Begun: time.Unix(0, 0), Took: time.Minute, Machine: []string{"2 × something"},
		Sections: []Section{s, {Name: "y", Title: "Y", Err: errors.New("it\nbroke")}}}
}

func TestMarkdown(t *testing.T) {
	text := testReport().Markdown()
	for _, want := range []string{
		"- command: `make bench`", "- 2 × something", "begun 1970-01-01 00:00 UTC, took 1m0s",
		"| speed | 1.0 | bare \\| 2.0 | ≥ 0.8 | **missed** |", "| size | 1 MB |  | ≤ 8 MB | met |", "| curious | 7 |  |  | – |",
		"- speed: 1.0, where the target is ≥ 0.8.", "not measured: it broke", "kept 25 % of the processors busy",
		"![X & <Y>](benchmarks/x.svg)", "A note.", "It ended early: it\nbroke",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "size: 1 MB, where") {
		t.Error("a figure that met its target is said to have missed it")
	}
}

func TestPlotIsXML(t *testing.T) {
	for _, p := range []Plot{testReport().Sections[0].Plots[0], {Title: "nothing"}, {Rows: []PlotRow{{"zero", Sample{0, 0}, false}}}} {
		svg := p.SVG()
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v\n%s", p.Title, err, svg)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%q has a place that is nowhere:\n%s", p.Title, svg)
		}
	}
}

func TestThin(t *testing.T) {
	for n := range 500 {
		if got := len(thin(make(Sample, n), 120)); got > 120 || n > 0 && got == 0 || n <= 120 && got != n {
			t.Errorf("of %d values %d are drawn", n, got)
		}
	}
}

func TestRoundUp(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.93: 1, 1: 1, 1.1: 1.2, 17: 20, 301: 400, 9.5: 10} {
		if got := roundUp(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("roundUp(%v) = %v, want %v", v, got, want)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := testReport().Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"benchmarks.md", "benchmarks/x.svg"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFrame(t *testing.T) {
	f := frame{
		src: net.HardwareAddr{2, 0, 0, 0, 0, 1}, dst: net.HardwareAddr{2, 0, 0, 0, 0, 2},
		from: netip.MustParseAddrPort("10.64.0.1:20000"), to: netip.MustParseAddrPort("203.0.113.1:5001"), index: 7,
	}
	b := f.bytes()
	if len(b) != frameLen {
		t.Fatalf("%d bytes", len(b))
	}
	if sum := checksum(b[14:34]); sum != 0 {
		t.Errorf("the header's checksum is off by %#x", sum)
	}
}

func TestCrowdIsUnique(t *testing.T) {
	addrs, macs := map[any]bool{}, map[any]bool{}
	inside := netip.MustParsePrefix(crowdNet)
	for i := range 10_001 {
		a := crowdAddr(i)
		if !inside.Contains(a) {
			t.Fatalf("%s is not in %s", a, inside)
		}
		addrs[a], macs[crowdMAC(i)] = true, true
	}
	if len(addrs) != 10_001 || len(macs) != 10_001 {
		t.Errorf("%d addresses and %d MACs of 10001", len(addrs), len(macs))
	}
}

func TestUnknownBenchmark(t *testing.T) {
	if _, err := Run(t.Context(), Config{Only: []string{"nonsense"}}); err == nil || !strings.Contains(err.Error(), "forward") {
		t.Errorf("%v; want an error that lists what there is", err)
	}
}
