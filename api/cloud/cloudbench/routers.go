package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// task is what a process of routers is told.
type task struct {
	Relay      string            // host:port
	PEM        []byte            // the relay's certificate and key
	Identities []tunnel.Identity // of tunnels
	// Yamux is how many routers of the yardstick there are instead.
	Yamux int
	// Direct is where to serve without a tunnel; "": nowhere.
	Direct string
}

// openAtOnce bounds the handshakes at a time.
const openAtOnce = 32

// standing is how the routers are.
type standing struct {
	Up      []bool
	Since   []time.Time    // when a router's phase began
	Got     map[string]int // how often a request with an id arrived
	Cut     int            // lists that somebody did not want to the end
	Trouble string
}

// routers are the routers of a process.
type routers struct {
	task task
	tuns []*tunnel.Tunnel

	mu      sync.Mutex // guards what follows
	got     map[string]int
	cut     int
	yamuxUp []bool
	trouble string
}

// runRouters is the process: it reads its task, and says how the routers are
// whenever it is asked to.
func runRouters(ctx context.Context, from io.Reader, to io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &routers{got: map[string]int{}}
	in := json.NewDecoder(from)
	if err := in.Decode(&r.task); err != nil {
		return err
	}
	if err := r.direct(); err != nil {
		return err
	}
	go r.open(ctx)
	out := bufio.NewWriter(to)
	for {
		var what string
		if err := in.Decode(&what); err != nil {
			return nil // nobody asks any more
		}
		if err := json.NewEncoder(out).Encode(r.standing()); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func (r *routers) standing() standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := standing{Got: map[string]int{}, Cut: r.cut, Trouble: r.trouble, Up: r.yamuxUp}
	for id, n := range r.got {
		s.Got[id] = n
	}
	for _, t := range r.tuns {
		state := t.State()
		s.Up = append(s.Up, state.Phase == tunnel.Up)
		s.Since = append(s.Since, state.Since)
	}
	return s
}

func (r *routers) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.trouble = err.Error()
	}
}

// open opens all tunnels, so many at a time.
func (r *routers) open(ctx context.Context) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.task.PEM)
	if r.task.Yamux > 0 {
		r.failed(r.openYamux(ctx, roots))
		return
	}
	places := make(chan struct{}, openAtOnce)
	for _, id := range r.task.Identities {
		cfg, err := id.TLS(roots)
		if err != nil {
			r.failed(err)
			return
		}
		t := tunnel.New(tunnel.Config{Relay: r.task.Relay, Version: "1.0.0", Handler: r, Log: slog.New(slog.DiscardHandler),
			TLS: func() (*tls.Config, error) { return cfg, nil }})
		r.mu.Lock()
		r.tuns = append(r.tuns, t)
		r.mu.Unlock()
		places <- struct{}{}
		go t.Run(ctx)
		go func() {
			defer func() { <-places }()
			r.failed(until(ctx, time.Minute, func() (bool, error) { return t.State().Phase == tunnel.Up, nil }))
		}()
	}
}

// direct serves without a tunnel, for comparison.
func (r *routers) direct() error {
	if r.task.Direct == "" {
		return nil
	}
	cert, err := tls.X509KeyPair(r.task.PEM, r.task.PEM)
	if err != nil {
		return err
	}
	ln, err := tls.Listen("tcp", r.task.Direct, &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(ln) }() // it ends with the process
	return nil
}

// question is what a router is asked.
type question struct {
	Action string `json:"action"`
	Bytes  int    `json:"bytes,omitempty"`
	ID     string `json:"id,omitempty"`
}

// The actions of question.
const (
	askSmall = "small" // answer at once
	askList  = "list"  // answer with so many bytes
	askWait  = "wait"  // do not answer
)

const smallAnswer = `{"message":"User added successfully","error":false,"user":{"username":"K7MPQ2","passcode":"R2XW9Q","valid_for":"1 day"}}`

// ServeHTTP is a router's API.
func (r *routers) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var q question
	if err := json.NewDecoder(io.LimitReader(req.Body, 4<<10)).Decode(&q); err != nil {
		http.Error(w, "not understood", http.StatusBadRequest)
		return
	}
	if q.ID != "" {
		r.mu.Lock()
		r.got[q.ID]++
		r.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	switch q.Action {
	case askWait:
		<-req.Context().Done()
	case askList:
		w.Header().Set("Content-Length", strconv.Itoa(q.Bytes))
		part := strings.Repeat(smallAnswer, 32<<10/len(smallAnswer))
		for left := q.Bytes; left > 0; left -= len(part) {
			if _, err := io.WriteString(w, part[:min(left, len(part))]); err != nil {
				r.mu.Lock()
				r.cut++
				r.mu.Unlock()
				return
			}
		}
	default:
		_, _ = io.WriteString(w, smallAnswer) // whoever asked is gone if this fails
	}
}
