package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/certs"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// certFacts are about the certificate for HTTPS.
type certFacts struct {
	served   bool // HTTPS is
	supplied bool // by the operator
	keyFile  string
	pair     *certs.Pair // nil: see err
	err      error
	open     bool // others can read the key
	now      time.Time
	believed bool // the clock is
}

func (x *exam) certificate(context.Context) []Finding {
	if x.ConfigErr != nil {
		return nil
	}
	h := x.Config.LAN.HTTPS
	f := certFacts{served: len(h.Listen) > 0, supplied: h.CertFile != "", keyFile: h.KeyFile, now: x.sys.now()}
	if !f.served {
		return judgeCert(f)
	}
	cert := h.CertFile
	if !f.supplied {
		cert = filepath.Join(x.Config.Data, certs.OwnFile)
		f.keyFile = cert
	}
	f.pair, f.err = certs.Load(cert, f.keyFile)
	if errors.Is(f.err, fs.ErrPermission) {
		return x.unseen("the certificate for HTTPS", f.err)
	}
	if info, err := os.Stat(f.keyFile); err == nil {
		f.open = info.Mode().Perm()&0o077 != 0
	}
	if x.Daemon != nil {
		f.believed = x.Daemon.ClockBelieved
	} else if ok, err := x.sys.synced(); err == nil {
		f.believed = ok
	}
	return judgeCert(f)
}

func judgeCert(f certFacts) []Finding {
	switch {
	case !f.served:
		return fine("HTTPS is not served (lan.https.listen)")
	case !f.supplied && errors.Is(f.err, fs.ErrNotExist):
		return fine("there is none yet; the daemon makes it")
	case !f.supplied && f.err != nil:
		return one(Warning, "delete the file and restart the daemon, which makes another; browsers then see another fingerprint", "%v", f.err)
	case f.err != nil:
		return one(Problem, "correct lan.https.cert_file and lan.https.key_file, then reload; until then the router's own certificate is served", "%v", f.err)
	}
	var all []Finding
	if f.open {
		add(&all, Problem, "run: chmod 600 %s", "others can read the private key in %s", f.keyFile)
		do(all, f.keyFile)
	}
	leaf := f.pair.Leaf
	if f.supplied {
		if f.believed {
			if text := certs.Ending(f.pair, f.now); !text.IsZero() {
				all = append(all, Finding{Verdict: Warning, Found: text, Remedy: hotspot.Textf("replace it (lan.https.cert_file) and reload")})
			}
		}
		if len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0 {
			add(&all, Warning, "have one issued with subject alternative names", "the certificate for HTTPS names no host in a way that browsers read")
		}
	}
	names := strings.Join(leaf.DNSNames, ", ")
	for _, ip := range leaf.IPAddresses {
		names += ", " + ip.String()
	}
	return list(all, "until %s, for %s; SHA-256 %s", leaf.NotAfter.Format(time.DateOnly), strings.TrimPrefix(names, ", "), f.pair.Fingerprint())
}

// lanPorts are where the LAN is served, by key.
func lanPorts(cfg config.Config) (all []wantedPort) {
	for _, l := range []struct {
		key string
		at  []netip.AddrPort
	}{{"lan.listen", cfg.LAN.Listen}, {"lan.https.listen", cfg.LAN.HTTPS.Listen}} {
		for _, at := range l.at {
			all = append(all, wantedPort{key: l.key, at: at})
		}
	}
	return all
}
