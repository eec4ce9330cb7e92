package kerneltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/hosts"
)

// inside marks the copy of the test that runs in namespaces of its own.
const inside = "VOUCHSAFE_HOSTS_KERNELTEST"

// TestMain runs the tests in a copy of the program that has its own network
// and its own mounts, so that whatever happens nothing is left behind.
func TestMain(m *testing.M) {
	if to := os.Getenv(talker); to != "" {
		if err := talk(to, os.Getenv(talkerFrom), os.Getenv(talkerTries)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(inside) != "" {
		if err := privateMounts(); err != nil {
			fmt.Fprintln(os.Stderr, "mounts:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	self := exec.Command("/proc/self/exe", os.Args[1:]...)
	self.Env = append(os.Environ(), inside+"=1")
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := self.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "these tests need root:", err)
		os.Exit(1)
	}
}

// talker marks the copy of the program that talks to the router from inside
// a guest's namespace; talkerFrom is the address it shall use, talkerTries how often
// it tries.
const (
	talker      = "VOUCHSAFE_HOSTS_TALK"
	talkerFrom  = "VOUCHSAFE_HOSTS_TALK_FROM"
	talkerTries = "VOUCHSAFE_HOSTS_TALK_TRIES"
)

// talk sends to a closed port and waits for the refusal, which shows that the
// way is open in both directions.
func talk(to, from, tries string) error {
	most, err := strconv.Atoi(tries)
	if err != nil {
		return err
	}
	dialer := net.Dialer{}
	if from != "" {
		dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	conn, err := dialer.Dial("udp", net.JoinHostPort(to, "9"))
	if err != nil {
		return err
	}
	defer conn.Close()
	for range most {
		if _, err = conn.Write([]byte("hello")); err == nil {
			if err = conn.SetReadDeadline(time.Now().Add(400 * time.Millisecond)); err == nil {
				_, err = conn.Read(make([]byte, 1))
			}
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil
		}
	}
	return fmt.Errorf("no answer from %s: %w", to, err)
}

// tryTalk talks to the router and says whether it answered.
func (g guest) tryTalk(to, from string) error { return g.talkFrom(to, from, 5) }

// talkFrom is tryTalk that tries so many times.
func (g guest) talkFrom(to, from string, tries int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command("ip", "netns", "exec", g.name, self)
	cmd.Env = append(os.Environ(), talker+"="+to, talkerFrom+"="+from, talkerTries+"="+strconv.Itoa(tries))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// plenty of tries take more than a minute.
const plenty = 200

func (g guest) talk(to string) {
	g.t.Helper()
	if err := g.talkFrom(to, "", plenty); err != nil {
		g.t.Fatal(err)
	}
}

// privateMounts keeps named namespaces out of the machine's sight.
func privateMounts() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		return err
	}
	return syscall.Mount("tmpfs", "/run/netns", "tmpfs", 0, "")
}

// run runs a command in the router's namespace.
func run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// try is run without a care for success.
func try(args ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput() // the caller looks at the effect
	return string(out)
}

// guest is a device in a namespace of its own.
type guest struct {
	t    *testing.T
	name string
	mac  hotspot.MAC
}

func (g guest) run(args ...string) string {
	g.t.Helper()
	return run(g.t, append([]string{"ip", "netns", "exec", g.name}, args...)...)
}

func (g guest) try(args ...string) string {
	return try(append([]string{"ip", "netns", "exec", g.name}, args...)...)
}

// router makes the guests' bridge.
func router(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { try("ip", "link", "del", "br-guest") })
	run(t, "ip", "link", "set", "lo", "up")
	bridge(t)
}

func bridge(t *testing.T) {
	t.Helper()
	run(t, "ip", "link", "add", "br-guest", "type", "bridge")
	run(t, "ip", "addr", "add", "192.168.0.1/24", "dev", "br-guest")
	run(t, "ip", "addr", "add", "fd5a:1::1/64", "dev", "br-guest", "nodad")
	run(t, "ip", "link", "set", "br-guest", "up")
}

// newGuest plugs a device in; it has link-local addresses only.
func newGuest(t *testing.T, n int) guest {
	t.Helper()
	g := guest{t: t, name: fmt.Sprintf("hosts-guest%d", n), mac: hotspot.MAC{2, 0x5e, 0x10, 0, 0, byte(n)}}
	run(t, "ip", "netns", "add", g.name)
	t.Cleanup(func() { try("ip", "netns", "del", g.name) })
	port := fmt.Sprintf("port%d", n)
	run(t, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "address", g.mac.String(), "netns", g.name)
	t.Cleanup(func() { try("ip", "link", "del", port) })
	g.plug(n)
	g.run("ip", "link", "set", "lo", "up")
	g.run("ip", "link", "set", "eth0", "up")
	return g
}

func (g guest) plug(n int) {
	g.t.Helper()
	run(g.t, "ip", "link", "set", fmt.Sprintf("port%d", n), "master", "br-guest", "up")
}

// table is a running table.
type table struct {
	*hosts.Table
	t *testing.T

	mu   sync.Mutex // guards news and log
	news map[hotspot.MAC]int
	log  bytes.Buffer
}

// Write takes the log's lines.
func (w *table) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *table) logged(s string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.log.String(), s)
}

func (w *table) told(m hotspot.MAC) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.news[m]
}

// start runs a table; the returned function stops it.
func start(t *testing.T, cfg hosts.Config) (*table, func()) {
	t.Helper()
	w := &table{t: t, news: map[hotspot.MAC]int{}}
	cfg.Interface = "br-guest"
	cfg.Log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.Table, err = hosts.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- w.Run(ctx, func(m hotspot.MAC) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.news[m]++
		})
	}()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, w.Close()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(w.log.String())
		}
	})
	t.Cleanup(stop)
	return w, stop
}

// eventually polls a condition.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

func writeLeases(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "leases")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
