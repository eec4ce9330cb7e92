package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// Config says what to measure.
type Config struct {
	ID     string // of the labs; must be set
	Binary string // the daemon's program; must be set
	// Next is the program that an upgrade brings; empty: Binary again.
	Next string
	// Bare starts the bare HTTP server (see [ServeBare]): program and first
	// arguments. Must be set.
	Bare []string
	// Dir is on the disk that the store is measured on; empty: the labs' own.
	Dir     string
	Only    []string // names of benchmarks; none: all
	Short   bool     // only see that everything runs
	Command string   // as it was typed, for the report
	Version string   // of the program
	Log     *slog.Logger
}

// benchmark is one section of the report.
type benchmark struct {
	name string
	run  func(context.Context, *run) (Section, error)
}

func benchmarks() []benchmark {
	return []benchmark{
		{"forward", forwarding},
		{"login", logins},
		{"batch", batches},
		{"restart", restarts},
		{"adopt", adoption},
		{"dead", dead},
		{"create", creation},
		{"list", listing},
		{"redirect", redirects},
		{"size", size},
	}
}

// Names returns the names of all benchmarks.
func Names() []string {
	var names []string
	for _, b := range benchmarks() {
		names = append(names, b.name)
	}
	return names
}

// run is one run of the benchmarks.
type run struct {
	cfg Config
	log *slog.Logger
}

// pick chooses between the real and the short form.
func pick[T any](r *run, full, short T) T {
	if r.cfg.Short {
		return short
	}
	return full
}

// Run runs the benchmarks. A benchmark that fails is in the report, with its
// error, and in the error returned; the others run all the same.
func Run(ctx context.Context, cfg Config) (Report, error) {
	for _, name := range cfg.Only {
		if !slices.Contains(Names(), name) {
			return Report{}, fmt.Errorf("no benchmark %q; there are: %s", name, strings.Join(Names(), ", "))
		}
	}
	if err := netlab.Check(); err != nil {
		return Report{}, err
	}
	if cfg.Dir == "" {
		cfg.Dir = "/var/lib"
	}
	if cfg.Next == "" {
		cfg.Next = cfg.Binary
	}
	r := &run{cfg: cfg, log: cfg.Log}
	rep := Report{Machine: machine(cfg.Dir), Command: cfg.Command, Version: cfg.Version, Begun: time.Now(), Short: cfg.Short}
	var errs []error
	for _, b := range benchmarks() {
		if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, b.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return rep, errors.Join(append(errs, err)...)
		}
		s := r.one(ctx, b)
		if s.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", b.name, s.Err))
		}
		rep.Sections = append(rep.Sections, s)
	}
	rep.Took = time.Since(rep.Begun)
	return rep, errors.Join(errs...)
}

func (r *run) one(ctx context.Context, b benchmark) Section {
	busy := busyNow(ctx)
	begun := time.Now()
	s, err := b.run(ctx, r)
	s.Name, s.Busy, s.Took, s.Err = b.name, busy, time.Since(begun), err
	if s.Title == "" {
		s.Title = b.name
	}
	r.log.Info("measured", "benchmark", b.name, "took", s.Took.Round(time.Millisecond), "busy before", busy, "err", err)
	for _, f := range s.Figures {
		r.log.Info(f.Name, "got", f.Got, "baseline", f.Baseline, "target", f.Target, "verdict", string(f.Verdict))
	}
	return s
}

// lab makes a lab of its own for one benchmark; suffix tells several apart.
func (r *run) lab(ctx context.Context, suffix string, guests int) (*netlab.Lab, error) {
	return netlab.New(ctx, netlab.Options{ID: r.cfg.ID + suffix, Guests: guests})
}

// tempDir makes a directory on the disk that is measured.
func (r *run) tempDir() (string, error) { return os.MkdirTemp(r.cfg.Dir, "vouchsafe-bench-") }
