package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Keys of the request log's attributes.
const (
	logPath     = "path"
	logMethod   = "method"
	logStatus   = "status"
	logDuration = "duration"
	logBytes    = "bytes"
	logPeer     = "peer"
	logAction   = "action"
	logOutcome  = "outcome"
	logCaller   = "caller"
)

// maxLoggedPath keeps a hostile path from filling a small router's log.
const maxLoggedPath = 128

// Notes are what a handler tells the request log. Only words of our own go
// there, never what a client sent.
type Notes struct {
	Action  string // which operation was asked for
	Outcome string // how it went, where the status does not tell
	Caller  string // whose credential it was
	// Quiet says that nobody asked: a page that is open renews itself. It is logged
	// for debugging only, unless it failed.
	Quiet bool
}

type notesKey struct{}

// NotesOf returns the notes of a request; notes of a request that is not
// logged go nowhere.
func NotesOf(ctx context.Context) *Notes {
	if n, ok := ctx.Value(notesKey{}).(*Notes); ok {
		return n
	}
	return new(Notes)
}

// LogRequests logs each request once it is answered: never its query string,
// its headers or its body, since keys are there.
func LogRequests(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		notes := new(Notes)
		rec := &Recorder{ResponseWriter: w}
		aborted := true
		defer func() {
			level := slog.LevelInfo
			switch {
			case rec.Status >= http.StatusInternalServerError:
				level = slog.LevelError
			case notes.Quiet && rec.Status < http.StatusBadRequest:
				level = slog.LevelDebug
			}
			attrs := []slog.Attr{
				slog.String(logMethod, clip(r.Method, 16)),
				slog.String(logPath, clip(nameless(r.URL.Path), maxLoggedPath)),
				slog.Int(logStatus, rec.Status),
				slog.Duration(logDuration, time.Since(begin).Round(time.Microsecond)),
				slog.Int64(logBytes, rec.Bytes),
				slog.String(logPeer, Peer(r).String()),
			}
			if notes.Action != "" {
				attrs = append(attrs, slog.String(logAction, notes.Action))
			}
			if notes.Caller != "" {
				attrs = append(attrs, slog.String(logCaller, notes.Caller))
			}
			if aborted {
				notes.Outcome = "aborted"
			}
			if notes.Outcome != "" {
				attrs = append(attrs, slog.String(logOutcome, notes.Outcome))
			}
			log.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		next.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), notesKey{}, notes)))
		aborted = false
	})
}

// nameless takes out of a path who is asked about: an e-mail address in the log
// would be there when the person has been deleted. Users' numbers and words of
// ours stay.
func nameless(path string) string {
	const users, letters, digits = "/users/", "abcdefghijklmnopqrstuvwxyz", "0123456789"
	before, rest, ok := strings.Cut(path, users)
	if !ok {
		return path
	}
	who, after, more := strings.Cut(rest, "/")
	word, number, _ := strings.Cut(who, "-")
	if word != "" && strings.Trim(word, letters) == "" && strings.Trim(number, digits) == "" {
		return path
	}
	if path = before + users + "…"; more {
		path += "/" + after
	}
	return path
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
