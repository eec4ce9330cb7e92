// Command vouchsafe-lab shows a whole hotspot on one machine: a router that
// runs the daemon, guests, an operator's computer and an internet, made of
// network namespaces.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// A reader that has gone (`| head`) must not end the lab before it has
	// cleaned up; caught, the signal becomes an error of the write.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "vouchsafe-lab:", explain(err))
		os.Exit(1)
	}
}

// explain adds what to do about an error to it.
func explain(err error) string {
	var running *netlab.RunningError
	if errors.As(err, &running) {
		return fmt.Sprintf("%v; stop it with Ctrl-C in its terminal, or with: kill %d", err, running.PID)
	}
	return err.Error()
}

func command() *cobra.Command {
	d := demo{out: os.Stdout, err: os.Stderr}
	run := func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) }
	root := &cobra.Command{
		Use:           "vouchsafe-lab",
		Short:         "A whole hotspot on one machine",
		Args:          cobra.NoArgs,
		RunE:          run,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&d.id, "id", "demo", "name of this lab; several may run side by side")
	demoRun := &cobra.Command{
		Use:   "run",
		Short: "Bring up the lab and open it to this machine's browser (the default)",
		Args:  cobra.NoArgs,
		RunE:  run,
	}
	for _, cmd := range []*cobra.Command{root, demoRun} {
		f := cmd.Flags()
		f.StringVar(&d.binary, "vouchsafe", besideSelf("vouchsafe"), "the daemon's program")
		f.StringVar(&d.lanAddr, "lan", "127.0.0.1:8080", "listen here for the router's LAN side")
		f.StringVar(&d.guestAddr, "guest", "127.0.0.1:8081", "listen here to look out of guest 1's eyes")
		f.IntVar(&d.guests, "guests", 3, "number of guests")
		f.BoolVarP(&d.verbose, "verbose", "v", false, "show the daemon's log")
	}
	clean := &cobra.Command{
		Use:   "clean",
		Short: "Remove what a crashed lab left behind",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := netlab.Check(); err != nil {
				return err
			}
			return netlab.Cleanup(cmd.Context(), d.id)
		},
	}
	m := measuring{err: os.Stderr}
	root.AddCommand(demoRun, clean, m.command(&d.id), bareCommand())
	return root
}

// besideSelf returns the path of a program in this one's directory.
func besideSelf(name string) string {
	self, err := os.Executable()
	if err != nil {
		return filepath.Join("bin", name)
	}
	return filepath.Join(filepath.Dir(self), name)
}
