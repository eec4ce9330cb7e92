package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program be the parts of the benchmarks, too. They are in
// namespaces of their own (CLONE_NEWNET), so these tests need root.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && parts()[os.Args[1]] != nil {
		if run(context.Background(), os.Args[1:]) != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestEveryBenchmarkRuns takes the short form: every benchmark brings its figures
// and the report has them. What they say is not judged here.
func TestEveryBenchmarkRuns(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "vouchsafe-cloud")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../../cmd/vouchsafe-cloud")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if err := run(t.Context(), []string{"--short", "--relay", program, "--out", dir}); err != nil {
		t.Error(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "benchmarks-cloud.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, want := range []string{
		"short form", "| a list of 25 MB, ", "| a small POST beside a list", "clients that stall", "idle tunnels, before a request |", "idle tunnels, after a request |",
		"| pings of ", "| small POSTs, 64 connections, median |", "| idle: the routers are back |", "| under way at the death: answered after |", "sent again | 0 of 1 |", "## Links that die silently",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q", want)
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, "not measured") {
		t.Errorf("the report:\n%s", text)
	}
}

// TestMistakes: what there is not cannot be measured.
func TestMistakes(t *testing.T) {
	for _, args := range [][]string{{"--only", "nothing", "--out", t.TempDir()}, {"--magic"}} {
		if err := run(t.Context(), args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// TestSample: medians and spreads are what they say.
func TestSample(t *testing.T) {
	s := sample{4, 1, 3, 2}
	if s.median() != 2.5 || s.most() != 4 || s.quantile(0.95) < 3.8 || (sample{}).median() != 0 {
		t.Errorf("%v %v %v", s.median(), s.most(), s.quantile(0.95))
	}
	if got := s.spread(1, "s"); got != "2.5 s (1.0–4.0, n = 4)" {
		t.Error(got)
	}
}

// TestPath: the link is as fast, as far and as narrow as it shall be.
func TestPath(t *testing.T) {
	p := &path{shape: shape{bits: 8e6, delay: 10 * time.Millisecond, buffer: 5 * time.Millisecond}, seen: map[uint16]bool{}, gone: map[uint16]bool{}}
	packet := make([]byte, 1000) // a millisecond of the link
	packet[0], packet[9], packet[20], packet[21] = 0x45, 6, 0x30, 0x39
	begun := time.Now()
	admitted := 0
	var last time.Time
	for range 20 {
		if due, ok := p.admit(1, packet); ok {
			admitted++
			last = due
		}
	}
	if lost, of := p.losses(); admitted < 6 || lost != 20-admitted || of != 20 || last.Sub(begun) < 16*time.Millisecond {
		t.Errorf("%d of %d lost, the last is due %v after the first", lost, of, last.Sub(begun))
	}
	p.forget()
	if _, ok := p.admit(1, packet); ok {
		t.Error("a connection that was forgotten goes on")
	}
	if port := routerPort(0, append(packet[:22:22], 0x12, 0x34)); port != 0x1234 {
		t.Errorf("%#x", port)
	}
	if routerPort(0, nil) != 0 || routerPort(0, packet[:20]) != 0 {
		t.Error("ports of what has none")
	}
}
