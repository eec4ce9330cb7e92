package api

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of the servers. A handler that streams moves its own write deadline.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	// WriteTimeout bounds an answer, and each page of one that is streamed.
	WriteTimeout = 30 * time.Second
	// idleTimeout is short because an idle connection holds some 19 kB.
	idleTimeout    = 30 * time.Second
	maxHeaderBytes = 16 << 10
)

// NewServer returns a server for the LAN with every timeout and limit set. It
// speaks HTTP/1 only. ctx becomes the base of every request's context.
// Its listeners belong inside a [LimitListener].
func NewServer(ctx context.Context, h http.Handler, log *slog.Logger) *http.Server {
	var p http.Protocols
	p.SetHTTP1(true)
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            readHeaderTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 WriteTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		Protocols:                    &p,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:                  func(net.Listener) context.Context { return ctx },
	}
}
