package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// proberPort is where the internet listens for guests who are not let in.
const proberPort = 7777

// prober is a guest who is not let in and tries without end, over both
// families, while the internet counts what gets there.
type prober struct {
	sent, through atomic.Uint64
	stop          func()
}

func (h *house) probe(g *netlab.Guest) *prober {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	p := &prober{}
	var tasks sync.WaitGroup
	for network, to := range map[string]string{"udp4": netlab.Upstream4, "udp6": netlab.Upstream6} {
		at := net.JoinHostPort(to, fmt.Sprint(proberPort))
		server := h.packetSocket(h.Upstream(), network, at)
		guest := h.packetSocket(g.Host, network, "")
		target, err := net.ResolveUDPAddr(network, at)
		if err != nil {
			h.t.Fatal(err)
		}
		context.AfterFunc(ctx, func() { _, _ = server.Close(), guest.Close() })
		tasks.Go(func() {
			buf := make([]byte, 64)
			for {
				if _, _, err := server.ReadFrom(buf); err != nil {
					return
				}
				p.through.Add(1)
			}
		})
		tasks.Go(func() {
			pace := time.NewTicker(100 * time.Microsecond)
			defer pace.Stop()
			for ctx.Err() == nil {
				<-pace.C
				if _, err := guest.WriteTo([]byte("may I"), target); err == nil {
					p.sent.Add(1)
				}
			}
		})
	}
	p.stop = func() { cancel(); tasks.Wait() }
	h.t.Cleanup(p.stop)
	return p
}

func (h *house) packetSocket(on *netlab.Host, network, at string) (c net.PacketConn) {
	h.t.Helper()
	err := on.Do(func() (err error) {
		c, err = net.ListenPacket(network, at)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// more waits until the prober has sent n more packets.
func (h *house) more(p *prober, n uint64) {
	h.t.Helper()
	start := p.sent.Load()
	eventually(h.t, "the guest who is not let in tries", func() bool { return p.sent.Load() >= start+n })
}

// ip runs ip(8) on the router, several commands in one go.
func (h *house) ip(commands ...string) {
	h.t.Helper()
	h.ipOn(h.Router(), commands...)
}

func (h *house) ipOn(on *netlab.Host, commands ...string) {
	h.t.Helper()
	cmd := on.Command(h.t.Context(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("ip: %v: %s", err, out)
	}
}

func (h *house) says(text string) {
	h.t.Helper()
	eventually(h.t, "the status says "+text, func() bool { return strings.Contains(h.cli("status"), text) })
}

// TestNetworkChanges changes the network under a running daemon: a guest who is
// let in goes on as soon as there is a way, and of one who is not, not a packet
// gets through at any moment.
func TestNetworkChanges(t *testing.T) {
	h := newHouse(t, "net", netlab.Options{Guests: 2})
	in, out := h.Guest(1), h.Guest(2)
	user, pass := h.voucher(nil)
	h.login(in, user, pass)
	h.released(in)
	p := h.probe(out)
	const addr4, addr6 = "addr add 192.168.0.1/24 dev br-guest", "addr add " + netlab.RouterGuest6 + "/64 dev br-guest nodad"
	bridge := []string{
		"link add br-guest address 02:5a:9c:ff:00:01 type bridge", "link set guest1 master br-guest", "link set guest2 master br-guest",
		"link set br-guest up", addr4, addr6,
	}
	for _, step := range []struct {
		name   string
		change func()
	}{
		{"down and up", func() {
			h.ip("link set br-guest down")
			h.says("is down")
			h.ip("link set br-guest up", addr6)
		}},
		{"renamed", func() {
			h.ip("link set br-guest name br-moved")
			h.more(p, 1000)
			h.says("now called br-moved")
			h.released(in)
			h.caught(out)
		}},
		{"killed and started while renamed", func() {
			h.kill()
			h.more(p, 1000)
			h.released(in)
			h.start()
			h.says("now called br-moved")
			h.released(in)
			h.caught(out)
		}},
		{"killed, renamed, started", func() {
			h.kill()
			h.ip("link set br-moved name br-third")
			h.more(p, 1000)
			h.start()
			h.says("now called br-third")
			h.released(in)
		}},
		{"its own name again", func() {
			h.ip("link set br-third name br-guest")
			eventually(t, "no notice", func() bool { return !strings.Contains(h.cli("status"), "now called") })
		}},
		{"deleted", func() {
			h.ip("link del br-guest")
			h.ip("link set guest2 address 02:5a:9c:ff:00:01") // so that the router takes its packets
			h.more(p, 1000)
			h.says("is missing")
			h.ip("link set guest2 address 02:5a:9c:ee:00:02")
		}},
		{"made anew", func() { h.ip(bridge...) }},
		{"uplink down and up", func() {
			h.ip("link set wan0 down")
			h.more(p, 200)
			h.ip("link set wan0 up", "addr add 2001:db8:203::2/64 dev wan0 nodad", "route replace default via "+netlab.Upstream4, "route replace default via "+netlab.Upstream6)
		}},
		{"firewall reloaded", func() {
			if err := h.ReloadFirewall(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		begun, sent := time.Now(), p.sent.Load()
		step.change()
		h.more(p, 500)
		if step.name != "deleted" {
			h.released(in)
			h.caught(out)
		}
		t.Logf("%s: %d packets tried in %v, %d through", step.name, p.sent.Load()-sent, time.Since(begun).Round(time.Millisecond), p.through.Load())
	}
	p.stop()
	if n := p.through.Load(); n != 0 {
		t.Errorf("%d packets of a guest who is not let in got through", n)
	}
}

// TestFlushedRules measures what no daemon can prevent: somebody deletes all
// rules, and until they are back nothing refuses anything.
func TestFlushedRules(t *testing.T) {
	h := newHouse(t, "flush", netlab.Options{Guests: 2})
	user, pass := h.voucher(nil)
	h.login(h.Guest(1), user, pass)
	p := h.probe(h.Guest(2))
	h.more(p, 500)
	for range 4 { // as often as a restart of everything may do it
		if err := h.StopFirewall(t.Context()); err != nil {
			t.Fatal(err)
		}
		// How long it takes is the machine's business.
		eventually(t, "the rules come back", func() bool {
			passed := p.through.Load()
			h.more(p, 2000)
			return p.through.Load() == passed
		})
	}
	// Each family tries every 100 µs.
	t.Logf("%d packets passed before the rules were back, four times", p.through.Load())
	if err := h.ReloadFirewall(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.released(h.Guest(1))
	h.caught(h.Guest(2))
}

// TestAddressChange gives the guest network another address: the portal's
// redirect follows, and the session of a guest who is let in, too.
func TestAddressChange(t *testing.T) {
	h := newHouse(t, "addr", netlab.Options{Guests: 2})
	in, out := h.Guest(1), h.Guest(2)
	user, pass := h.voucher(nil)
	h.login(in, user, pass)
	h.ip("addr del 192.168.0.1/24 dev br-guest", "addr add 10.20.0.1/24 dev br-guest")
	for i, g := range h.Guests() {
		h.ipOn(g.Host, "addr flush dev eth0 scope global", fmt.Sprintf("addr add 10.20.0.%d/24 dev eth0", 50+i), "route replace default via 10.20.0.1")
	}
	eventually(t, "the redirect follows", func() bool {
		resp, _, err := h.get(out.Host, "http://"+netlab.ExampleIPv4+"/")
		return err == nil && resp.Header.Get("Location") == "http://10.20.0.1:2050/welcome"
	})
	if _, page, err := h.get(out.Host, "http://10.20.0.1:2050/welcome"); err != nil || !strings.Contains(page, "name=\"code\"") {
		t.Errorf("the login form at the new address: %v %s", err, text(page))
	}
	h.says("which br-guest does not have")
	eventually(t, "the guest goes on", func() bool {
		resp, _, err := h.get(in.Host, "http://"+netlab.ExampleIPv4+"/")
		return err == nil && resp.StatusCode == 200
	})
}

// TestLateInterfaces starts the daemon before the network is there, as a boot
// may do, and makes the LAN's interface anew later.
func TestLateInterfaces(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	lab, err := netlab.New(ctx, netlab.Options{ID: "late", Guests: 1})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{Lab: lab, t: t}
	t.Cleanup(func() {
		if t.Failed() && h.daemon != nil {
			t.Logf("the daemon's log:\n%s", h.daemon.Log())
		}
		if err := lab.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	if h.config, err = lab.WriteConfig(netlab.Config{Zone: "UTC", Period: time.Second, Flush: 5 * time.Second}); err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	conf = []byte(strings.NewReplacer("192.168.10.1:80", "0.0.0.0:80", "addresses: [192.168.0.1, 'fd5a:9c3e:71b4:1::1']", "").Replace(string(conf)))
	if err := os.WriteFile(h.config, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lab.Leases(ctx); err != nil {
		t.Fatal(err)
	}
	h.ip("link del br-guest", "link set lan0 down", "link set lan0 name later")
	log, waiting := io.Pipe()
	defer waiting.Close()
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		seen := ""
		buf := make([]byte, 4096)
		for !strings.Contains(seen, "msg=ready") {
			n, err := log.Read(buf)
			if err != nil {
				return
			}
			seen += string(buf[:n])
		}
		go func() { _, _ = io.Copy(io.Discard, log) }()
		for _, want := range []string{"the guest interface br-guest is missing", "the interface is missing; waiting for it"} {
			if !strings.Contains(seen, want) {
				t.Errorf("the log does not say %q:\n%s", want, seen)
			}
		}
		h.ipBatch("link set later name lan0", "link set lan0 up",
			"link add br-guest address 02:5a:9c:ff:00:01 type bridge", "link set guest1 master br-guest", "link set br-guest up",
			"addr add 192.168.0.1/24 dev br-guest", "addr add "+netlab.RouterGuest6+"/64 dev br-guest nodad")
	}()
	begun := time.Now()
	h.daemon, err = lab.StartDaemon(ctx, netlab.DaemonOptions{Binary: binary, Args: []string{"daemon", "--config", h.config}, Tee: waiting})
	if err != nil {
		waiting.Close() // who reads the log may wait for a line that does not come
	}
	<-arrived
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Logf("served on the LAN %v after the start", time.Since(begun).Round(time.Millisecond))
	h.caught(h.Guest(1))
	user := strings.Fields(h.cli("voucher", "create", "--username", "late", "--passcode", "later"))
	if len(user) == 0 {
		t.Fatal("no voucher")
	}
	h.login(h.Guest(1), "late", "later")
	h.released(h.Guest(1))

	// The LAN's interface goes and another one of its name comes.
	h.ip("link set lan0 down", "link set lan0 name old", "link add lan0 type bridge", "link set old master lan0",
		"addr del 192.168.10.1/24 dev old", "addr add 192.168.10.1/24 dev lan0", "link set old up", "link set lan0 up")
	eventually(t, "the API answers at the new interface", func() bool {
		resp, _, err := h.get(h.LAN(), "http://192.168.10.1/healthz")
		return err == nil && resp.StatusCode == 200
	})
}

// ipBatch is ip for goroutines other than the test's.
func (h *house) ipBatch(commands ...string) {
	cmd := h.Router().Command(h.t.Context(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Errorf("ip: %v: %s", err, out)
	}
}
