package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/netctl/links"
)

// here is an endpoint on loopback that says its name.
func here(name, at string) endpoint {
	_, port, _ := net.SplitHostPort(at)
	n, _ := strconv.ParseUint(port, 10, 16)
	return endpoint{
		place: place{name: name, network: "tcp", address: at, port: uint16(n)},
		open:  func(ctx context.Context) (net.Listener, error) { return new(net.ListenConfig).Listen(ctx, "tcp", at) },
		serve: func(_ context.Context, ln net.Listener) (*http.Server, net.Listener, error) {
			return &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })}, ln, nil
		},
	}
}

// free returns loopback addresses nobody listens at. Their ports are below those
// that systems give to connections: nobody gets one before it is used.
func free(t *testing.T, n int) (out []string) {
	t.Helper()
	for range 1000 {
		if len(out) == n {
			return out
		}
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
		if err != nil {
			continue // it is taken
		}
		defer ln.Close()
		out = append(out, ln.Addr().String())
	}
	t.Fatal("no port is free")
	return nil
}

// said is what is answered at an address; empty: nobody is there.
func said(at string) string {
	c := http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + at)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

func TestServersChange(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tasks, ctx := errgroup.WithContext(ctx)
	s := &servers{base: t.Context(), ctx: ctx, tasks: tasks, grace: patience}
	at := free(t, 3)
	change := func(between error, wanted ...endpoint) error {
		return s.change(wanted, func() error { return between })
	}
	check := func(when string, want ...string) {
		t.Helper()
		for i, w := range want {
			if got := said(at[i]); got != w {
				t.Errorf("%s: %s says %q, want %q", when, at[i], got, w)
			}
		}
	}
	if err := change(nil, here("a", at[0]), here("b", at[1])); err != nil {
		t.Fatal(err)
	}
	check("first", "a", "b", "")
	kept := s.list[0].ln
	if err := change(nil, here("a", at[0]), here("c", at[2])); err != nil {
		t.Fatal(err)
	}
	check("second", "a", "", "c")
	if s.list[0].ln != kept {
		t.Error("what did not change was opened anew")
	}
	// The port is taken, here by this test: all stays as it was.
	ln, err := net.Listen("tcp", at[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := change(nil, here("d", at[1])); err == nil {
		t.Error("a port that is taken")
	}
	ln.Close()
	check("refused", "a", "", "c")
	failed := errors.New("the gate refuses")
	if err := change(failed, here("a", at[0]), here("b", at[1])); !errors.Is(err, failed) {
		t.Errorf("between: %v", err)
	}
	check("refused by the gate", "a", "", "c")
	// Another name at the same port: the old one makes way.
	if err := change(nil, here("e", at[0])); err != nil {
		t.Fatal(err)
	}
	check("made way", "e", "", "")
	if err := change(failed, here("f", at[0])); !errors.Is(err, failed) {
		t.Errorf("between: %v", err)
	}
	check("came back", "e", "", "")
	cancel()
	if err := tasks.Wait(); err != nil {
		t.Error(err)
	}
	check("ended", "", "", "")
}

// TestServersFinishAnswers removes a server in the midst of an answer.
func TestServersFinishAnswers(t *testing.T) {
	tasks, ctx := errgroup.WithContext(t.Context())
	s := &servers{base: t.Context(), ctx: ctx, tasks: tasks, grace: patience}
	at := free(t, 1)[0]
	begun, finish := make(chan struct{}), make(chan struct{})
	e := here("slow", at)
	e.serve = func(_ context.Context, ln net.Listener) (*http.Server, net.Listener, error) {
		return &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			<-finish
			_, _ = io.WriteString(w, "done")
		})}, ln, nil
	}
	if err := s.change([]endpoint{e}, nil); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() { got <- said(at) }()
	select {
	case <-begun:
	case g := <-got:
		t.Fatalf("answered %q before the handler has begun", g)
	}
	if err := s.change(nil, nil); err != nil {
		t.Fatal(err)
	}
	close(finish)
	if g := <-got; g != "done" {
		t.Errorf("answered %q", g)
	}
	if err := tasks.Wait(); err != nil {
		t.Error(err)
	}
}

// TestDeviceListener waits for an interface, loses it and gets another one.
func TestDeviceListener(t *testing.T) {
	there := false
	var last net.Listener
	open := func() (net.Listener, error) {
		if !there {
			return nil, syscall.ENODEV
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		last = ln
		return ln, err
	}
	d, err := newDeviceListener("no-such-interface", &net.TCPAddr{}, slog.New(slog.DiscardHandler), open)
	if err != nil {
		t.Fatal(err)
	}
	if ln, err := d.current(); ln != nil || err != nil {
		t.Errorf("without an interface: %v, %v", ln, err)
	}
	there = true
	first, err := d.current()
	if err != nil || first == nil {
		t.Fatalf("with an interface: %v", err)
	}
	d.linksChanged(links.State{{Index: 9, Name: "no-such-interface"}}) // another one of its name
	if len(d.news) != 1 {
		t.Error("nobody is told to look")
	}
	second, err := d.current()
	if err != nil || second == nil || second == first || second != last {
		t.Errorf("with another interface: %v", err)
	}
	d.index = 9
	d.linksChanged(links.State{{Index: 9, Name: "renamed"}})
	if ln, _ := d.current(); ln != second {
		t.Error("a renamed interface is given up")
	}
	if !d.replaced(first) || d.replaced(second) {
		t.Error("which socket was replaced")
	}
	accepted := make(chan error, 1)
	go func() {
		_, err := d.Accept()
		accepted <- err
	}()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := newDeviceListener("x", &net.TCPAddr{}, slog.New(slog.DiscardHandler), func() (net.Listener, error) { return nil, syscall.EADDRINUSE }); err == nil {
		t.Error("a port in use is waited for")
	}
}
