package hosts

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestReport: a slow receiver holds nobody up and gets the news as one.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		ctx, cancel := context.WithCancel(t.Context())
		var got []hotspot.MAC
		busy := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			done <- s.report(ctx, func(m hotspot.MAC) {
				got = append(got, m)
				<-busy
			})
		}()
		s.see(mac(1), "")
		synctest.Wait() // it is with the receiver now
		for i := range 5 {
			s.see(mac(2), ip6(i+1).String())
		}
		close(busy)
		synctest.Wait()
		if len(got) != 2 || got[0] != mac(1) || got[1] != mac(2) {
			t.Errorf("%v", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		if !pause(ctx, time.Hour) {
			t.Error("did not wait")
		}
		cancel()
		if pause(ctx, time.Hour) {
			t.Error("waited on")
		}
	})
}

func TestNew(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("a table of no interface")
	}
	s := newScene(t) // has no kernel to watch
	if err := s.Run(t.Context(), nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Run: %v", err)
	}
}

func BenchmarkLearn(b *testing.B) {
	s := newScene(&testing.T{})
	for i := range maxDevices {
		s.now += time.Second
		s.see(mac(i), ip6(i+1).String())
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.see(mac(i%maxDevices), "")
	}
}
