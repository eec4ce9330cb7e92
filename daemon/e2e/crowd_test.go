package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// What the attack is made of.
const (
	crowdGuests = 40  // devices that attack; each one's share is less than the total by far
	crowdConns  = 250 // connections of each: ten thousand in all
	crowdSYNs   = 10_000
)

// TestCrowd opens ten thousand connections to the portal, from one device and
// from forty, leaves them idle or halfway through a request and opens new ones
// all the time; and it sends as many first packets of connections that never
// come about. Meanwhile a new guest gets the page and logs in, one who is
// online stays so, the API answers, and the daemon stays small.
func TestCrowd(t *testing.T) {
	h := newHouse(t, "crowd", netlab.Options{Guests: crowdGuests + 4})
	online := h.Guest(1)
	user, pass := h.voucher(nil)
	h.login(online, user, pass)
	attackers := h.Guests()[4:]
	before := h.footprint()
	h.sub(t, "first packets", func(h *house) {
		h.get(attackers[0].Host, netlab.PortalURL+"/welcome") // so that it knows the router's MAC
		h.floodSYN(attackers[0], crowdSYNs)
		h.stillServes(h.Guest(2))
	})
	h.sub(t, "one device", func(h *house) {
		a := newAttack(h, attackers[:1], crowdGuests*crowdConns)
		h.stillServes(h.Guest(3))
		a.stop(h.t)
	})
	h.sub(t, "many devices", func(h *house) {
		a := newAttack(h, attackers, crowdConns)
		h.stillServes(h.Guest(4))
		a.stop(h.t)
	})
	eventually(t, "the daemon lets go of the attackers' connections", func() bool {
		return h.footprint().files <= before.files+16
	})
	after := h.footprint()
	t.Logf("resident: %d kB before, %d kB after, at most %d kB; open files: %d, %d", before.resident, after.resident, after.most, before.files, after.files)
	if grown := after.most - before.resident; grown > 20<<10 {
		t.Errorf("the daemon grew by %d kB", grown)
	}
	select {
	case <-h.daemon.Done():
		t.Error("the daemon ended")
	default:
	}
}

// sub runs a part of a test in the same house.
func (h *house) sub(t *testing.T, name string, f func(*house)) {
	t.Run(name, func(t *testing.T) {
		in := *h
		in.t = t
		f(&in)
	})
}

// stillServes looks at everything that must go on during an attack.
func (h *house) stillServes(newcomer *netlab.Guest) {
	t := h.t
	t.Helper()
	begun := time.Now()
	user, pass := h.voucher(nil)
	api := time.Since(begun)
	var slowest time.Duration
	const tries = 10
	for range tries {
		begun := time.Now()
		resp, page, err := h.get(newcomer.Host, netlab.PortalURL+"/welcome")
		if err != nil || resp.StatusCode != 200 || !strings.Contains(page, `id="code"`) {
			t.Errorf("the portal does not answer a newcomer: %v after %v", err, time.Since(begun))
			continue
		}
		slowest = max(slowest, time.Since(begun))
	}
	begun = time.Now()
	h.login(newcomer, user, pass)
	login := time.Since(begun)
	h.released(newcomer)
	h.released(h.Guest(1))
	now := h.footprint()
	t.Logf("API %v; portal's page at most %v in %d tries; login %v; daemon %d kB resident, %d files",
		api, slowest, tries, login, now.resident, now.files)
	// Every listener's limit and what the daemon needs itself.
	if now.files > 256+128+64 {
		t.Errorf("%d files are open", now.files)
	}
}

// footprint is what the daemon holds: resident memory now and at most, in kB,
// and open files.
type footprint struct{ resident, most, files int }

func (h *house) footprint() (f footprint) {
	h.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(h.daemon.PID()))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		for name, to := range map[string]*int{"VmRSS:": &f.resident, "VmHWM:": &f.most} {
			if rest, ok := strings.CutPrefix(line, name); ok {
				if _, err := fmt.Sscan(rest, to); err != nil {
					h.t.Fatal(err)
				}
			}
		}
	}
	fds, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		h.t.Fatal(err)
	}
	f.files = len(fds)
	return f
}

// attack is devices that keep connections to the portal open and say nothing,
// or half of something.
type attack struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup
	opened atomic.Int64
	errs   chan error
}

// newAttack begins an attack and returns once each device has opened its
// connections; from then on each puts new ones in place of its oldest.
func newAttack(h *house, from []*netlab.Guest, each int) *attack {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	a := &attack{cancel: cancel, errs: make(chan error, len(from))}
	h.t.Cleanup(a.wait.Wait)
	h.t.Cleanup(cancel)
	begun := time.Now()
	var ready sync.WaitGroup
	for _, g := range from {
		ready.Add(1)
		a.wait.Go(func() {
			var once sync.Once
			defer once.Do(ready.Done)
			// One thread in the namespace for all of them.
			if err := g.Do(func() error { return a.run(ctx, each, func() { once.Do(ready.Done) }) }); err != nil {
				a.errs <- fmt.Errorf("%s: %w", g.Name(), err)
			}
		})
	}
	ready.Wait()
	h.t.Logf("%d connections of %d devices in %v", a.opened.Load(), len(from), time.Since(begun).Round(time.Millisecond))
	return a
}

func (a *attack) run(ctx context.Context, each int, ready func()) error {
	fds := make([]int, 0, each)
	defer func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	}()
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		if n >= each {
			ready()
			select {
			case <-pace.C:
			case <-ctx.Done():
				return nil
			}
			_ = unix.Close(fds[n%each])
		}
		fd, err := connect(n)
		if err != nil {
			return err
		}
		if n < each {
			fds = append(fds, fd)
		} else {
			fds[n%each] = fd
		}
		a.opened.Add(1)
	}
	return nil
}

// connect opens a connection that stays silent, or sends half a request.
func connect(n int) (int, error) {
	family, to := portalAt(n)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 2})
	switch err = unix.Connect(fd, to); {
	case err == nil:
	case errors.Is(err, unix.EINTR): // by the runtime; the kernel goes on with it
	case errors.Is(err, unix.EINPROGRESS), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EADDRNOTAVAIL):
		// Not answered in time, or hung up on: that is the portal's right.
	default:
		_ = unix.Close(fd)
		return -1, fmt.Errorf("connect: %w", err)
	}
	said := []string{
		"", "GET /welcome HTTP/1.1\r\nHost: 192.168.0.1:2050\r\n",
		"POST /login HTTP/1.1\r\nHost: 192.168.0.1:2050\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ncode=",
	}[n%3]
	if said != "" {
		_ = unix.Sendto(fd, []byte(said), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, nil)
	}
	return fd, nil
}

// portalAt is the portal by IPv4 and IPv6 in turn.
func portalAt(n int) (family int, to unix.Sockaddr) {
	if n%2 == 0 {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: netip.MustParseAddr(netlab.RouterGuest4).As4(), Port: netlab.PortalPort}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Addr: netip.MustParseAddr(netlab.RouterGuest6).As16(), Port: netlab.PortalPort}
}

func (a *attack) stop(t *testing.T) {
	t.Helper()
	a.cancel()
	a.wait.Wait()
	close(a.errs)
	for err := range a.errs {
		t.Error(err)
	}
	t.Logf("%d connections in all", a.opened.Load())
}
