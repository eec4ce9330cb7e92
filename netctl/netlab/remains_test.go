package netlab

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// crashedLab makes a lab in a process that it then kills with SIGKILL.
func crashedLab(t *testing.T, id string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(testContext(t), self)
	cmd.Env = append(os.Environ(), roleEnv+"="+roleCrash, "NETLAB_TEST_ID="+id)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if err := Cleanup(testContext(t), id); !errors.As(err, new(*RunningError)) {
		t.Errorf("cleaning up a lab that runs: %v, want a RunningError", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if strings.TrimSpace(line) != "up" {
		t.Fatalf("the child said %q", line)
	}
}

// livingIn returns the processes in a lab's namespaces.
func livingIn(t *testing.T, id string) int {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(netnsRoot, nsName(id, "*")))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range paths {
		pids, err := inhabitants(p)
		if err != nil {
			t.Fatal(err)
		}
		n += len(pids)
	}
	return n
}

func TestCleanupAfterKill(t *testing.T) {
	id := testID()
	crashedLab(t, id)
	// A client's script may still be at work.
	eventually(t, "dnsmasq and two DHCP clients survive the crash", func() bool { return livingIn(t, id) == 3 })
	if err := Cleanup(testContext(t), id); err != nil {
		t.Fatal(err)
	}
	assertGone(t, id)
	if err := Cleanup(testContext(t), id); err != nil {
		t.Errorf("nothing to clean up: %v", err)
	}
}

func TestNewAfterKill(t *testing.T) {
	id := testID()
	crashedLab(t, id)
	newLabWithLeases(t, Options{ID: id, Guests: 1})
	// A client's script may still be at work.
	eventually(t, "two processes, dnsmasq and one DHCP client", func() bool { return livingIn(t, id) == 2 })
}

func TestOneLabOfAnID(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	_, err := New(testContext(t), Options{ID: l.ID()})
	var running *RunningError
	if !errors.As(err, &running) || running.PID != os.Getpid() {
		t.Fatalf("a second lab of the same id: %v, want a RunningError of this process", err)
	}
	if err := Cleanup(testContext(t), l.ID()); !errors.As(err, &running) {
		t.Errorf("cleaning it up: %v, want a RunningError", err)
	}
	if err := l.Leases(testContext(t)); err != nil {
		t.Errorf("the first lab was harmed: %v", err)
	}
}

func TestCloseEndsStrangers(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	// Whoever was started inside goes with the lab, also if it will not.
	cmd := l.Guest(1).Command(context.Background(), "sh", "-c", "trap '' TERM; echo ready; exec sleep 1000")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(90 * time.Second):
		t.Error("the process lives on")
	}
}

func TestNewStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	id := testID()
	if _, err := New(ctx, Options{ID: id}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	assertGone(t, id)
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{}, {ID: "a-b"}, {ID: "../x"}, {ID: "UP"}, {ID: strings.Repeat("a", 21)}, {ID: "a", Guests: 201}, {ID: "a", Guests: -1}} {
		if l, err := New(t.Context(), o); err == nil {
			t.Errorf("%+v is accepted", o)
			_ = l.Close()
		}
	}
}
