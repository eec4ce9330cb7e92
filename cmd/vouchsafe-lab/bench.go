package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/vouchsafe/vouchsafe/netctl/netlab/bench"
)

// measuring is the command "bench".
type measuring struct {
	cfg bench.Config
	out string // directory of the report
	err io.Writer
}

func (m *measuring) command(id *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the hotspot beside its baselines, and write the report",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m.cfg.ID = *id
			if !cmd.Flags().Changed("id") {
				m.cfg.ID = "bench"
			}
			return m.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&m.cfg.Binary, "vouchsafe", besideSelf("vouchsafe"), "the daemon's program")
	f.StringVar(&m.cfg.Next, "next", "", "the program that the upgrade brings; empty: the same again")
	f.StringVar(&m.cfg.Dir, "disk", "", "measure the store in this `directory`")
	f.StringVar(&m.out, "out", "build/bench", "write benchmarks.md and its charts into this `directory`")
	f.StringSliceVar(&m.cfg.Only, "only", nil, fmt.Sprintf("measure only these, of: %v", bench.Names()))
	f.BoolVar(&m.cfg.Short, "short", false, "only see that everything runs; the figures mean nothing")
	f.StringVar(&m.cfg.Command, "as", "vouchsafe-lab bench", "the `command` that the report names")
	f.StringVar(&m.cfg.Version, "of", "not known", "the `version` that the report names")
	return cmd
}

func (m *measuring) run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	m.cfg.Bare = []string{self, "bare"}
	m.cfg.Log = slog.New(slog.NewTextHandler(m.err, nil))
	rep, err := bench.Run(ctx, m.cfg)
	if len(rep.Sections) == 0 {
		return err
	}
	if werr := os.MkdirAll(m.out, 0o755); werr != nil {
		return errors.Join(err, werr)
	}
	return errors.Join(err, rep.Write(m.out))
}

// bareCommand is the HTTP server that the portal is compared with, in a
// process of its own.
func bareCommand() *cobra.Command {
	var listen, answer, commits string
	cmd := &cobra.Command{
		Use: "bare", Short: "A bare HTTP server, for the benchmarks", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.ServeBare(cmd.Context(), listen, answer, commits)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "address")
	cmd.Flags().StringVar(&answer, "answer", "", "file with the answer as it was seen on the wire")
	cmd.Flags().StringVar(&commits, "commits", "", "bbolt file to commit to before each answer")
	return cmd
}
