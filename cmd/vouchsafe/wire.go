package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"github.com/vouchsafe/vouchsafe/daemon"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// systemParts are the real parts.
func systemParts() parts {
	return parts{
		version: version, stdout: os.Stdout, stderr: os.Stderr,
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
