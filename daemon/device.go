package daemon

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/links"
)

// openAgain is how soon a socket is opened again that could not be.
const openAgain = time.Second

// deviceListener listens at a network interface, which may come later in the
// boot, go away, and come back as another one of the same name: the kernel binds
// a socket to the interface itself. It is a net.Listener whose Accept waits
// while there is none.
type deviceListener struct {
	device string
	at     net.Addr
	open   func() (net.Listener, error)
	log    *slog.Logger
	done   chan struct{}
	news   chan struct{} // raised when the interface was replaced or came

	mu     sync.Mutex   // guards what follows
	ln     net.Listener // nil: none at present
	index  int          // of the interface that it is bound to; 0: not known
	closed bool
}

// newDeviceListener opens the socket, or waits for the interface. Whatever
// else is wrong is an error.
func newDeviceListener(device string, at net.Addr, log *slog.Logger, open func() (net.Listener, error)) (*deviceListener, error) {
	d := &deviceListener{device: device, at: at, open: open, log: log, done: make(chan struct{}), news: make(chan struct{}, 1)}
	ln, err := open()
	switch {
	case noDevice(err):
		log.Warn("the interface is missing; waiting for it", "interface", device, "address", at.String())
	case err != nil:
		return nil, err
	default:
		d.ln, d.index, d.at = ln, deviceIndex(device), ln.Addr()
	}
	return d, nil
}

func deviceIndex(name string) int {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return ifi.Index
}

// Accept implements net.Listener.
func (d *deviceListener) Accept() (net.Conn, error) {
	for {
		ln, err := d.current()
		if err != nil {
			return nil, err
		}
		if ln == nil {
			d.wait()
			continue
		}
		c, err := ln.Accept()
		if err == nil {
			return c, nil
		}
		if !d.replaced(ln) {
			return nil, err
		}
	}
}

// current returns the socket, opened if it can be; nil if it cannot.
func (d *deviceListener) current() (net.Listener, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, net.ErrClosed
	}
	if d.ln != nil {
		return d.ln, nil
	}
	ln, err := d.open()
	if err != nil {
		if !noDevice(err) {
			d.log.Error("cannot listen; it will be tried again", "interface", d.device, "address", d.at.String(), "error", err)
		}
		return nil, nil
	}
	d.ln, d.index = ln, deviceIndex(d.device)
	d.log.Info("listening", "interface", d.device, "address", d.at.String())
	return ln, nil
}

// replaced reports whether a socket failed because it is not the current one.
func (d *deviceListener) replaced(ln net.Listener) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.closed && d.ln != ln
}

// wait returns when there is a reason to try again.
func (d *deviceListener) wait() {
	t := time.NewTimer(openAgain)
	defer t.Stop()
	select {
	case <-d.done:
	case <-d.news:
	case <-t.C:
	}
}

// linksChanged gives up a socket whose interface is not there any more. One
// that was renamed is still there.
func (d *deviceListener) linksChanged(s links.State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, ok := s.ByName(d.device)
	if !ok {
		l, _ = s.ByIndex(d.index)
	}
	if d.ln != nil && l.Index != d.index {
		d.ln.Close()
		d.ln = nil
	}
	if l.Index != 0 && d.ln == nil {
		select {
		case d.news <- struct{}{}:
		default:
		}
	}
}

// Close implements net.Listener.
func (d *deviceListener) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	d.closed = true
	close(d.done)
	if d.ln == nil {
		return nil
	}
	err := d.ln.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return err
}

// Addr implements net.Listener.
func (d *deviceListener) Addr() net.Addr { return d.at }
