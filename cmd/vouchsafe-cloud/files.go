package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// lookAgain is how often the files of a certificate are looked at.
const lookAgain = 10 * time.Second

// files are a certificate's. One that takes their place is served from then on,
// without a restart; one that cannot be used leaves the one before in force.
type files struct {
	cert, key string
	domain    string
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex // guards what follows
	inForce *tls.Certificate
	changed time.Time
	looked  time.Time
	failed  string // why the last look found nothing to use
	told    string // the last failure in the log
}

func fromFiles(f *files) (certificate, error) {
	if err := f.read(); err != nil {
		return certificate{}, fmt.Errorf("--cert and --key: %w", err)
	}
	f.looked = f.now()
	if problem := f.problem(); problem != "" {
		f.log.Warn("clients and routers cannot connect", "reason", problem, "ended", f.inForce.Leaf.NotAfter)
	}
	return certificate{find: f.find, problem: f.problem}, nil
}

// read reads the files, if they are a certificate for the domain.
func (f *files) read() error {
	info, err := os.Stat(f.cert)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	for _, name := range [...]string{"api", "0123456789"} { // a router's is like the second one
		if pair.Leaf.VerifyHostname(name+"."+f.domain) != nil {
			return fmt.Errorf("%s is for %s, and must be for *.%s", f.cert, strings.Join(pair.Leaf.DNSNames, ", "), f.domain)
		}
	}
	f.inForce, f.changed = &pair, info.ModTime()
	return nil
}

// find returns the certificate in force. Now and then it looks for another one.
func (f *files) find(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if ago := now.Sub(f.looked); ago >= 0 && ago < lookAgain {
		return f.inForce, nil
	}
	f.looked = now
	info, err := os.Stat(f.cert)
	if err == nil && info.ModTime().Equal(f.changed) {
		f.failed = ""
		return f.inForce, nil
	}
	if err = f.read(); err == nil {
		f.failed, f.told = "", ""
		f.log.Info("the certificate is in force", "name", "*."+f.domain, "until", f.inForce.Leaf.NotAfter)
		return f.inForce, nil
	}
	// Half a renewal cannot be used, and the next look finds the other half.
	if text := err.Error(); text == f.failed && text != f.told {
		f.told = text
		f.log.Warn("the certificate's files cannot be used; the one before stays in force", "error", err, "until", f.inForce.Leaf.NotAfter)
	} else {
		f.failed = text
	}
	return f.inForce, nil
}

// problem says why nobody can connect.
func (f *files) problem() string {
	c, _ := f.find(nil) // never fails
	if f.now().After(c.Leaf.NotAfter) {
		return "the certificate has ended"
	}
	return ""
}
