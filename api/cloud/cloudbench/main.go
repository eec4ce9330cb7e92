// Command cloudbench measures the tunnel and the relay: over links that are slow
// and far, with ten thousand idle tunnels, with clients that stall and links that
// die without a word. It needs root, for network namespaces.
//
//	make bench-cloud
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cloudbench:", err)
		os.Exit(1)
	}
}

// run is the driver, or the part of it that the first argument names.
func run(ctx context.Context, args []string) error {
	if len(args) == 1 {
		if part := parts()[args[0]]; part != nil {
			return part(ctx, os.Stdin, os.Stdout)
		}
	}
	b := bench{}
	f := flag.NewFlagSet("cloudbench", flag.ContinueOnError)
	f.StringVar(&b.relay, "relay", "bin/vouchsafe-cloud", "the relay's program")
	f.BoolVar(&b.short, "short", false, "only see that everything runs; the figures mean nothing")
	out := f.String("out", "build/bench", "write benchmarks-cloud.md into this `directory`")
	only := f.String("only", "", "measure only these, with commas: link, idle, small, death")
	as := f.String("as", "cloudbench", "the `command` that the report names")
	of := f.String("of", "not known", "the `version` that the report names")
	if err := f.Parse(args); err != nil {
		return err
	}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	rep, err := b.all(ctx)
	rep.command, rep.version = *as, *of
	if werr := os.MkdirAll(*out, 0o755); werr != nil {
		return errors.Join(err, werr)
	}
	return errors.Join(err, os.WriteFile(filepath.Join(*out, "benchmarks-cloud.md"), []byte(rep.markdown()), 0o644))
}

// bench is what all benchmarks know.
type bench struct {
	self, relay string // programs
	short       bool
	only        []string
}

// pick chooses between the real and the short form.
func pick[T any](b *bench, full, short T) T {
	if b.short {
		return short
	}
	return full
}

// benchmark is one section of the report.
type benchmark struct {
	name string
	run  func(*bench, context.Context, *section) error
}

func benchmarks() []benchmark {
	return []benchmark{{"link", (*bench).link}, {"idle", (*bench).idle}, {"small", (*bench).small}, {"death", (*bench).death}}
}

// all runs the benchmarks. One that fails is in the report, with its error.
func (b *bench) all(ctx context.Context) (report, error) {
	rep := report{begun: time.Now(), short: b.short, machine: machine()}
	for _, name := range b.only {
		if !slices.ContainsFunc(benchmarks(), func(x benchmark) bool { return x.name == name }) {
			return rep, fmt.Errorf("there is no benchmark %q", name)
		}
	}
	var errs []error
	for _, x := range benchmarks() {
		if len(b.only) > 0 && !slices.Contains(b.only, x.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return rep, errors.Join(append(errs, err)...)
		}
		s := section{name: x.name, title: x.name, busy: busyNow(ctx)}
		begun := time.Now()
		s.err = x.run(b, ctx, &s)
		s.took = time.Since(begun)
		if s.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", x.name, s.err))
		}
		fmt.Fprintf(os.Stderr, "%s: took %s, others kept %.0f %% of the processors busy before\n", s.name, s.took.Round(time.Millisecond), 100*s.busy)
		for _, f := range s.figures {
			fmt.Fprintf(os.Stderr, "%s: %s | %s | %s | %s | %s\n", s.name, f.name, f.got, f.beside, f.target, f.verdict)
		}
		rep.sections = append(rep.sections, s)
	}
	rep.took = time.Since(rep.begun)
	return rep, errors.Join(errs...)
}

// world is a relay in a namespace of its own.
func (b *bench) world(ctx context.Context, accounts, limit int) (in *space, r *relay, end func(), err error) {
	dir, err := os.MkdirTemp("", "cloudbench-")
	if err != nil {
		return nil, nil, nil, err
	}
	end = func() {
		if r != nil {
			_ = r.stop() // it is over
		}
		if in != nil {
			in.close()
		}
		os.RemoveAll(dir)
	}
	if in, err = newSpace(); err != nil {
		end()
		return nil, nil, nil, err
	}
	r, err = newRelay(ctx, in, b.relay, dir, accounts, limit)
	if err == nil {
		err = r.start(ctx)
	}
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	return in, r, end, nil
}
