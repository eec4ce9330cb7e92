package tunnel

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// TestWrongClock: a router that takes the relay's certificate for one of the
// future, or for an old one, says so, goes on trying, and connects when its clock is
// right.
func TestWrongClock(t *testing.T) {
	for name, off := range map[string]time.Duration{"a router without a clock": -50 * 365 * 24 * time.Hour, "a clock that is fast": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t)
			cfg := r.config()
			var by atomic.Int64
			by.Store(int64(off))
			whole := cfg.TLS
			cfg.TLS = func() (*tls.Config, error) {
				c, err := whole()
				c.Time = func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
				return c, err
			}
			tun, _ := run(t, cfg)
			s := until(t, tun, func(s State) bool { return s.Failure != nil })
			var invalid x509.CertificateInvalidError
			if !errors.As(s.Failure, &invalid) || invalid.Reason != x509.Expired {
				t.Errorf("%v", s.Failure)
			}
			by.Store(0)
			r.link()
			until(t, tun, func(s State) bool { return s.Phase == Up && s.Failure == nil })
		})
	}
}
