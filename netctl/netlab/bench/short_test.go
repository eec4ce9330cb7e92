package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test program be the bare server too.
func TestMain(m *testing.M) {
	if len(os.Args) >= 6 && os.Args[1] == "bare" {
		commits := ""
		if len(os.Args) == 8 {
			commits = os.Args[7]
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := ServeBare(ctx, os.Args[3], os.Args[5], commits); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestEveryBenchmarkRuns takes the short form: every benchmark brings its
// figures, and the report can be made. What they say is not judged here.
func TestEveryBenchmarkRuns(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "vouchsafe")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../../cmd/vouchsafe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Run(t.Context(), Config{
		ID: "bench" + strings.ToLower(rand.Text()[:8]), Binary: binary, Bare: []string{self, "bare"}, Short: true,
		Command: "go test", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Error(err)
	}
	if len(rep.Sections) != len(Names()) {
		t.Errorf("%d sections, want %d", len(rep.Sections), len(Names()))
	}
	for _, s := range rep.Sections {
		if len(s.Figures) == 0 || strings.TrimSpace(s.How) == "" {
			t.Errorf("%s: %d figures, said to be made thus: %q", s.Name, len(s.Figures), s.How)
		}
		for _, f := range s.Figures {
			if f.Got == "" || f.Verdict == "" || strings.Contains(f.Got, "NaN") {
				t.Errorf("%s: %+v", s.Name, f)
			}
		}
	}
	if err := rep.Write(dir); err != nil {
		t.Error(err)
	}
}
