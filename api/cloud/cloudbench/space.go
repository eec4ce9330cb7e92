package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// space is a network namespace. It has no name: it goes with this program, also
// when that is killed.
type space struct {
	jobs chan func()
	once sync.Once
}

// newSpace makes a namespace with loopback up.
func newSpace() (*space, error) {
	s := &space{jobs: make(chan func())}
	begun := make(chan error, 1)
	go s.serve(begun)
	if err := <-begun; err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return s, s.do(func() error { return raise("lo", "") })
}

// serve does the jobs on a thread that is in the namespace and ends with it.
func (s *space) serve(begun chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		// What the main thread is in counts as the whole process's. While this one
		// holds it, the next one gets another.
		again := make(chan error, 1)
		go s.serve(again)
		begun <- <-again
		runtime.UnlockOSThread()
		return
	}
	err := unix.Unshare(unix.CLONE_NEWNET)
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w: it needs root", err)
	}
	begun <- err
	if err != nil {
		return
	}
	for job := range s.jobs {
		job()
	}
}

// do does something in the namespace. Sockets that f opens and programs that it
// starts stay there; goroutines that it starts do not.
func (s *space) do(f func() error) error {
	done := make(chan error, 1)
	s.jobs <- func() { done <- f() }
	return <-done
}

func (s *space) close() { s.once.Do(func() { close(s.jobs) }) }

// dial connects by TCP from the namespace.
func (s *space) dial(ctx context.Context, address string) (conn net.Conn, err error) {
	err = s.do(func() (err error) {
		// An address without a name: nothing is looked up on other threads.
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", address)
		return err
	})
	return conn, err
}

// raise gives an interface of the namespace that it runs in an address, if there
// is one, and sets it up.
func raise(name, address string) error {
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer nl.Close()
	link, err := nl.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	if address != "" {
		addr, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		if err := nl.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("address %s: %w", address, err)
		}
	}
	return nl.LinkSetUp(link)
}

// plainTCP makes the namespace that it runs in use a congestion control that goes
// by losses, as routers' systems do: CUBIC, if the machine lets namespaces choose
// it, or else Reno, which all may. It returns which.
func plainTCP() (string, error) {
	const at = "/proc/sys/net/ipv4/tcp_congestion_control"
	var err error
	for _, name := range []string{"cubic", "reno"} {
		if err = os.WriteFile(at, []byte(name), 0o644); err == nil {
			return name, nil
		}
	}
	return "", err
}
