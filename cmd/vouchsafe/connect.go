package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// dialTimeout is how long the control socket may take to accept.
const dialTimeout = 3 * time.Second

// place is where a daemon's things are.
type place struct {
	data   string
	socket string
	// named: the socket was named by hand, so there is no other way in.
	named bool
}

// locate finds out which daemon is meant.
func (a *app) locate() (place, error) {
	p := place{data: a.data, socket: a.socket, named: a.socket != ""}
	if p.data == "" {
		p.data = a.getenv("VOUCHSAFE_DATA")
	}
	if p.data == "" && !p.named {
		cfg, err := config.Load(a.confPath)
		switch {
		case err == nil:
			p.data, p.socket = cfg.Data, cfg.ControlSocket()
		case !errors.Is(err, fs.ErrNotExist):
			return p, fmt.Errorf("%w\nname the data directory with --data, or correct the file", err)
		}
	}
	if p.data == "" {
		p.data = defaultData
	}
	if p.socket == "" {
		p.socket = config.Config{Data: p.data}.ControlSocket()
	}
	return p, nil
}

// use says what a command does to the data directory.
type use int

const (
	reads  use = iota // the directory must be there
	writes            // it is made if it is not
)

// with runs f with a client of the running daemon or, when none runs, of the
// store itself; never both.
func (a *app) with(ctx context.Context, u use, f func(*v1.Client) error) (err error) {
	p, err := a.locate()
	if err != nil {
		return err
	}
	running, err := answers(ctx, p.socket)
	if err != nil {
		return err
	}
	if running {
		return f(v1.NewClient(v1.DialUnix(p.socket)))
	}
	if p.named {
		return fmt.Errorf("no daemon answers at %s; start it, or leave --socket out to work on the data directory", p.socket)
	}
	if err := prepare(p.data, u); err != nil {
		return err
	}
	handler, closeStore, err := a.offline(ctx, a.stopped(p.data))
	if err != nil {
		// A daemon that is just starting has the store before the socket.
		if running, _ := answers(ctx, p.socket); running {
			return f(v1.NewClient(v1.DialUnix(p.socket)))
		}
		return fmt.Errorf("no daemon answers at %s, and its store cannot be opened: %w; if a daemon runs, name its control socket with --socket", p.socket, err)
	}
	defer func() {
		if e := closeStore(); e != nil && err == nil {
			err = fmt.Errorf("close store: %w", e)
		}
	}()
	return f(v1.NewClient(v1.InProcess(handler)))
}

// stopped is the configuration of a daemon that does not run: the usual file's,
// if it is about this data directory.
func (a *app) stopped(data string) config.Config {
	if cfg, err := config.Load(a.confPath); err == nil && filepath.Clean(cfg.Data) == filepath.Clean(data) {
		return cfg
	}
	cfg := config.Default()
	cfg.Data = data
	return cfg
}

// answers reports whether a daemon listens at a socket.
func answers(ctx context.Context, socket string) (bool, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "unix", socket)
	switch {
	case err == nil:
		return true, conn.Close()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		return false, fmt.Errorf("the control socket %s may not be opened by this user; try as root, with sudo", socket)
	}
	return false, fmt.Errorf("reach the daemon: %w; is %s its control socket?", err, socket)
}

// prepare makes sure that there is a directory to work on.
func prepare(dir string, u use) error {
	_, err := os.Stat(dir)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist) && u == writes:
		if err := os.MkdirAll(filepath.Clean(dir), 0o700); err != nil {
			return fmt.Errorf("make the data directory: %w; name another with --data", err)
		}
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no data directory %s; name the daemon's with --data, or start the daemon", dir)
	}
	return fmt.Errorf("look at the data directory: %w; try as root, with sudo, or name another with --data", err)
}
