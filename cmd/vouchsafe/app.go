package main

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// configFile is where packages put the daemon's configuration.
const configFile = "/etc/vouchsafe/vouchsafe.yaml"

// defaultData is the data directory of a machine without that file.
const defaultData = "/var/lib/vouchsafe"

// parts are what the commands are built from, so that tests can replace the
// outside world. No field may be nil.
type parts struct {
	version  string
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	getenv   func(string) string
	confPath string // of the configuration that is read when nothing else says where the data are
	// asks: somebody is there who can be asked, and sees what is on stderr.
	asks bool
	// every is how often what goes on is looked at.
	every time.Duration

	// runDaemon runs the daemon until ctx ends.
	runDaemon func(ctx context.Context, run daemonRun) error
	// offline opens the store of a daemon that does not run and returns the
	// API on it. It fails soon if somebody else has the store open.
	offline func(ctx context.Context, cfg config.Config) (http.Handler, func() error, error)
}

// app carries the global flags to the commands.
type app struct {
	parts
	data   string
	socket string
	json   bool
}

const longHelp = `Vouchsafe is a guest hotspot: a portal, vouchers, and the kernel's own packet
filter to enforce them.

The commands speak to the running daemon. When none runs, they work on its
data directory themselves. Which one is meant: --data, or VOUCHSAFE_DATA, or
what ` + configFile + ` says, or ` + defaultData + `.`

const exampleHelp = `  vouchsafe daemon --data ./try --lan 127.0.0.1:8080 --backend memory
  vouchsafe voucher create --count 10 --valid-for "1 day" --download 2048
  vouchsafe guest list
  vouchsafe settings set api.post on`

// execute runs a command line and returns its exit code.
func execute(ctx context.Context, p parts, args []string) int {
	a := &app{parts: p}
	cmd := a.command()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	return report(p.stderr, err, a.json || slices.Contains(args, "--json"))
}

// command builds the whole command line.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "vouchsafe",
		Short:         "A guest hotspot with vouchers",
		Long:          longHelp,
		Example:       exampleHelp,
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.SetHelpFunc(help)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// What the parser adds about its insides helps nobody.
		text, _, _ := strings.Cut(err.Error(), ": strconv.")
		return usage(cmd, "%s", text)
	})
	f := root.PersistentFlags()
	f.StringVar(&a.data, "data", "", "the daemon's data `directory`")
	f.StringVar(&a.socket, "socket", "", "`path` of the daemon's control socket; control.sock in the data directory if not given")
	f.BoolVar(&a.json, "json", false, "print JSON, for programs; errors, too")
	f.BoolP("help", "h", false, "show help for a command")
	// Not cobra's own version flag: it prints through text/template, which would
	// keep every exported method of every type in the program.
	version := root.Flags().Bool("version", false, "print the version")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *version {
			return a.printVersion(cmd, args)
		}
		return showHelp(cmd, args)
	}
	root.AddCommand(
		a.daemonCommand(), a.configCommand(),
		a.voucherCommand(), a.guestCommand(), a.deviceCommand(), a.userCommand(), a.logCommand(), a.auditCommand(), a.operatorCommand(), a.keyCommand(), a.tokenCommand(), a.webhookCommand(), a.cloudCommand(), a.settingsCommand(), a.statsCommand(),
		a.statusCommand(), a.doctorCommand(), a.clockCommand(), a.backupCommand(), a.restoreCommand(),
		a.completionCommand(), a.versionCommand(),
	)
	return root
}

// group is a command that only has commands of its own.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noArgs, RunE: showHelp}
	c.AddCommand(commands...)
	return c
}

func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs, RunE: a.printVersion,
	}
}

func (a *app) printVersion(*cobra.Command, []string) error {
	return a.print(map[string]string{"version": a.version}, "vouchsafe "+a.version+"\n")
}
