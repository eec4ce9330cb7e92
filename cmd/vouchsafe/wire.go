package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
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
		runDaemon: func(ctx context.Context, cfg config.Config, portal string, log *slog.Logger) error {
			return daemon.Run(ctx, cfg, daemon.Options{
				Version: version, Log: log, Portal: portal,
				Ready: func(r daemon.Ready) {
					log.Info("listening", "api", r.API, "portal", r.Portal, "control", r.Control)
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
