package netlab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func startRole(t *testing.T, l *Lab, role string) (*Daemon, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return l.StartDaemon(testContext(t), DaemonOptions{Binary: self, Env: []string{roleEnv + "=" + role}})
}

func TestDaemonIsKilledAndStartedAgain(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	d, err := startRole(t, l, roleDaemon)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(testContext(t)); err == nil {
		t.Error("a second daemon was started beside the first")
	}
	first := d.PID()
	d.Kill()
	select {
	case <-d.Done():
	default:
		t.Error("not done after Kill")
	}
	if err := d.Signal(syscall.SIGHUP); err == nil {
		t.Error("a signal reached a dead daemon")
	}
	if err := d.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if d.PID() == first {
		t.Errorf("process %d, then %d", first, d.PID())
	}
	eventually(t, "both have said that they listen", func() bool { return strings.Count(d.Log(), "listening as") == 2 })
	if err := d.Stop(); err == nil {
		t.Error("a daemon that SIGTERM has ended reports success")
	}
}

func TestDaemonThatEndsTellsWhy(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	_, err := startRole(t, l, roleBroken)
	var exit *ExitError
	if !errors.As(err, &exit) || !strings.Contains(err.Error(), "no such key: gest.interface") || !strings.Contains(err.Error(), "exit status 2") {
		t.Errorf("got %v", err)
	}
}

func TestConfigFile(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	path, err := l.WriteConfig(Config{Zone: "Europe/Rome"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `data: DIR/data
zone: Europe/Rome
guest:
    interface: br-guest
    addresses: [192.168.0.1, 'fd5a:9c3e:71b4:1::1']
    portal_port: 2050
lan:
    interface: lan0
    listen: ['192.168.10.1:80']
    https:
        listen: ['0.0.0.0:443']
network:
    backend: nftables
    uplinks: [wan0]
    leases: DIR/dnsmasq.leases
log:
    level: info
    format: text
clock:
    trust: system
`
	if diff := cmp.Diff(want, strings.ReplaceAll(string(got), l.Dir(), "DIR")); diff != "" {
		t.Error(diff)
	}
	if st, err := os.Stat(filepath.Join(l.Dir(), "data")); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v, %v", st, err)
	}
}

func TestForward(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	if _, err := startRole(t, l, roleDaemon); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	addr, err := l.Forward(ctx, "127.0.0.1:0", l.LAN(), RouterLAN4+":80")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + addr.String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	if _, err := l.Forward(ctx, addr.String(), l.LAN(), RouterLAN4+":80"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second forward on the same port: %v", err)
	}
	// An end of one direction is passed on, the other lives.
	echo, err := l.Forward(ctx, "127.0.0.1:0", l.Router(), net.JoinHostPort(Upstream4, "7"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", echo.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Errorf("echo: %q, %v", got, err)
	}
	cancel()
	eventually(t, "the forward ends with its context", func() bool {
		c, err := net.Dial("tcp", addr.String())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
}

func TestFirewall(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	ctx := testContext(t)
	own := "table inet other { }\n"
	if _, err := l.Router().nft(ctx, own, "-f", "-"); err != nil {
		t.Fatal(err)
	}
	before, err := l.Router().nft(ctx, "", "list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.ReloadFirewall(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := l.Router().nft(ctx, "", "list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"table inet other", "masquerade"} {
		if !strings.Contains(string(before), want) || !strings.Contains(string(after), want) {
			t.Errorf("no %q before or after the reload:\n%s\n%s", want, before, after)
		}
	}
	if err := l.StopFirewall(ctx); err != nil {
		t.Fatal(err)
	}
	if rules, err := l.Router().nft(ctx, "", "list", "ruleset"); err != nil || len(rules) != 0 {
		t.Errorf("after the stop: %s, %v", rules, err)
	}
}
