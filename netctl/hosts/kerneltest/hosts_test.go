package kerneltest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/hosts"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// holds reports whether a device is known with an address.
func (w *table) holds(g guest, a string) bool {
	h, ok := w.ByMAC(g.mac)
	return ok && slices.Contains(h.Addrs, ip(a))
}

// TestLearn: a device is known as soon as it says a word, with each address,
// even one that it has not used yet.
func TestLearn(t *testing.T) {
	router(t)
	w, _ := start(t, hosts.Config{})
	g := newGuest(t, 1)
	eventually(t, "the device appears by itself", func() bool { _, ok := w.ByMAC(g.mac); return ok })
	eventually(t, "that is news", func() bool { return w.told(g.mac) > 0 })

	g.run("ip", "addr", "add", "192.168.0.10/24", "dev", "eth0")
	g.talk("192.168.0.1")
	eventually(t, "its IPv4 address is known", func() bool { return w.holds(g, "192.168.0.10") })
	if h, ok := w.ByAddr(ip("192.168.0.10")); !ok || h.MAC != g.mac {
		t.Errorf("ByAddr: %+v %v", h, ok)
	}

	before := w.told(g.mac)
	g.run("ip", "addr", "add", "fd5a:1::aaaa/64", "dev", "eth0") // announced by its probe for duplicates only
	announced := time.Now()
	eventually(t, "a new IPv6 address is known before it is used", func() bool {
		if time.Since(announced) > 10*time.Second { // the one probe may have got lost
			announced = time.Now()
			g.try("ip", "addr", "del", "fd5a:1::aaaa/64", "dev", "eth0")
			g.try("ip", "addr", "add", "fd5a:1::aaaa/64", "dev", "eth0")
		}
		return w.holds(g, "fd5a:1::aaaa")
	})
	eventually(t, "that is news too", func() bool { return w.told(g.mac) > before })

	h, _ := w.ByMAC(g.mac)
	for _, a := range h.Addrs {
		if a.IsLinkLocalUnicast() {
			t.Errorf("link-local address in %v", h.Addrs)
		}
	}
	ll := linkLocal(t, g)
	eventually(t, "its link-local address works", func() bool { return g.tryTalk("fe80::1%eth0", "") == nil })
	if h, ok := w.ByAddr(ll.WithZone("br-guest")); !ok || h.MAC != g.mac {
		t.Errorf("by link-local %v: %+v %v", ll, h, ok)
	}
	if h, ok := w.ByAddr(ip("192.168.0.1")); ok {
		t.Errorf("the router is a guest: %+v", h)
	}
	for _, h := range w.List() {
		if h.MAC != g.mac {
			t.Errorf("a stranger: %+v", h)
		}
	}
}

// linkLocal gives the router fe80::1 and returns the guest's own address.
func linkLocal(t *testing.T, g guest) netip.Addr {
	t.Helper()
	run(t, "ip", "addr", "add", "fe80::1/64", "dev", "br-guest", "nodad")
	for _, f := range strings.Fields(g.run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link")) {
		if p, err := netip.ParsePrefix(f); err == nil {
			return p.Addr()
		}
	}
	t.Fatal("the guest has no link-local address")
	return netip.Addr{}
}

// TestEarlier: what the kernel knew before the table ran counts.
func TestEarlier(t *testing.T) {
	router(t)
	g := newGuest(t, 1)
	g.run("ip", "addr", "add", "192.168.0.10/24", "dev", "eth0")
	g.talk("192.168.0.1")
	w, _ := start(t, hosts.Config{})
	if h, ok := w.ByAddr(ip("192.168.0.10")); !ok || h.MAC != g.mac {
		// The table may not have read anything yet: the kernel is asked.
		t.Errorf("%+v %v", h, ok)
	}
	eventually(t, "the kernel's table is taken up", func() bool { return w.holds(g, "192.168.0.10") })
}

// TestTheft: a device that takes the address of one that is let in does not
// become it.
func TestTheft(t *testing.T) {
	router(t)
	victim := newGuest(t, 1)
	w, _ := start(t, hosts.Config{LeaseFile: writeLeases(t, fmt.Sprintf("0 %s 192.168.0.10 phone *", strings.ToLower(victim.mac.String())))})
	victim.run("ip", "addr", "add", "192.168.0.10/24", "dev", "eth0")
	victim.talk("192.168.0.1")
	eventually(t, "the victim is known", func() bool { return w.holds(victim, "192.168.0.10") })
	h, _ := w.ByMAC(victim.mac)
	if h.Name != "phone" {
		t.Errorf("name %q", h.Name)
	}
	w.Keep(victim.mac, true)

	thief := newGuest(t, 2)
	thief.run("ip", "addr", "add", "192.168.0.10/24", "dev", "eth0")
	_ = thief.tryTalk("192.168.0.1", "") // answered or not
	eventually(t, "the conflict is noticed", func() bool { return w.logged("address conflict") })
	if !w.holds(victim, "192.168.0.10") || w.holds(thief, "192.168.0.10") {
		t.Error("the address was stolen")
	}
}

// entry returns the kernel's neighbour entry of an address.
func entry(a string) string { return try("ip", "neigh", "get", a, "dev", "br-guest") }

// TestPin: the kernel holds on to the address of a device that is let in, and
// is given its own judgement back afterwards.
func TestPin(t *testing.T) {
	router(t)
	victim := newGuest(t, 1)
	mac := strings.ToLower(victim.mac.String())
	w, stop := start(t, hosts.Config{Pin: true, LeaseFile: writeLeases(t, fmt.Sprintf("0 %s 192.168.0.10 phone *", mac))})
	victim.run("ip", "addr", "add", "192.168.0.10/24", "dev", "eth0")
	victim.run("ip", "addr", "add", "fd5a:1::10/64", "dev", "eth0", "nodad")
	victim.talk("192.168.0.1")
	victim.talk("fd5a:1::1")
	eventually(t, "the victim is known", func() bool { return w.holds(victim, "192.168.0.10") })
	w.Keep(victim.mac, true)
	for _, a := range []string{"192.168.0.10", "fd5a:1::10"} {
		eventually(t, a+" is pinned", func() bool { return strings.Contains(entry(a), "PERMANENT") })
	}

	thief := newGuest(t, 2)
	thief.run("ip", "addr", "add", "192.168.0.10/24", "dev", "eth0")
	_ = thief.tryTalk("192.168.0.1", "") // answered or not
	// The bridge may have taken another MAC with its new port, and lost its
	// table: the pin comes back.
	eventually(t, "the kernel is not deceived", func() bool {
		_ = thief.tryTalk("192.168.0.1", "")
		e := entry("192.168.0.10")
		return strings.Contains(e, mac) && strings.Contains(e, "PERMANENT")
	})
	thief.run("ip", "addr", "flush", "dev", "eth0")

	w.Keep(victim.mac, false)
	eventually(t, "it is released", func() bool { return !strings.Contains(entry("192.168.0.10"), "PERMANENT") })
	victim.talk("192.168.0.1")
	w.Keep(victim.mac, true)
	eventually(t, "it is pinned again", func() bool { return strings.Contains(entry("192.168.0.10"), "PERMANENT") })
	stop()
	if all := run(t, "ip", "neigh", "show", "nud", "permanent", "dev", "br-guest"); strings.Contains(all, mac) {
		t.Errorf("left behind: %s", all)
	}
	victim.talk("192.168.0.1")
}

// TestReplug: the interface may go away and come back under its name.
func TestReplug(t *testing.T) {
	router(t)
	g := newGuest(t, 1)
	w, _ := start(t, hosts.Config{})
	eventually(t, "the device is known", func() bool { _, ok := w.ByMAC(g.mac); return ok })
	run(t, "ip", "link", "del", "br-guest")
	eventually(t, "the loss is noticed", func() bool { return w.logged("interface") })
	bridge(t)
	g.plug(1)
	g.run("ip", "addr", "add", "192.168.0.10/24", "dev", "eth0")
	eventually(t, "the device is known with its new address", func() bool {
		_ = g.tryTalk("192.168.0.1", "") // the bridge may not forward yet
		return w.holds(g, "192.168.0.10")
	})
	eventually(t, "frames are watched again", func() bool {
		g.try("ip", "addr", "replace", "fd5a:1::aaaa/64", "dev", "eth0")
		return w.holds(g, "fd5a:1::aaaa")
	})
}

// TestFlood: a swarm of neighbour events, more than the socket holds, costs
// nobody their place.
func TestFlood(t *testing.T) {
	router(t)
	g := newGuest(t, 1)
	w, _ := start(t, hosts.Config{})
	g.run("ip", "addr", "add", "192.168.0.10/24", "dev", "eth0")
	g.talk("192.168.0.1")
	eventually(t, "the device is known", func() bool { return w.holds(g, "192.168.0.10") })
	w.Keep(g.mac, true)

	var swarm sync.WaitGroup
	for n := range 4 {
		path := writeBatch(t, n)
		swarm.Go(func() { try("ip", "-force", "-batch", path) })
	}
	swarm.Wait()
	t.Logf("events were lost: %v", w.logged("neighbour events were lost"))
	if n := len(w.List()); n > 4096 {
		t.Errorf("%d devices", n)
	}
	if !w.holds(g, "192.168.0.10") {
		t.Error("the guest was pushed out")
	}
	g.run("ip", "addr", "add", "192.168.0.11/24", "dev", "eth0")
	if err := g.talkFrom("192.168.0.1", "192.168.0.11", plenty); err != nil {
		t.Error(err)
	}
	eventually(t, "news still arrive", func() bool { return w.holds(g, "192.168.0.11") })
}

// TestDHCP: a real server and a real client.
func TestDHCP(t *testing.T) {
	router(t)
	g := newGuest(t, 1)
	dir := t.TempDir()
	lease := filepath.Join(dir, "leases")
	w, _ := start(t, hosts.Config{LeaseFile: lease})
	server := exec.Command("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=br-guest",
		"--bind-interfaces", "--dhcp-range=192.168.0.50,192.168.0.99,1h", "--dhcp-leasefile="+lease, "--user=root",
		"--pid-file="+filepath.Join(dir, "pid"), "--no-ping")
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()
	})
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n[ \"$1\" = bound ] && ip addr add \"$ip/24\" dev \"$interface\"\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	g.run("udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", "80", "-T", "1", "-x", "hostname:phone", "-s", script)
	eventually(t, "the device is known with its name and address", func() bool {
		h, ok := w.ByMAC(g.mac)
		return ok && h.Name == "phone" && len(h.Addrs) == 1 && h.Addrs[0].Is4()
	})
}

// writeBatch writes commands that make many neighbours.
func writeBatch(t *testing.T, n int) string {
	t.Helper()
	var batch strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&batch, "neigh replace fd5a:1::%x:%x lladdr 02:aa:00:%02x:%02x:%02x dev br-guest nud permanent\n",
			n+1, i+2, n, i>>8, i&0xff)
	}
	path := filepath.Join(t.TempDir(), "batch")
	if err := os.WriteFile(path, []byte(batch.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
