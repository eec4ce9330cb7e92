package doctor

import (
	"context"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/certs"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// ownCert makes a certificate as the daemon does and returns its file.
func ownCert(t *testing.T, data string) string {
	t.Helper()
	file := filepath.Join(data, certs.OwnFile)
	k := certs.NewKeeper(certs.Config{File: file, Log: slog.New(slog.DiscardHandler),
		Names: func() certs.Names { return certs.Names{DNS: []string{"router.lan"}} },
		Now:   func() (time.Time, bool) { return noon, true }})
	k.Configure(true, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	for limit := time.Now().Add(90 * time.Second); k.Serving() == nil; {
		if time.Now().After(limit) {
			t.Fatal("no certificate is made")
		}
	}
	cancel()
	<-done
	return file
}

func TestCertificate(t *testing.T) {
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = t.TempDir(), config.BackendMemory
	now, believed := noon, true
	look := func() Finding {
		t.Helper()
		x := &exam{Options: Options{Config: cfg}, sys: &system{
			now: func() time.Time { return now }, synced: func() (bool, error) { return believed, nil }}}
		all := x.certificate(t.Context())
		if len(all) != 1 || all[0].Verdict != OK && all[0].Remedy.IsZero() {
			t.Fatalf("%+v", all)
		}
		return all[0]
	}
	expect := func(v Verdict, text string) {
		t.Helper()
		if f := look(); f.Verdict != v || !strings.Contains(f.Found.String()+f.Remedy.String(), text) {
			t.Errorf("%+v, want %s: %s", f, v, text)
		}
	}
	expect(OK, "not served")
	cfg.LAN.HTTPS.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8443")}
	expect(OK, "makes it")
	file := ownCert(t, cfg.Data)
	expect(OK, "router.lan; SHA-256 ")
	chmod(t, file, 0o644)
	expect(Problem, "chmod 600")
	chmod(t, file, 0o600)
	cfg.LAN.HTTPS.CertFile, cfg.LAN.HTTPS.KeyFile = file, file
	expect(OK, "router.lan; SHA-256 ")
	now = noon.AddDate(20, 0, 0)
	expect(Warning, "has expired")
	believed = false
	expect(OK, "router.lan")
	cfg.LAN.HTTPS.KeyFile = "/nonexistent/key.pem"
	expect(Problem, "lan.https.key_file")
	cfg.LAN.HTTPS.CertFile, cfg.LAN.HTTPS.KeyFile = "", ""
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(Warning, "delete the file")
}

func chmod(t *testing.T, file string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}
