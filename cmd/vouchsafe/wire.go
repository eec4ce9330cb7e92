package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// systemParts are the real parts.
func systemParts() parts {
	return parts{
		version: version, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		asks: terminal(os.Stdin) && terminal(os.Stderr), every: time.Second,
		getenv: os.Getenv, confPath: configFile,
		runDaemon: func(ctx context.Context, run daemonRun) error {
			// From here on the signal does not end the process.
			reload := make(chan os.Signal, 1)
			signal.Notify(reload, syscall.SIGHUP)
			defer signal.Stop(reload)
			return daemon.Run(ctx, run.cfg, daemon.Options{
				Version: version, Log: run.log, Level: run.level, Portal: run.portal, ConfigFile: run.file,
				Reload: reload, Reread: run.reread,
				Ready: func(r daemon.Ready) {
					run.log.Info("listening", "api", r.API, "https", r.HTTPS, "portal", r.Portal, "control", r.Control)
				},
			})
		},
		offline: func(ctx context.Context, cfg config.Config) (http.Handler, func() error, error) {
			return daemon.Offline(ctx, cfg, version)
		},
	}
}

// terminal reports whether a file is one, or something else that is no file:
// asking /dev/null ends in a refusal, and telling it harms nobody.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
