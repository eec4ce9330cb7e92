package main

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"

	"github.com/spf13/cobra"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// daemonFlags are the daemon's settings that need no file.
type daemonFlags struct {
	config  string
	lan     []string
	portal  string
	backend string
}

// daemonRun is what a daemon is started with.
type daemonRun struct {
	cfg    config.Config
	file   string // that cfg comes from; empty: from flags alone
	portal string // empty: as the configuration says
	log    *slog.Logger
	level  *slog.LevelVar // of log
	// reread puts file and flags together once more.
	reread func() (config.Config, error)
}

const daemonHelp = `Run the hotspot until it is told to stop.

On a router, a configuration file says everything. To try the API and the
pages on any machine, without privileges, name a data directory, an address
for the operator and the memory backend, which lets no packet pass or stop.

Flags go before what the file says. On SIGHUP the file is read again; guests
notice nothing of that.`

func (a *app) daemonCommand() *cobra.Command {
	var flags daemonFlags
	cmd := &cobra.Command{
		Use:   "daemon --config FILE | --data DIR --lan ADDRESS:PORT --backend memory",
		Short: "Run the hotspot",
		Long:  daemonHelp,
		Example: `  vouchsafe daemon --config ` + configFile + `
  vouchsafe daemon --data ./try --lan 127.0.0.1:8080 --backend memory`,
		DisableFlagsInUseLine: true,
		Args:                  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.daemonConfig(cmd, flags)
			if err != nil {
				return err
			}
			level := new(slog.LevelVar)
			level.Set(cfg.Log.Level)
			return a.runDaemon(cmd.Context(), daemonRun{
				cfg: cfg, file: a.daemonFile(flags), portal: flags.portal, level: level, log: newLog(a.stderr, cfg.Log.Format, level),
				reread: func() (config.Config, error) { return a.daemonConfig(cmd, flags) },
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.config, "config", "", "configuration `file`")
	f.StringArrayVar(&flags.lan, "lan", nil, "`address:port` for the operator and the API; may be repeated")
	f.StringVar(&flags.portal, "portal", "", "`address:port` of the guests' portal, where no guest interface is configured")
	f.StringVar(&flags.backend, "backend", "", "what decides about packets: nftables or memory (`name`)")
	_ = cmd.MarkFlagFilename("config", "yaml")
	return cmd
}

// daemonConfig puts file and flags together.
func (a *app) daemonConfig(cmd *cobra.Command, flags daemonFlags) (config.Config, error) {
	cfg, err := a.baseConfig(cmd, flags)
	if err != nil {
		return cfg, err
	}
	if a.data != "" {
		cfg.Data = a.data
	}
	if a.socket != "" {
		cfg.Control.Socket = a.socket
	}
	if flags.backend != "" {
		cfg.Network.Backend = config.Backend(flags.backend)
	}
	if len(flags.lan) > 0 {
		cfg.LAN.Listen = nil
		for _, s := range flags.lan {
			at, err := netip.ParseAddrPort(s)
			if err != nil {
				return cfg, usage(cmd, "--lan %q is not an address and port such as 127.0.0.1:8080", s)
			}
			cfg.LAN.Listen = append(cfg.LAN.Listen, at)
		}
	}
	if flags.portal != "" {
		if _, err := netip.ParseAddrPort(flags.portal); err != nil {
			return cfg, usage(cmd, "--portal %q is not an address and port such as 127.0.0.1:8081", flags.portal)
		}
	}
	return cfg, cfg.Validate()
}

// baseConfig is what the flags are laid over: the file that was named, nothing
// if a data directory was, or else the file in the usual place.
func (a *app) baseConfig(cmd *cobra.Command, flags daemonFlags) (config.Config, error) {
	if flags.config != "" {
		return config.Load(flags.config)
	}
	cfg := config.Default()
	if a.data != "" {
		return cfg, nil
	}
	if cfg.Data = a.getenv("VOUCHSAFE_DATA"); cfg.Data != "" {
		return cfg, nil
	}
	cfg, err := config.Load(a.confPath)
	if errors.Is(err, fs.ErrNotExist) {
		return cfg, usage(cmd, "name a configuration file with --config, or a data directory with --data")
	}
	return cfg, err
}

// daemonFile is the file that [app.baseConfig] reads; empty: none.
func (a *app) daemonFile(flags daemonFlags) string {
	switch {
	case flags.config != "":
		return flags.config
	case a.data != "" || a.getenv("VOUCHSAFE_DATA") != "":
		return ""
	}
	return a.confPath
}

func newLog(w io.Writer, f config.Format, level *slog.LevelVar) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if f == config.FormatJSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

func (a *app) configCommand() *cobra.Command {
	return group("config", "Check the daemon's configuration", &cobra.Command{
		Use: "check FILE", Short: "Say whether a configuration file is valid, and where it is not",
		Args: exactly("FILE"), ValidArgsFunction: oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := config.Load(args[0]); err != nil {
				return err
			}
			return a.print(map[string]any{"file": args[0], "valid": true}, args[0]+" is valid\n")
		},
	})
}
