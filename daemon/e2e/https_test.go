package e2e

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestHTTPSInBrowser opens the router in a browser on the LAN that was told of
// the certificate's key, and in one that was not.
func TestHTTPSInBrowser(t *testing.T) {
	h := newHouse(t, "https", netlab.Options{Guests: 1})
	file := filepath.Join(h.DataDir(), "https.pem")
	var spki string
	eventually(t, "a certificate", func() bool {
		b, err := os.ReadFile(file)
		block, _ := pem.Decode(b)
		if err != nil || block == nil {
			return false
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		spki = base64.StdEncoding.EncodeToString(sum[:])
		return c.VerifyHostname(netlab.RouterLAN4) == nil
	})
	open := func(url string, flags ...string) string {
		args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
			"--timeout=90000", "--user-data-dir=" + profile(t), "--dump-dom"}, append(flags, url)...)
		out, err := h.LAN().Command(t.Context(), "chromium", args...).Output()
		if err != nil {
			t.Fatalf("chromium: %v", err)
		}
		return string(out)
	}
	url := "https://" + netlab.RouterLAN4 + "/"
	const ours = `action="/setup"` // the panel of a new router begins with that
	if page := open(url, "--ignore-certificate-errors-spki-list="+spki); !strings.Contains(page, ours) {
		t.Errorf("with the fingerprint allowed: %s", page)
	}
	if page := open(url); strings.Contains(page, ours) {
		t.Errorf("a browser trusts a stranger: %s", page)
	}
	rebound := "--host-resolver-rules=MAP evil.example " + netlab.RouterLAN4
	if page := open("http://evil.example/", rebound); !strings.Contains(page, "Wrong host") {
		t.Errorf("a name from the internet that points at the router: %s", page)
	}
}
