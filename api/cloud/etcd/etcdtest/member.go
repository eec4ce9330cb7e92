package etcdtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
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
	sockets            string // the directory that they are in
	id                 string
	peers, clients     *proxy
	cut                atomic.Bool // off from the other members

	mu      sync.Mutex // guards what follows
	direct  string     // a port besides the sockets; "": none
	process *os.Process
	ended   chan struct{}
	output  *tail
}

// The sockets that the process listens on, in its directory for them. They have no
// ports, which somebody else could take while the process is not running. etcd has
// the names look like a host's.
const (
	peerSocket   = "peer:1"
	clientSocket = "client:1"
)

func (m *Member) socket(name string) string { return filepath.Join(m.sockets, name) }

// Endpoint is where clients find the member, through what CutClients cuts.
func (m *Member) Endpoint() string { return "http://" + m.clients.address() }

// Direct is where clients find the member itself, if the options say so, until it is
// started again.
func (m *Member) Direct() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return "http://" + m.direct
}

// Start starts the member's process.
func (m *Member) Start() {
	t := m.c.t
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	listen := "unix://" + clientSocket
	if m.c.options.Direct {
		m.direct = freeAddress(t)
		listen += ",http://" + m.direct
	}
	args := []string{"--name", m.name, "--data-dir", m.dir, "--logger", "zap", "--log-level", "error",
		"--listen-peer-urls", "unix://" + peerSocket, "--initial-advertise-peer-urls", "http://" + m.peers.address(),
		"--listen-client-urls", listen, "--advertise-client-urls", "http://" + m.clients.address(),
		"--initial-cluster", m.cluster, "--initial-cluster-token", "test"}
	if !m.c.options.Durable {
		args = append(args, "--unsafe-no-fsync")
	}
	cmd := exec.Command(m.c.binary, append(args, m.c.options.Args...)...)
	cmd.Dir = m.sockets
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
	Until(m.c.t, patience, "all threads have stopped", func() bool {
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
	Until(t, patience, "member "+m.name+" is ready", func() bool {
		if !m.Running() {
			m.mu.Lock()
			out := m.output.String()
			m.mu.Unlock()
			if m.c.options.Direct && strings.Contains(out, "address already in use") {
				m.Start() // somebody was faster
				return false
			}
			t.Fatalf("member %s has ended: %s", m.name, out)
		}
		b, err := m.ask(http.MethodGet, "/health", "")
		return err == nil && bytes.Contains(b, []byte(`"true"`))
	})
}

// ask asks the member itself something by HTTP.
func (m *Member) ask(method, path, body string) ([]byte, error) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", m.socket(clientSocket))
		}}}
	r, err := http.NewRequest(method, "http://etcd"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s", resp.Status, b)
	}
	return b, err
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
