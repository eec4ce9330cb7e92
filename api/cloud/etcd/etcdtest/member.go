package etcdtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Member is one of an etcd's processes.
type Member struct {
	c                  *Cluster
	name, dir, cluster string
	id                 string
	peers, clients     *proxy
	cut                atomic.Bool // off from the other members

	mu           sync.Mutex // guards what follows
	peer, client string     // where the process listens
	process      *os.Process
	ended        chan struct{}
	output       *tail
}

func (m *Member) peerAddress() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peer
}

func (m *Member) clientAddress() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.client
}

// Endpoint is where clients find the member, through what CutClients cuts.
func (m *Member) Endpoint() string { return "http://" + m.clients.address() }

// Direct is where clients find the member itself, until it is started again.
func (m *Member) Direct() string { return "http://" + m.clientAddress() }

// Start starts the member's process.
func (m *Member) Start() {
	t := m.c.t
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.peer, m.client = freeAddress(t), freeAddress(t)
	args := []string{"--name", m.name, "--data-dir", m.dir, "--logger", "zap", "--log-level", "error",
		"--listen-peer-urls", "http://" + m.peer, "--initial-advertise-peer-urls", "http://" + m.peers.address(),
		"--listen-client-urls", "http://" + m.client, "--advertise-client-urls", "http://" + m.clients.address(),
		"--initial-cluster", m.cluster, "--initial-cluster-token", "test"}
	if !m.c.options.Durable {
		args = append(args, "--unsafe-no-fsync")
	}
	cmd := exec.Command(m.c.binary, append(args, m.c.options.Args...)...)
	m.output = &tail{}
	cmd.Stdout, cmd.Stderr = m.output, m.output
	// Without this test there must be no etcd: the process ends with the thread
	// that started it, which therefore waits for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	m.process, m.ended = cmd.Process, ended
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have been before
		<-ended
	})
}

// Running reports whether the member's process is there, if only frozen.
func (m *Member) Running() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.ended:
		return false
	default:
		return true
	}
}

// Kill ends the process at once.
func (m *Member) Kill() {
	m.signal(syscall.SIGKILL)
	<-m.ended
}

// Wipe deletes all that the member has; it is not running.
func (m *Member) Wipe() {
	m.c.t.Helper()
	if err := os.RemoveAll(m.dir); err != nil {
		m.c.t.Fatal(err)
	}
}

// Freeze stops the process: its connections stay and nothing answers.
func (m *Member) Freeze() {
	m.c.t.Helper()
	m.signal(syscall.SIGSTOP)
	Until(m.c.t, 10*time.Second, "all threads have stopped", func() bool {
		all, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(m.Pid()), "task", "*", "stat"))
		if err != nil {
			m.c.t.Fatal(err)
		}
		for _, path := range all {
			b, err := os.ReadFile(path)
			if err == nil && !bytes.Contains(b, []byte(") T ")) {
				return false
			}
		}
		return true
	})
}

// Thaw lets a frozen process go on.
func (m *Member) Thaw() { m.signal(syscall.SIGCONT) }

func (m *Member) signal(s os.Signal) {
	m.c.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.process.Signal(s); err != nil {
		m.c.t.Fatal(err)
	}
}

// Isolate cuts the member off from the others; clients still reach it.
func (m *Member) Isolate() {
	m.cut.Store(true)
	for _, x := range m.c.Members {
		x.peers.check()
	}
}

// Rejoin undoes Isolate.
func (m *Member) Rejoin() { m.cut.Store(false) }

// Pid is the id of the member's process.
func (m *Member) Pid() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process.Pid
}

// RSS is how much memory the member's process has, in bytes.
func (m *Member) RSS() int64 {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(m.Pid()), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}

// CPU is how much time of processors the member's process has had.
func (m *Member) CPU() time.Duration {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(m.Pid()), "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	var ticks time.Duration
	for _, s := range f[11:13] { // user, system
		n, _ := strconv.Atoi(s) // not a number is 0
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond // Linux: 100 ticks a second, on all processors
}

// Size is how large the member's file is, in bytes.
func (m *Member) Size() int64 {
	s, err := m.status()
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(s.Size, 10, 64) // not a number is 0
	return n
}

// ready waits until the member answers.
func (m *Member) ready() {
	t := m.c.t
	t.Helper()
	client := &http.Client{Timeout: 3 * time.Second}
	defer client.CloseIdleConnections()
	Until(t, 30*time.Second, "member "+m.name+" is ready", func() bool {
		if !m.Running() {
			m.mu.Lock()
			out := m.output.String()
			m.mu.Unlock()
			if strings.Contains(out, "address already in use") {
				m.Start()
				return false
			}
			t.Fatalf("member %s has ended: %s", m.name, out)
		}
		r, err := client.Get("http://" + m.clientAddress() + "/health")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		b, err := io.ReadAll(io.LimitReader(r.Body, 1000))
		return err == nil && r.StatusCode == http.StatusOK && bytes.Contains(b, []byte(`"true"`))
	})
}

// tail keeps the end of what a process has written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	t.b = t.b[max(0, len(t.b)-4000):]
	return len(b), nil
}

// String returns it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
