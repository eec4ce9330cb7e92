package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience bounds the waits for what takes moments, on a machine that has other
// things to do, too.
const patience = 90 * time.Second

// stopGrace is how long a process may take to end when asked.
const stopGrace = time.Minute

// logLimit bounds what is kept of a process's output.
const logLimit = 256 << 10

// process is a child that runs until it is told to stop.
type process struct {
	name string
	cmd  *exec.Cmd
	log  *logTail
	done chan struct{} // closed when it has ended and err is set
	err  error
}

// start starts a command as a process of its own group, so that a Ctrl-C in
// the terminal reaches the lab alone, which stops the rest in order.
func start(name string, cmd *exec.Cmd, tee io.Writer) (*process, error) {
	p := &process{name: name, cmd: cmd, log: &logTail{tee: tee}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Its children may hold the pipe open for longer than it lives.
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		if p.err = cmd.Wait(); errors.Is(p.err, exec.ErrWaitDelay) {
			p.err = nil
		}
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends a signal, if the process still runs.
func (p *process) signal(sig syscall.Signal) error {
	if !p.running() {
		return fmt.Errorf("%s has ended", p.name)
	}
	return p.cmd.Process.Signal(sig)
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end, and kills it if it does not within the grace.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTimer(stopGrace)
	defer t.Stop()
	select {
	case <-p.done:
		return p.err
	case <-t.C:
		p.kill()
		return fmt.Errorf("%s did not stop within %v and was killed", p.name, stopGrace)
	}
}

// until waits for f to report true while the process runs.
func (p *process) until(ctx context.Context, every time.Duration, f func() bool) error {
	return poll(ctx, every, func() (bool, error) {
		if !p.running() {
			return false, &ExitError{Name: p.name, Err: p.err, Log: p.log.last(lastLines)}
		}
		return f(), nil
	})
}

// lastLines is how much of its log an error quotes.
const lastLines = 15

// ExitError says that a process of the lab has ended by itself.
type ExitError struct {
	Name string
	Err  error  // how it ended; nil: with status 0
	Log  string // its last lines
}

// Error implements error.
func (e *ExitError) Error() string {
	how := "with status 0"
	if e.Err != nil {
		how = "with " + e.Err.Error()
	}
	if e.Log == "" {
		return fmt.Sprintf("%s ended %s and wrote no log", e.Name, how)
	}
	return fmt.Sprintf("%s ended %s; its last lines:\n%s", e.Name, how, e.Log)
}

// Unwrap returns how the process ended.
func (e *ExitError) Unwrap() error { return e.Err }

// logTail keeps the end of what is written to it.
type logTail struct {
	tee io.Writer // gets everything too; may be nil

	mu  sync.Mutex // guards buf
	buf []byte
}

// Write implements io.Writer.
func (t *logTail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - logLimit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	t.mu.Unlock()
	if t.tee != nil {
		_, _ = t.tee.Write(p) // a closed terminal must not stop the process
	}
	return len(p), nil
}

func (t *logTail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// last returns the last n lines.
func (t *logTail) last(n int) string {
	lines := strings.Split(strings.TrimRight(t.String(), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
