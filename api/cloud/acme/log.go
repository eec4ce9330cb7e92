package acme

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// libraryLog hands the library's log on, as details: what an operator needs to
// know, the manager says itself. A renewal that failed in the background has no
// other way out, so that is a warning.
type libraryLog struct {
	log  *slog.Logger
	with []zapcore.Field
}

func newLibraryLog(log *slog.Logger) *zap.Logger { return zap.New(&libraryLog{log: log}) }

// Enabled implements zapcore.Core.
func (l *libraryLog) Enabled(level zapcore.Level) bool {
	return level >= zapcore.ErrorLevel || l.log.Enabled(context.Background(), slog.LevelDebug)
}

// With implements zapcore.Core.
func (l *libraryLog) With(fields []zapcore.Field) zapcore.Core {
	return &libraryLog{l.log, append(l.with[:len(l.with):len(l.with)], fields...)}
}

// Check implements zapcore.Core.
func (l *libraryLog) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if l.Enabled(e.Level) {
		return to.AddCore(e, l)
	}
	return to
}

// jobFailed is what the library says of a failure in the background, which has
// the whole error.
const jobFailed = "job failed"

// Write implements zapcore.Core.
func (l *libraryLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	to := zapcore.NewMapObjectEncoder()
	for _, f := range append(l.with[:len(l.with):len(l.with)], fields...) {
		f.AddTo(to)
	}
	if e.Message == jobFailed {
		l.log.Warn("the certificate could not be renewed; it is tried again", "error", to.Fields["error"])
		return nil
	}
	attrs := []any{"step", e.Message}
	for key, value := range to.Fields {
		attrs = append(attrs, key, value)
	}
	l.log.Debug("certificate", attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (l *libraryLog) Sync() error { return nil }
