package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
)

// Recover keeps a panic in one request from showing anything to the client
// but answer's words. If part of an answer is out already, the connection is
// cut, so that the client does not take the part for the whole.
//
// A nil answer stands for status 500 with a [Failure].
//
//go:noinline // or each handler gets a copy of the closure
func Recover(log *slog.Logger, answer http.HandlerFunc, next http.Handler) http.Handler {
	if answer == nil {
		answer = func(w http.ResponseWriter, _ *http.Request) {
			WriteFailure(w, http.StatusInternalServerError, "An error occurred", internalDetail)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &Recorder{ResponseWriter: w}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v) // meant: net/http cuts the connection
			}
			log.ErrorContext(r.Context(), "panic while serving a request",
				slog.String(logPath, clip(r.URL.Path, maxLoggedPath)),
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			if rec.Status != 0 {
				panic(http.ErrAbortHandler)
			}
			answer(w, r)
		}()
		next.ServeHTTP(rec, r)
	})
}

// internalDetail tells a client about an error that is none of its business.
const internalDetail = "an internal error; the router's log says more"
