package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/daemon/doctor"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const doctorHelp = `Examine the router and say what to do about what is wrong: the configuration,
interfaces, what the kernel can do, other firewall rules, DHCP, DNS, the way to
the internet, the clock, the disk and the store.

It works whether the daemon runs or not, and before its first start. Without
root it says what it could not look at. It changes nothing, asks the internet
for one name and one page, and takes five seconds at most.

The exit code is 1 if anything is a problem, and 0 otherwise.`

func (a *app) doctorCommand() *cobra.Command {
	var file, host string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Examine the router and say what to do", Long: doctorHelp,
		Example: "  vouchsafe doctor\n  vouchsafe doctor --json", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			opts := a.doctorOptions(ctx, file)
			opts.Host = host
			return a.examine(ctx, opts)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration `file`; "+configFile+" if not given")
	cmd.Flags().StringVar(&host, "host", "", "`name` by which DNS and the internet are tried; "+doctor.DefaultHost+" if not given")
	return cmd
}

// doctorOptions finds out what is to be examined.
func (a *app) doctorOptions(ctx context.Context, file string) doctor.Options {
	o := doctor.Options{Source: file}
	if file == "" {
		o.Source = a.confPath
	}
	o.Config, o.ConfigErr = config.Load(o.Source)
	data := a.data
	if data == "" {
		data = a.getenv("VOUCHSAFE_DATA")
	}
	switch {
	case o.ConfigErr == nil && data != "":
		o.Config.Data = data
	case errors.Is(o.ConfigErr, fs.ErrNotExist) && file == "" && data != "":
		// A daemon that was started with flags alone, to try things out.
		o.Config, o.ConfigErr = config.Default(), nil
		o.Config.Data, o.Config.Network.Backend = data, config.BackendMemory
		o.Source = "the data directory " + data + " alone"
	}
	socket := a.socket
	if socket == "" {
		if o.Config.Data == "" {
			o.Config.Data = defaultData
		}
		socket = o.Config.ControlSocket()
	}
	o.Daemon, o.DaemonErr = askDaemon(ctx, socket)
	return o
}

// askDaemon asks the running daemon about itself; nil if none runs.
func askDaemon(ctx context.Context, socket string) (*doctor.Daemon, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if running, err := answers(ctx, socket); err != nil || !running {
		return nil, err
	}
	st, err := v1.NewClient(v1.DialUnix(socket)).Status(ctx)
	if err != nil {
		return nil, err
	}
	d := &doctor.Daemon{Version: st.Version, Backend: st.Backend, ClockBelieved: st.ClockBelieved,
		Uptime: time.Duration(st.Uptime) * time.Second}
	for _, n := range st.Notices {
		d.Notices = append(d.Notices, hotspot.Said(n))
	}
	return d, nil
}

// doctorReport is the form of --json.
type doctorReport struct {
	Problems int              `json:"problems"`
	Warnings int              `json:"warnings"`
	Checks   []doctor.Finding `json:"checks"`
}

// examine runs the checks and prints each finding as it comes.
func (a *app) examine(ctx context.Context, o doctor.Options) error {
	var (
		all   doctorReport
		lines = doctorLines{colour: a.terminal()}
		err   error
	)
	doctor.Run(ctx, o, func(f doctor.Finding) {
		switch f.Verdict {
		case doctor.Problem:
			all.Problems++
		case doctor.Warning:
			all.Warnings++
		}
		if a.json {
			all.Checks = append(all.Checks, f)
		} else if _, e := fmt.Fprint(a.stdout, lines.text(f)); e != nil {
			err = e
		}
	})
	if a.json {
		err = printJSON(a.stdout, all)
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case all.Problems == 1:
		return errors.New("1 problem was found; what to do is said beside it")
	case all.Problems > 1:
		return fmt.Errorf("%d problems were found; what to do is said beside each", all.Problems)
	}
	return nil
}

// terminal reports whether a person looks on.
func (a *app) terminal() bool {
	f, ok := a.stdout.(*os.File)
	if !ok || a.getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// doctorLines writes findings for people.
type doctorLines struct{ colour bool }

// The widths of the columns: of the longest verdict and the longest check.
const (
	verdictWidth = 7
	checkWidth   = 25
)

var colours = map[doctor.Verdict]string{doctor.OK: "\x1b[32m", doctor.Warning: "\x1b[33m", doctor.Problem: "\x1b[31m", doctor.Unknown: "\x1b[36m"}

func (l doctorLines) text(f doctor.Finding) string {
	verdict := fmt.Sprintf("%-*s", verdictWidth, f.Verdict)
	if l.colour {
		verdict = colours[f.Verdict] + verdict + "\x1b[0m"
	}
	text := verdict + "  " + fmt.Sprintf("%-*s", checkWidth, printable(f.Check)) + "  " + printable(f.Found.String()) + "\n"
	if !f.Remedy.IsZero() {
		text += strings.Repeat(" ", verdictWidth+2) + "→ " + printable(f.Remedy.String()) + "\n"
	}
	return text
}
