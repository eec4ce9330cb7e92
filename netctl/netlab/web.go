package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxBytes bounds /bytes/N.
const maxBytes = 1 << 40

// examplePage is what a guest sees behind the portal.
const examplePage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>You are online</title>
<style>
:root { color-scheme: light dark; font: 1.1em/1.5 system-ui, sans-serif }
body { max-width: 32em; margin: 15vh auto; padding: 0 1em }
</style>
<h1>You are online</h1>
<p>This page is %s, on the lab's internet. It sees you as <code>%s</code>.</p>
<ul>
<li><a href="/bytes/10485760" download="10-megabytes">Download 10 MB</a>
<li><a href="/status">Your status at the portal</a>
</ul>
</html>
`

// sinkCount counts what /sink has swallowed.
type sinkCount struct{ atomic.Uint64 }

// Sunk returns how many bytes POST /sink has got from everybody.
func (in *Internet) Sunk() uint64 { return in.sink.Load() }

func (in *Internet) serveWeb(ctx context.Context) error {
	ln, err := in.host.Listen(ctx, "tcp", ":80")
	if err != nil {
		return err
	}
	in.web = &http.Server{Handler: in.webHandler(), ReadHeaderTimeout: 10 * time.Second}
	in.wait.Go(func() {
		if err := in.web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			in.log.Error("the internet's web server ended", "err", err)
		}
	})
	return nil
}

// webHandler answers for every host of the internet.
func (in *Internet) webHandler() http.Handler {
	site := http.NewServeMux()
	site.HandleFunc("GET /bytes/{n}", serveBytes)
	site.HandleFunc("GET /stream", serveStream)
	site.HandleFunc("POST /sink", in.serveSink)
	site.HandleFunc("GET /ip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintln(w, clientAddr(r))
	})
	site.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, examplePage, ExampleSite, clientAddr(r))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if p, ok := probeAnswer(host, r.URL.Path); ok {
			serveProbe(w, p)
			return
		}
		site.ServeHTTP(w, r)
	})
}

func serveProbe(w http.ResponseWriter, p Probe) {
	if p.Status == http.StatusNoContent {
		w.WriteHeader(p.Status)
		return
	}
	w.Header().Set("Content-Type", p.Type)
	w.Header().Set("Content-Length", strconv.Itoa(len(p.Body)))
	w.WriteHeader(p.Status)
	_, _ = io.WriteString(w, p.Body)
}

func clientAddr(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

// serveBytes sends exactly as many bytes as the path says.
func serveBytes(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseUint(r.PathValue("n"), 10, 63)
	if err != nil || n > maxBytes {
		http.Error(w, fmt.Sprintf("want a number of bytes up to %d", uint64(maxBytes)), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatUint(n, 10))
	_, _ = io.Copy(w, io.LimitReader(endless{}, int64(n)))
}

// serveStream sends until the client leaves, at ?rate= bytes a second if that
// is given.
func serveStream(w http.ResponseWriter, r *http.Request) {
	var rate uint64
	if text := r.URL.Query().Get("rate"); text != "" {
		var err error
		if rate, err = strconv.ParseUint(text, 10, 32); err != nil || rate == 0 {
			http.Error(w, "rate: want bytes per second", http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	flush := http.NewResponseController(w)
	buf := make([]byte, 32<<10)
	_, _ = endless{}.Read(buf)
	pace := newPace(rate, time.Now())
	for r.Context().Err() == nil {
		n := pace.take(len(buf))
		if err := pace.wait(r.Context()); err != nil {
			return
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return
		}
		if rate != 0 && flush.Flush() != nil {
			return
		}
	}
}

// serveSink swallows a body and tells how long it was.
func (in *Internet) serveSink(w http.ResponseWriter, r *http.Request) {
	var got uint64
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Body.Read(buf)
		got += uint64(n)
		in.sink.Add(uint64(n))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintln(w, got)
}

// pace keeps a sender to a rate.
type pace struct {
	rate  uint64 // bytes a second; 0: as fast as it goes
	begin time.Time
	sent  uint64
}

func newPace(rate uint64, begin time.Time) *pace { return &pace{rate: rate, begin: begin} }

// take returns how much of the wanted amount to send next, and counts it: at
// most a fiftieth of a second's worth.
func (p *pace) take(want int) int {
	if p.rate != 0 {
		want = int(min(uint64(want), max(p.rate/50, 1)))
	}
	p.sent += uint64(want)
	return want
}

// due is when what was taken shall go.
func (p *pace) due() time.Time {
	return p.begin.Add(time.Duration(float64(p.sent) / float64(p.rate) * float64(time.Second)))
}

// forgive lets a sender that was held up for longer be late: to make up for it
// would be a burst.
func (p *pace) forgive(most time.Duration) {
	if p.rate == 0 {
		return
	}
	if late := time.Since(p.due()); late > most {
		p.begin = p.begin.Add(late)
	}
}

// wait waits until what was taken is due.
func (p *pace) wait(ctx context.Context) error {
	if p.rate == 0 {
		return nil
	}
	left := time.Until(p.due())
	if left <= 0 {
		return nil
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
