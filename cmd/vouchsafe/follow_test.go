package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// screen is what a command prints while it runs.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

// Write implements io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

// await waits until n lines were printed.
func (s *screen) await(t *testing.T, n int) string {
	t.Helper()
	deadline := time.After(90 * time.Second)
	for {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		if strings.Count(text, "\n") >= n {
			return text
		}
		select {
		case <-s.more:
		case <-deadline:
			t.Fatalf("printed only %q", text)
		}
	}
}

func TestFollow(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		l := newLab(t)
		l.fill()
		l.serve(filepath.Join(l.dir, "control.sock"))
		ctx, cancel := context.WithCancel(t.Context())
		out := &screen{more: make(chan struct{}, 1)}
		args := []string{"--data", l.dir, "log", "--follow"}
		if asJSON {
			args = append(args, "--json")
		}
		done := make(chan int, 1)
		go func() { done <- execute(ctx, l.parts(out, out), args) }()
		out.await(t, 3)
		now := l.service.Time
		anna := hotspot.Session{ID: 9, Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 2}, Login: "Anna", Started: now.Add(-time.Hour)}
		bob := hotspot.Session{ID: 10, Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 3}, Login: "bob", Started: now}
		l.service.SetSessions(bob, anna)
		out.await(t, 4)
		anna.Ended, anna.Reason, anna.Used = now.Add(time.Minute), hotspot.EndLogout, hotspot.Usage{Down: 7 * hotspot.MB}
		l.service.SetSessions(bob, anna)
		text := out.await(t, 5)
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("exit code %d", code)
		}
		golden(t, map[bool]string{false: "follow", true: "follow_json"}[asJSON], text)
	}
}
