package netlab

import (
	"context"
	_ "embed" // the DHCP client's script
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

//go:embed udhcpc.sh
var udhcpcScript string

// Guest is a guest's device.
type Guest struct {
	*Host
	lab  *Lab
	port string // the other end of its cable, on the router's bridge

	mu     sync.Mutex // held while the client is started, stopped or asked
	client *process   // the DHCP client; nil if there is none
}

// Lease is what a guest was given.
type Lease struct {
	Addr    netip.Addr   // by DHCP
	Router  string       // the same
	DNS     []string     // the same
	Time    string       // the lease's, in seconds
	Addrs6  []netip.Addr // by SLAAC, on the guest network's prefix
	Options map[string]string
}

// DHCP starts the guest's DHCP client, if it does not run, and waits for a
// lease and for an IPv6 address. The client then keeps the lease.
func (g *Guest) DHCP(ctx context.Context) (Lease, error) {
	return g.withLease(ctx, func() error {
		if g.client != nil && g.client.running() {
			return g.client.signal(syscall.SIGUSR1)
		}
		return g.startClient()
	})
}

// Renew asks for the lease to be renewed now.
func (g *Guest) Renew(ctx context.Context) (Lease, error) {
	return g.withLease(ctx, func() error {
		if g.client == nil {
			return errors.New("no DHCP client runs")
		}
		return g.client.signal(syscall.SIGUSR1)
	})
}

// Release gives the lease back and stops the client.
func (g *Guest) Release(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.client == nil {
		return nil
	}
	if err := g.client.signal(syscall.SIGUSR2); err != nil {
		return fmt.Errorf("%s: release: %w", g.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := poll(ctx, 10*time.Millisecond, func() (bool, error) {
		_, err := os.Stat(g.leasePath())
		return errors.Is(err, fs.ErrNotExist), nil
	})
	g.stopClient()
	if err != nil {
		return fmt.Errorf("%s: release: %w", g.name, err)
	}
	return nil
}

// withLease removes what is known of the last lease, asks for one, and waits.
func (g *Guest) withLease(ctx context.Context, ask func() error) (Lease, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	lease, err := g.await(ctx, ask)
	if err != nil {
		return Lease{}, fmt.Errorf("%s: DHCP: %w", g.name, err)
	}
	return lease, nil
}

func (g *Guest) await(ctx context.Context, ask func() error) (lease Lease, err error) {
	if err := os.Remove(g.leasePath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Lease{}, err
	}
	if err := ask(); err != nil {
		return Lease{}, err
	}
	err = g.client.until(ctx, 5*time.Millisecond, func() bool {
		lease, err = readLease(g.leasePath())
		return err == nil
	})
	if err != nil {
		return Lease{}, fmt.Errorf("%w; the client said: %s", err, g.client.log.last(3))
	}
	lease.Addrs6, err = g.await6(ctx)
	return lease, err
}

// await6 waits for an address on the guest network's IPv6 prefix.
func (g *Guest) await6(ctx context.Context) (found []netip.Addr, err error) {
	net6 := netip.MustParsePrefix(GuestNet6)
	want := 1
	if g.lab.opts.Privacy {
		want = 2
	}
	err = poll(ctx, 5*time.Millisecond, func() (bool, error) {
		all, err := g.Addrs()
		found = found[:0]
		for _, a := range all {
			if net6.Contains(a) {
				found = append(found, a)
			}
		}
		return len(found) >= want, err
	})
	if err != nil {
		return nil, fmt.Errorf("no IPv6 address: %w", err)
	}
	return found, nil
}

// startClient runs udhcpc. The caller holds the mutex.
func (g *Guest) startClient() error {
	script, err := g.lab.writeFile(g.name+".udhcpc", udhcpcScript, 0o700)
	if err != nil {
		return err
	}
	cmd := g.Command(context.Background(), "udhcpc", "-f", "-i", hostLink, "-s", script,
		"-t", "90", "-T", "1", "-A", "1", "-x", "hostname:"+g.name)
	cmd.Dir = g.lab.dir
	cmd.Env = append(os.Environ(), "LAB_RESOLV="+g.resolv, "LAB_LEASE="+g.leasePath())
	if g.client, err = start("udhcpc of "+g.name, cmd, nil); err != nil {
		return err
	}
	g.lab.onClose(g.client.kill)
	return nil
}

// stopClient ends the client without a word to the server, as a device does
// that walks away. The caller holds the mutex.
func (g *Guest) stopClient() {
	if g.client != nil {
		g.client.kill()
		g.client = nil
	}
}

func (g *Guest) leasePath() string { return filepath.Join(g.lab.dir, g.name+".lease") }

func readLease(path string) (Lease, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Lease{}, err
	}
	l := Lease{Options: map[string]string{}}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			l.Options[key] = value
		}
	}
	if l.Addr, err = netip.ParseAddr(l.Options["ip"]); err != nil {
		return Lease{}, fmt.Errorf("lease: %w", err)
	}
	l.Router, l.Time, l.DNS = l.Options["router"], l.Options["lease"], strings.Fields(l.Options["dns"])
	return l, nil
}

// Unplug pulls the guest's cable: it keeps its addresses, but hears and
// reaches nobody.
func (g *Guest) Unplug() error { return g.lab.router.setDown(g.port) }

// Plug puts the cable back.
func (g *Guest) Plug() error { return g.lab.router.setUp(g.port) }

// SetMAC gives the guest another hardware address, as a phone does that
// randomises it: its addresses are gone, and it must ask for a lease again.
func (g *Guest) SetMAC(mac net.HardwareAddr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopClient()
	if err := g.flush(); err != nil {
		return err
	}
	if err := g.setDown(hostLink); err != nil {
		return err
	}
	l, err := g.nl.LinkByName(hostLink)
	if err == nil {
		err = g.nl.LinkSetHardwareAddr(l, mac)
	}
	if err != nil {
		return fmt.Errorf("%s: set MAC %s: %w", g.name, mac, err)
	}
	return g.setUp(hostLink)
}

// SetAddr gives the guest a fixed IPv4 address on the guest network instead of
// its lease, without asking anybody.
func (g *Guest) SetAddr(a netip.Addr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopClient()
	if err := g.flush(); err != nil {
		return err
	}
	if err := g.AddAddr(netip.PrefixFrom(a, 24)); err != nil {
		return err
	}
	if err := writeResolv(g.resolv, RouterGuest4); err != nil {
		return err
	}
	return g.defaultRoute(hostLink, RouterGuest4)
}

// UnplugWAN pulls the router's uplink; PlugWAN puts it back.
func (l *Lab) UnplugWAN() error { return l.upstream.setDown(hostLink) }

// PlugWAN undoes [Lab.UnplugWAN].
func (l *Lab) PlugWAN() error { return l.upstream.setUp(hostLink) }
