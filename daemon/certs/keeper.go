package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// again is how often it is seen whether the certificate still fits.
	again = time.Minute
	// warnBefore is how long before its end the operator's own certificate is
	// said to need another.
	warnBefore = 21 * 24 * time.Hour
)

// Config is what a [Keeper] needs.
type Config struct {
	File  string       // of the router's own certificate. Must be set.
	Names func() Names // what that is for. Must not be nil.
	// Now tells the time, and whether it is believed: until then it is a lower
	// bound. Must not be nil.
	Now func() (now time.Time, believed bool)
	Log *slog.Logger // must not be nil
}

// Keeper has the certificate that is served.
type Keeper struct {
	cfg     Config
	kick    chan struct{}
	serving atomic.Pointer[Pair] // nil: there is none yet
	ready   chan struct{}        // closed once there is

	making sync.Mutex // held while the router's own is read, made and kept

	mu       sync.Mutex // guards what follows
	on       bool       // HTTPS is served
	supplied *Pair      // the operator's; nil: none, or it cannot be used
	refused  error      // why it cannot
	own      *Pair      // nil: not read yet
	unsaved  error      // why the router's own is in memory only
}

// NewKeeper returns a Keeper without a certificate.
func NewKeeper(c Config) *Keeper {
	return &Keeper{cfg: c, kick: make(chan struct{}, 1), ready: make(chan struct{})}
}

// Configure says whether HTTPS is served, and with which certificate: the
// operator's, or the router's own if that is nil. refused is why the operator's
// cannot be used, and may be nil. Connections that are open go on.
func (k *Keeper) Configure(on bool, supplied *Pair, refused error) {
	k.mu.Lock()
	k.on, k.supplied, k.refused = on, supplied, refused
	switch {
	case on && supplied != nil:
		k.serve(supplied)
	case on && k.own != nil:
		k.serve(k.own)
	}
	k.mu.Unlock()
	k.Check()
}

// serve makes a certificate the one that newcomers get; k.mu is held.
func (k *Keeper) serve(p *Pair) {
	if k.serving.Swap(p) == nil {
		close(k.ready)
	}
}

// Check has [Keeper.Run] see whether the certificate still fits, as after a
// change of addresses.
func (k *Keeper) Check() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// Run makes the router's own certificate when it is needed, and another when it
// does not fit any more, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	t := time.NewTicker(again)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-k.kick:
		}
		k.look()
	}
}

// look takes the steps that are due.
func (k *Keeper) look() {
	k.making.Lock()
	defer k.making.Unlock()
	k.mu.Lock()
	needed, own, unsaved := k.on && k.supplied == nil, k.own, k.unsaved
	k.mu.Unlock()
	if !needed {
		return
	}
	if own == nil {
		own = k.read()
	}
	now, _ := k.cfg.Now()
	names := k.cfg.Names()
	made := own == nil || !names.fits(own.Leaf, now)
	if made {
		next, err := create(names, own, now)
		if err != nil {
			k.cfg.Log.Error("no certificate for HTTPS could be made; it will be tried again", "error", err)
			return
		}
		own = next
	}
	if made || unsaved != nil {
		first := unsaved == nil
		if unsaved = save(k.cfg.File, own); unsaved != nil && first {
			k.cfg.Log.Error("the certificate for HTTPS could not be stored; it will be tried again", "error", unsaved)
		}
	}
	if made {
		k.cfg.Log.Info("a certificate for HTTPS was made", "sha256", own.Fingerprint(), "names", own.Leaf.DNSNames, "addresses", own.Leaf.IPAddresses, "until", own.Leaf.NotAfter)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.own, k.unsaved = own, unsaved
	if k.supplied == nil || k.serving.Load() == nil {
		k.serve(own)
	}
}

// read returns the certificate that was kept, or nil. One that is damaged is
// replaced: nothing is lost but its fingerprint.
func (k *Keeper) read() *Pair {
	p, err := Load(k.cfg.File, k.cfg.File)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			k.cfg.Log.Warn("the certificate for HTTPS cannot be used; another is made", "error", err)
		}
		return nil
	}
	if info, err := os.Stat(k.cfg.File); err == nil && info.Mode().Perm()&0o077 != 0 { // as a copy may have left it
		if err := os.Chmod(k.cfg.File, 0o600); err != nil {
			k.cfg.Log.Warn("others can read the key for HTTPS", "error", err)
		}
	}
	return p
}

// TLS returns how to serve. Handshakes wait for the first certificate.
func (k *Keeper) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: k.get,
	}
}

func (k *Keeper) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	select {
	case <-k.ready:
		return k.serving.Load().tls, nil
	case <-hello.Context().Done():
		return nil, fmt.Errorf("there is no certificate yet: %w", hello.Context().Err())
	}
}

// Serving returns the certificate that is served; nil: none.
func (k *Keeper) Serving() *Pair {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.on {
		return nil
	}
	return k.serving.Load()
}

// Own reports whether the certificate that is served is one that the router
// made.
func (k *Keeper) Own() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.on && k.supplied == nil
}

// Vouches reports whether the operator's certificate is for a name.
func (k *Keeper) Vouches(name string) bool {
	k.mu.Lock()
	p := k.supplied
	k.mu.Unlock()
	return p != nil && p.Leaf.VerifyHostname(name) == nil
}

// Problems says what is wrong, in words for an operator.
func (k *Keeper) Problems() (out hotspot.Texts) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.on {
		return nil
	}
	if k.refused != nil {
		out.Addf("HTTPS is served with a certificate that the router made, since yours cannot be used: %v", k.refused)
	}
	if k.unsaved != nil {
		out.Addf("the certificate for HTTPS could not be stored, so the next start makes another: %v", k.unsaved)
	}
	if now, believed := k.cfg.Now(); believed && k.supplied != nil {
		if text := Ending(k.supplied, now); !text.IsZero() {
			out.Addf("%s; replace it (lan.https.cert_file) and reload", text)
		}
	}
	return out
}

// Ending says that the operator's certificate needs another, or nothing.
func Ending(p *Pair, now time.Time) hotspot.Text {
	switch end := p.Leaf.NotAfter; {
	case now.Before(p.Leaf.NotBefore):
		return hotspot.Textf("the certificate for HTTPS holds from %s on: browsers refuse it until then", p.Leaf.NotBefore.Format(time.DateOnly))
	case now.After(end):
		return hotspot.Textf("the certificate for HTTPS has expired on %s: browsers refuse it", end.Format(time.DateOnly))
	case now.After(end.Add(-warnBefore)):
		return hotspot.Textf("the certificate for HTTPS expires on %s", end.Format(time.DateOnly))
	}
	return hotspot.Text{}
}
