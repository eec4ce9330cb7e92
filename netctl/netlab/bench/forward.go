package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netns"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	"github.com/vouchsafe/vouchsafe/netctl/nft"
)

const (
	gateTable = "vouchsafe"
	farPort   = 5001
	// Each of the crowd sends from a port of its own, so that the router's
	// masquerade keeps it and answers find their way.
	nearPort = 20000
	// guestAddr is where guest 1 is; the crowd's network lies behind it.
	guestAddr = "192.168.0.50"
)

// track is a lab for measuring forwarding: a router that masquerades, the gate
// in it without a daemon, and the crowd behind guest 1.
type track struct {
	*netlab.Lab
	ns       netns.NsHandle
	gate     *nft.Gate
	calm     func() // gives the processors back
	guestMAC net.HardwareAddr
	routerIn net.HardwareAddr // on the guests' bridge
	routerUp net.HardwareAddr // on the WAN
	farMAC   net.HardwareAddr
}

// newTrack builds the lab.
func newTrack(ctx context.Context, r *run) (t *track, err error) {
	t = &track{ns: netns.None()}
	if t.Lab, err = r.lab(ctx, "fwd", 1); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.ns, err = netns.GetFromName(t.Router().Namespace()); err != nil {
		return nil, err
	}
	if err := t.Guest(1).SetAddr(netip.MustParseAddr(guestAddr)); err != nil {
		return nil, err
	}
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	if err := t.addresses(); err != nil {
		return nil, err
	}
	t.calm, err = precedence()
	return t, err
}

func (t *track) close() error {
	if t.gate != nil {
		_ = t.gate.Close()
	}
	if t.calm != nil {
		t.calm()
	}
	if t.ns.IsOpen() {
		_ = t.ns.Close()
	}
	return t.Lab.Close()
}

// sink drops the measured datagrams where they arrive, before anything there
// costs time; the link has counted them by then.
const sink = `table ip sink {
	chain arrived {
		type filter hook prerouting priority raw; policy accept;
		udp sport %d drop
		udp dport %d drop
	}
}
`

// prepare routes the crowd's network, and leaves the router's work to the last
// processor while the first one makes the packets.
func (t *track) prepare(ctx context.Context) error {
	guest := t.Guest(1).Host
	steps := []struct {
		h     *netlab.Host
		stdin string
		args  []string
	}{
		{t.Router(), "", []string{"ip", "route", "add", crowdNet, "via", guestAddr}},
		{guest, "", []string{"ip", "route", "add", "local", crowdNet, "dev", "lo"}},
		{t.Upstream(), fmt.Sprintf(sink, nearPort-1, farPort), []string{"nft", "-f", "-"}},
		{guest, fmt.Sprintf(sink, farPort, nearPort-1), []string{"nft", "-f", "-"}},
	}
	for _, link := range []string{guest.Name(), netlab.WANLink} {
		steps = append(steps, struct {
			h     *netlab.Host
			stdin string
			args  []string
		}{t.Router(), "", []string{"sh", "-c", "echo " + lastCPU() + " > /sys/class/net/" + link + "/queues/rx-0/rps_cpus"}})
	}
	for _, s := range steps {
		if err := command(ctx, s.h, s.stdin, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// lastCPU is a mask of the last processor.
func lastCPU() string {
	n := len(strings.Split(strings.TrimSpace(firstLine("/sys/devices/system/cpu/online")), ","))
	var last int
	if _, err := fmt.Sscanf(firstLine("/sys/devices/system/cpu/online"), "0-%d", &last); err != nil || n > 1 {
		return "1"
	}
	return fmt.Sprintf("%x", 1<<min(last, 31))
}

// command runs a program on a host; what it says is in the error.
func command(ctx context.Context, h *netlab.Host, stdin string, args ...string) error {
	cmd := h.Command(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %s: %w: %s", h.Name(), strings.Join(args, " "), err, out)
	}
	return nil
}

func (t *track) addresses() (err error) {
	if t.guestMAC, err = t.Guest(1).MAC(); err != nil {
		return err
	}
	if t.farMAC, err = t.Upstream().MAC(); err != nil {
		return err
	}
	return t.Router().Do(func() error {
		for name, mac := range map[string]*net.HardwareAddr{netlab.GuestBridge: &t.routerIn, netlab.WANLink: &t.routerUp} {
			l, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			*mac = l.HardwareAddr
		}
		return nil
	})
}

// mostGuests is the daemon's default for how many guests there may be.
const mostGuests = 2048

// admit opens the gate with n of the crowd in it.
func (t *track) admit(ctx context.Context, n int) (err error) {
	indexes := map[string]uint32{}
	err = t.Router().Do(func() error {
		for _, name := range []string{netlab.GuestBridge, netlab.WANLink} {
			l, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			indexes[name] = uint32(l.Index)
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.gate, err = nft.New(nft.Config{
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), GuestInterface: netlab.GuestBridge, Uplinks: []string{netlab.WANLink},
		Protected: []string{netlab.LANLink}, MaxGuests: max(n, mostGuests), NetNS: int(t.ns), Indexes: indexes,
	})
	if err != nil {
		return err
	}
	if err := t.gate.Open(ctx); err != nil {
		return err
	}
	return t.gate.Set(ctx, crowdPasses(n)...)
}

// expel takes the gate and all guests away.
func (t *track) expel(ctx context.Context) error {
	err := errors.Join(t.gate.Teardown(ctx), t.gate.Close())
	t.gate = nil
	return err
}

// enforce switches a table on, or off so that packets do not meet it: a dormant
// table has no hooks, and is otherwise as it was.
func (t *track) enforce(ctx context.Context, table string, on bool) error {
	flags := " { flags dormant; }"
	if on {
		flags = " { }"
	}
	return command(ctx, t.Router(), "table inet "+table+flags+"\n", "nft", "-f", "-")
}

// lookupTable is a table of one lookup and nothing else: no gate that knows its
// guests can do with less. It tells what of a ratio is nftables' own price.
const lookupTable = "lookup"

// addLookup makes that table, dormant, for n of the crowd.
func (t *track) addLookup(ctx context.Context, n int) error {
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = crowdAddr(i).String()
	}
	return command(ctx, t.Router(), fmt.Sprintf(`table inet %[1]s
delete table inet %[1]s
table inet %[1]s {
	flags dormant
	set guests { type ipv4_addr; flags timeout; size %[2]d; elements = { %[3]s } }
	chain forward {
		type filter hook forward priority filter - 5; policy accept;
		oif "%[4]s" ip daddr @guests accept
	}
}
`, lookupTable, 2*max(n, mostGuests), strings.Join(addrs, ", "), netlab.GuestBridge), "nft", "-f", "-")
}

// inTrains repeats each frame, so that n of a kind follow one another.
func inTrains(frames []frame, n int) []frame {
	if n <= 1 {
		return frames
	}
	out := make([]frame, 0, n*len(frames))
	for _, f := range frames {
		for range n {
			out = append(out, f)
		}
	}
	return out
}

// frames makes one datagram for each of the first n of the crowd.
func (t *track) frames(n int, up bool) []frame {
	far := netip.AddrPortFrom(netip.MustParseAddr(netlab.Upstream4), farPort)
	out := make([]frame, n)
	for i := range out {
		if up {
			mac := crowdMAC(i)
			out[i] = frame{src: mac[:], dst: t.routerIn, from: netip.AddrPortFrom(crowdAddr(i), uint16(nearPort+i)), to: far, index: uint32(i)}
		} else {
			out[i] = frame{src: t.farMAC, dst: t.routerUp, from: far, to: netip.AddrPortFrom(netip.MustParseAddr(netlab.RouterWAN4), uint16(nearPort+i)), index: uint32(i)}
		}
	}
	return out
}

// rate returns how many packets a second a ring gets through to a host.
func (t *track) rate(ctx context.Context, r *ring, to *netlab.Host, d time.Duration) (float64, error) {
	before, err := to.Counters()
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := r.send(ctx, d); err != nil {
		return 0, err
	}
	took := time.Since(begun)
	after, err := to.Counters()
	return float64(after.RxPackets-before.RxPackets) / took.Seconds(), err
}

// bridgeHooks tells whether the router's bridge shows its packets to the IP
// hooks; "0" also if the kernel cannot do that.
func (t *track) bridgeHooks() string {
	value := "0"
	_ = t.Router().Do(func() error {
		if v := firstLine("/proc/sys/net/bridge/bridge-nf-call-iptables"); v != "unknown" {
			value = v
		}
		return nil
	})
	return value
}
