package netlab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"gopkg.in/yaml.v3"
)

// healthURL is asked from the LAN to see whether the daemon is ready.
const healthURL = "http://" + RouterLAN4 + "/healthz"

// PortalPort is where the portal listens on the guest network.
const PortalPort = 2050

// PortalURL is the portal as guests reach it, without a path.
const PortalURL = "http://" + RouterGuest4 + ":2050"

// Config is what a lab can vary in the daemon's configuration.
type Config struct {
	Data    string // directory; empty: "data" in the lab's own
	Zone    string // IANA time zone; empty: the system's
	Backend string // empty: nftables
	Level   string // of the log; empty: info
	Format  string // of the log; empty: text
	// Period and Flush of the accounting; 0: the daemon's own.
	Period, Flush time.Duration
}

// The configuration file's shape.
type (
	fileConfig struct {
		Data       string          `yaml:"data"`
		Zone       string          `yaml:"zone,omitempty"`
		Guest      fileGuest       `yaml:"guest"`
		LAN        fileLAN         `yaml:"lan"`
		Network    fileNetwork     `yaml:"network"`
		Log        fileLog         `yaml:"log"`
		Clock      fileClock       `yaml:"clock"`
		Accounting *fileAccounting `yaml:"accounting,omitempty"`
	}
	fileGuest struct {
		Interface  string   `yaml:"interface"`
		Addresses  []string `yaml:"addresses,flow"`
		PortalPort int      `yaml:"portal_port"`
	}
	fileLAN struct {
		Interface string    `yaml:"interface"`
		Listen    []string  `yaml:"listen,flow"`
		HTTPS     fileHTTPS `yaml:"https"`
	}
	fileHTTPS struct {
		Listen []string `yaml:"listen,flow"`
	}
	fileNetwork struct {
		Backend string   `yaml:"backend"`
		Uplinks []string `yaml:"uplinks,flow"`
		Leases  string   `yaml:"leases"`
	}
	fileClock struct {
		Trust string `yaml:"trust"`
	}
	fileAccounting struct {
		Period string `yaml:"period"`
		Flush  string `yaml:"flush"`
	}
	fileLog struct {
		Level  string `yaml:"level"`
		Format string `yaml:"format"`
	}
)

// DataDir returns the directory that [Lab.WriteConfig] gives the daemon by
// default.
func (l *Lab) DataDir() string { return filepath.Join(l.dir, "data") }

// WriteConfig writes a configuration of the daemon for this lab's router and
// returns the file's path.
func (l *Lab) WriteConfig(c Config) (string, error) {
	or := func(s, preset string) string {
		if s == "" {
			return preset
		}
		return s
	}
	f := fileConfig{
		Data:    or(c.Data, l.DataDir()),
		Zone:    c.Zone,
		Guest:   fileGuest{GuestBridge, []string{RouterGuest4, RouterGuest6}, PortalPort},
		LAN:     fileLAN{LANLink, []string{RouterLAN4 + ":80"}, fileHTTPS{[]string{"0.0.0.0:443"}}},
		Network: fileNetwork{or(c.Backend, "nftables"), []string{WANLink}, l.leaseFile()},
		Log:     fileLog{or(c.Level, "info"), or(c.Format, "text")},
		// Namespaces share this machine's clock; whether it is right is its
		// owner's business.
		Clock: fileClock{"system"},
	}
	if c.Period > 0 {
		f.Accounting = &fileAccounting{c.Period.String(), c.Flush.String()}
	}
	if err := os.MkdirAll(f.Data, 0o700); err != nil {
		return "", err
	}
	text, err := yaml.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("write the daemon's configuration: %w", err)
	}
	return l.writeFile("vouchsafe.yaml", string(text), 0o600)
}

// DaemonOptions say how to run the daemon.
type DaemonOptions struct {
	Binary string    // path of vouchsafe. Must be set.
	Args   []string  // e.g. "daemon", "--config", path. Must be set.
	Env    []string  // added to this process's environment
	Tee    io.Writer // gets its log as well, if not nil
}

// Daemon is the daemon under test, on the router.
type Daemon struct {
	lab  *Lab
	opts DaemonOptions

	mu   sync.Mutex // guards proc and old
	proc *process
	old  string // what earlier processes have logged
}

// StartDaemon starts the daemon in the router's namespace and waits until it
// is ready: its health page answers on the LAN. ctx bounds the wait alone; the
// daemon runs until it is stopped or the lab is closed. If the daemon ends
// while it starts, the error is an *[ExitError] with its last log lines.
func (l *Lab) StartDaemon(ctx context.Context, o DaemonOptions) (*Daemon, error) {
	d := &Daemon{lab: l, opts: o}
	l.onClose(func() { _ = d.Stop() })
	if err := d.Start(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Start starts the daemon again after [Daemon.Kill] or [Daemon.Stop], and
// waits until it is ready.
func (d *Daemon) Start(ctx context.Context) error {
	p, err := d.launch()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := d.lab.lan.HTTPClient(ClientOptions{Timeout: 10 * time.Second})
	err = p.until(ctx, 10*time.Millisecond, func() bool { return healthy(ctx, client) })
	if err != nil {
		return fmt.Errorf("the daemon is not ready: %w", err)
	}
	return nil
}

func (d *Daemon) launch() (*process, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc != nil && d.proc.running() {
		return nil, fmt.Errorf("the daemon runs already, as process %d", d.proc.cmd.Process.Pid)
	}
	if d.proc != nil {
		d.old += d.proc.log.String()
	}
	binary, err := filepath.Abs(d.opts.Binary)
	if err != nil {
		return nil, err
	}
	cmd := d.lab.router.Command(context.Background(), binary, d.opts.Args...)
	cmd.Dir = d.lab.dir
	cmd.Env = append(os.Environ(), d.opts.Env...)
	p, err := start("vouchsafe", cmd, d.opts.Tee)
	if err == nil {
		d.proc = p
	}
	return p, err
}

func healthy(ctx context.Context, c *http.Client) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, healthURL, nil)
	if err != nil {
		return false
	}
	resp, err := c.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (d *Daemon) current() *process {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.proc
}

// Kill ends the daemon with SIGKILL, as a crash would, and returns when it is
// gone.
func (d *Daemon) Kill() {
	if p := d.current(); p != nil {
		p.kill()
	}
}

// Stop asks the daemon to end (SIGTERM), kills it if it takes too long, and
// returns how it ended.
func (d *Daemon) Stop() error {
	if p := d.current(); p != nil {
		return p.stop()
	}
	return nil
}

// Signal sends a signal to the daemon.
func (d *Daemon) Signal(sig syscall.Signal) error { return d.current().signal(sig) }

// PID returns the daemon's process id.
func (d *Daemon) PID() int { return d.current().cmd.Process.Pid }

// Done is closed when the daemon that was started last has ended.
func (d *Daemon) Done() <-chan struct{} { return d.current().done }

// Exit returns how the daemon that was started last has ended, with its last
// log lines. It waits for the end.
func (d *Daemon) Exit() *ExitError {
	p := d.current()
	<-p.done
	return &ExitError{Name: p.name, Err: p.err, Log: p.log.last(lastLines)}
}

// Log returns what the daemon has logged, over all its starts, as far as it is
// kept.
func (d *Daemon) Log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc == nil {
		return d.old
	}
	return d.old + d.proc.log.String()
}
