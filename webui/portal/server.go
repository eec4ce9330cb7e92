package portal

import (
	"log/slog"
	"net/http"
	"time"
)

// Bounds of one connection. Guests are many, and each idle connection costs
// memory that a router does not have.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 15 * time.Second
	idleTimeout   = 5 * time.Second
	maxHeader     = 12 << 10 // net/http adds 4 KB
)

// Server returns an HTTP server fit for hostile clients. The caller listens,
// limits the number of connections, and shuts it down.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// "OPTIONS *" is caught like anything else.
		DisableGeneralOptionsHandler: true,
		// What guests send wrongly is no event of ours.
		ErrorLog: slog.NewLogLogger(log.With("component", "portal").Handler(), slog.LevelDebug),
	}
}
