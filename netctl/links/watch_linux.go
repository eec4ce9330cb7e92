package links

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// patience bounds a question to the kernel, which answers at once. But a busy
	// router can hold up who asks for seconds.
	patience = time.Minute
	// swarm is how long events are gathered after the first of them was
	// answered: a bridge that comes up brings a dozen.
	swarm = 20 * time.Millisecond
	// backstop is how often the interfaces are read without any event.
	backstop = 30 * time.Second
)

// Read returns the interfaces as they are now.
func Read() (State, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, fmt.Errorf("links: open rtnetlink: %w", err)
	}
	defer conn.Close()
	return read(conn)
}

func read(conn *netlink.Conn) (State, error) {
	var err error
	for range 8 {
		var links, addrs []netlink.Message
		if links, err = dump(conn, unix.RTM_GETLINK, linkHeader); err == nil {
			addrs, err = dump(conn, unix.RTM_GETADDR, addrHeader)
		}
		if err == nil {
			return assemble(links, addrs), nil
		}
		if !errors.Is(err, unix.EINTR) { // the list changed while it was read
			break
		}
	}
	return nil, fmt.Errorf("links: %w", err)
}

func dump(conn *netlink.Conn, kind uint16, header int) ([]netlink.Message, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return conn.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | netlink.Dump},
		Data:   make([]byte, header),
	})
}

// Watch calls changed with the interfaces as they are, and again after each
// change, until ctx ends, which is the only nil return. Events only say that
// something changed: what there is, is read anew, so that lost events cost
// nothing. lost, which may be nil, is told of them.
func Watch(ctx context.Context, changed func(State), lost func()) error {
	events, err := subscribe()
	if err != nil {
		return err
	}
	defer events.Close()
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("links: open rtnetlink: %w", err)
	}
	defer conn.Close()
	w := &watch{events: events, lost: lost}
	defer context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })()
	var last State
	for first := true; ctx.Err() == nil; first = false {
		s, err := read(conn)
		if err != nil {
			return err
		}
		if first || !reflect.DeepEqual(s, last) {
			changed(s)
			last = s
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

func subscribe() (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, fmt.Errorf("links: open rtnetlink: %w", err)
	}
	for _, group := range []uint32{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR} {
		if err := conn.JoinGroup(group); err != nil {
			conn.Close()
			return nil, fmt.Errorf("links: subscribe to rtnetlink: %w", err)
		}
	}
	return conn, nil
}

// watch is one call of Watch.
type watch struct {
	events  *netlink.Conn
	lost    func()
	settled time.Time // until when events are gathered
}

// wait returns after the next event, or at the backstop.
func (w *watch) wait(ctx context.Context) error {
	if err := w.until(ctx, time.Now().Add(backstop)); err != nil || ctx.Err() != nil {
		return err
	}
	now := time.Now()
	if now.After(w.settled) { // the first for a while: answered at once
		w.settled = now.Add(swarm)
		return nil
	}
	for time.Now().Before(w.settled) && ctx.Err() == nil {
		if err := w.until(ctx, w.settled); err != nil {
			return err
		}
	}
	w.settled = time.Now().Add(swarm)
	return nil
}

// until returns after the next event, or at a time.
func (w *watch) until(ctx context.Context, at time.Time) error {
	if err := w.events.SetReadDeadline(at); err != nil {
		return fmt.Errorf("links: %w", err)
	}
	if ctx.Err() != nil {
		return nil
	}
	_, err := w.events.Receive()
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil, ctx.Err() != nil:
		return nil
	case errors.Is(err, unix.ENOBUFS):
		if w.lost != nil {
			w.lost()
		}
		return nil
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil
	}
	return fmt.Errorf("links: receive from rtnetlink: %w", err)
}
