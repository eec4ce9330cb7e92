package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// demo is the lab behind `make run`.
type demo struct {
	id                 string
	binary             string
	lanAddr, guestAddr string
	guests             int
	verbose            bool
	out, err           io.Writer

	lab      *netlab.Lab
	daemon   *netlab.Daemon
	lanLn    net.Listener
	guestLn  net.Listener
	proxyEnd func()
	key      string
	voucher  voucher
}

// run brings the demo up, waits for Ctrl-C, and leaves nothing behind.
func (d *demo) run(ctx context.Context) (err error) {
	if err := d.check(ctx); err != nil {
		return err
	}
	defer d.closeListeners()
	defer func() { err = errors.Join(err, d.close()) }()
	begin := time.Now()
	for _, s := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"making the network", d.makeLab},
		{"starting the daemon", d.startDaemon},
		{"waiting for the guests' leases", func(ctx context.Context) error { return d.lab.Leases(ctx) }},
		{"opening the ports", d.open},
		{"making a voucher", d.prepare},
	} {
		if err := d.step(ctx, s.what, s.do); err != nil {
			if ctx.Err() != nil {
				return nil // Ctrl-C: not a failure
			}
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	if err := d.screen(time.Since(begin)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(d.out, "\nCleaning up …")
		return nil
	case <-d.daemon.Done():
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("the daemon has ended: %w", d.daemon.Exit())
	}
}

// check finds out what would fail later, before anything is made.
func (d *demo) check(ctx context.Context) error {
	if err := netlab.Check(); err != nil {
		return err
	}
	if st, err := os.Stat(d.binary); err != nil || st.IsDir() || st.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not a program; build it with `make build`, or name it with --vouchsafe", d.binary)
	}
	// First, since a demo that runs holds the ports as well.
	if err := netlab.Cleanup(ctx, d.id); err != nil {
		return err
	}
	var err error
	if d.lanLn, err = listen(ctx, d.lanAddr, "--lan"); err != nil {
		return err
	}
	if d.guestLn, err = listen(ctx, d.guestAddr, "--guest"); err != nil {
		d.closeListeners()
	}
	return err
}

func listen(ctx context.Context, addr, flag string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(addr)
		return nil, fmt.Errorf("%s is in use by another program (see `ss -ltnp sport = :%s`); stop it, or choose another address with %s",
			addr, port, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return ln, nil
}

func (d *demo) closeListeners() {
	for _, ln := range []net.Listener{d.lanLn, d.guestLn} {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// step does one thing, and says which if it takes more than a second.
func (d *demo) step(ctx context.Context, what string, do func(context.Context) error) error {
	begin := time.Now()
	slow := time.AfterFunc(time.Second, func() { fmt.Fprintf(d.out, "… %s\n", what) })
	err := do(ctx)
	if !slow.Stop() && err == nil {
		fmt.Fprintf(d.out, "  done in %.1f s\n", time.Since(begin).Seconds())
	}
	return err
}

func (d *demo) makeLab(ctx context.Context) (err error) {
	log := slog.New(slog.NewTextHandler(d.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	d.lab, err = netlab.New(ctx, netlab.Options{ID: d.id, Guests: d.guests, Log: log})
	return err
}

func (d *demo) startDaemon(ctx context.Context) error {
	config, err := d.lab.WriteConfig(netlab.Config{})
	if err != nil {
		return err
	}
	o := netlab.DaemonOptions{Binary: d.binary, Args: []string{"daemon", "--config", config}}
	if d.verbose {
		o.Tee = d.err
	}
	d.daemon, err = d.lab.StartDaemon(ctx, o)
	return err
}

// open lets this machine's browser in.
func (d *demo) open(ctx context.Context) error {
	d.lab.ForwardListener(ctx, d.lanLn, d.lab.LAN(), netlab.RouterLAN4+":80")
	eyes := newEyes(d.lab.Guest(1).DialContext)
	srv := &http.Server{
		Handler: eyes, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(d.guestLn)
	}()
	d.proxyEnd = func() {
		_ = srv.Close()
		eyes.close()
		<-done
	}
	return nil
}

// prepare switches the API on and makes a voucher through it, as an
// integrator would.
func (d *demo) prepare(ctx context.Context) (err error) {
	for _, args := range [][]string{{"settings", "set", "api.post", "on"}, {"settings", "set", "api.get", "on"}} {
		if _, err := d.cli(ctx, args...); err != nil {
			return err
		}
	}
	if d.key, err = d.cli(ctx, "key", "show"); err != nil {
		return err
	}
	client := d.lab.LAN().HTTPClient(netlab.ClientOptions{})
	d.voucher, err = createVoucher(ctx, client, "http://"+netlab.RouterLAN4+"/api/", d.key)
	return err
}

// cli runs the daemon's command line.
func (d *demo) cli(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, d.binary, append([]string{"--data", d.lab.DataDir()}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("vouchsafe %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

func (d *demo) close() error {
	if d.proxyEnd != nil {
		d.proxyEnd()
	}
	if d.lab == nil {
		return nil
	}
	return d.lab.Close()
}
