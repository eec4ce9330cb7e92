package doctor

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const dhcpPort = 67

// dhcpFacts are about the server that gives guests their addresses.
type dhcpFacts struct {
	err       error
	listening bool
	owner     string // empty: not known
	leases    string // the configured file; empty: none
	leasesErr error
	count     int // of leases in the guest network
}

// maxLeases bounds what is read of a lease file.
const maxLeases = 1 << 20

func (x *exam) dhcp(context.Context) []Finding {
	f := dhcpFacts{leases: x.Config.Network.Leases}
	waiting, err := x.sys.sockets("udp")
	f.err = err
	for _, s := range waiting {
		if s.at.Port() == dhcpPort {
			f.listening, f.owner = true, x.sys.owner(s.inode)
		}
	}
	if f.leases != "" {
		f.count, f.leasesErr = x.sys.countLeases(f.leases, x.guest)
	}
	return judgeDHCP(f)
}

// countLeases counts the leases of the guest network in dnsmasq's file.
func (s *system) countLeases(name string, guest *link) (n int, err error) {
	file, err := s.root.Open(within(name))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxLeases))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 3 || guest == nil {
			continue
		}
		a, err := netip.ParseAddr(f[2])
		if err != nil {
			continue
		}
		for _, p := range guest.prefixes {
			if p.Contains(a) {
				n++
				break
			}
		}
	}
	return n, lines.Err()
}

func judgeDHCP(f dhcpFacts) []Finding {
	switch {
	case f.err != nil:
		return one(Unknown, "", "which programs wait for packets: %v", f.err)
	case !f.listening:
		return one(Problem, "start the DHCP server and let it serve the guest interface: on OpenWrt see /etc/config/dhcp and /etc/init.d/dnsmasq restart; if another machine on the guest network gives the addresses, ignore this",
			"nothing waits on UDP port 67: guests get no address")
	}
	var who any = f.owner
	if f.owner == "" {
		who = hotspot.Textf("a program")
	}
	switch {
	case f.leases == "":
		return one(Warning, "set network.leases to its lease file, such as /tmp/dhcp.leases: devices are then shown by name, and their addresses are protected", "%s serves DHCP; network.leases is not set", who)
	case errors.Is(f.leasesErr, fs.ErrNotExist):
		return one(Warning, "if guests are there already, correct network.leases: their names and addresses are read from it", "%s serves DHCP; there is no lease file %s yet", who, f.leases)
	case f.leasesErr != nil:
		return one(Warning, "let the daemon read it, or correct network.leases", "%s serves DHCP; the lease file cannot be read: %v", who, f.leasesErr)
	}
	return fine("%s serves DHCP; %d leases on the guest network", who, f.count)
}

// portFacts are about the ports that the daemon listens on.
type portFacts struct {
	err     error
	running bool
	backend config.Backend
	wanted  []wantedPort
}

// wantedPort is where the daemon listens, or will.
type wantedPort struct {
	key   string
	at    netip.AddrPort
	taken bool
	owner string // empty: not known
}

func (x *exam) ports(context.Context) []Finding {
	if x.ConfigErr != nil {
		return nil // which ports is not known
	}
	f := portFacts{running: x.Daemon != nil, backend: x.Config.Network.Backend}
	for _, w := range lanPorts(x.Config) {
		if w.at.Port() != 0 {
			f.wanted = append(f.wanted, w)
		}
	}
	if x.Config.Guest.Interface != "" {
		f.wanted = append(f.wanted, wantedPort{key: "guest.portal_port", at: netip.AddrPortFrom(netip.IPv6Unspecified(), x.Config.Guest.PortalPort)})
	}
	waiting, err := x.sys.sockets("tcp")
	f.err = err
	for i := range f.wanted {
		w := &f.wanted[i]
		for _, s := range waiting {
			if s.takes(w.at) && !w.taken {
				w.taken, w.owner = true, x.sys.owner(s.inode)
			}
		}
	}
	return judgePorts(f)
}

func judgePorts(f portFacts) []Finding {
	if f.err != nil {
		return one(Unknown, "", "which programs wait for connections: %v", f.err)
	}
	var all []Finding
	for _, w := range f.wanted {
		var at any = w.at
		if w.at.Addr().IsUnspecified() {
			at = hotspot.Textf("port %s", strconv.Itoa(int(w.at.Port())))
		}
		switch {
		case !f.running && w.taken:
			var who any = w.owner
			if w.owner == "" {
				who = hotspot.Textf("another program")
			}
			add(&all, Problem, "stop it or move it, or choose another %s", "%s of %s is taken by %s: the daemon cannot start", at, w.key, who)
			if do(all, w.key); strings.HasPrefix(w.owner, "uhttpd") {
				all[len(all)-1].Remedy = hotspot.Textf("move it: uci set uhttpd.main.listen_http=0.0.0.0:8081; uci commit uhttpd; /etc/init.d/uhttpd restart; or choose another %s", w.key)
			}
		case f.running && !w.taken && f.backend != config.BackendMemory:
			add(&all, Problem, "restart the daemon: it runs with another configuration", "nothing waits at %s of %s, although the daemon runs", at, w.key)
		}
	}
	if f.running {
		return list(all, "the daemon waits where it should")
	}
	return list(all, "the ports are free")
}

func (x *exam) dns(ctx context.Context) []Finding {
	var f netFacts
	select {
	case f = <-x.net:
		x.net <- f // the next check wants it, too
	case <-ctx.Done():
		return one(Unknown, "", "the name server took too long")
	}
	return judgeDNS(f, x.Host)
}

func judgeDNS(f netFacts, host string) []Finding {
	const serve = "let the router's name server (dnsmasq) listen on the guest interface: on OpenWrt see /etc/config/dhcp; guests' name lookups are led to it"
	if errors.Is(f.udp.err, errNoServer) {
		return one(Problem, "give the guest interface an address", "the guest interface has no address, so nobody can ask it for names")
	}
	var all []Finding
	switch {
	case f.udp.err != nil && f.tcp.err != nil && f.tcp.there:
		return judgeAnswer(answer{code: rcodeServFail}, f.server, host) // it waits for others
	case f.udp.err != nil && f.tcp.err != nil:
		return one(Problem, serve, "no name server answers at %s: guests cannot open the portal by itself, nor any page (%s)", f.server, reason(f.udp.err))
	case f.udp.err != nil:
		add(&all, Problem, serve, "the name server at %s answers by TCP only (%s)", f.server, reason(f.udp.err))
	case f.tcp.err != nil:
		add(&all, Warning, serve, "the name server at %s answers by UDP only (%s): long answers fail", f.server, reason(f.tcp.err))
	}
	a := f.udp
	if a.err != nil {
		a = f.tcp
	}
	return list(append(all, judgeAnswer(a, f.server, host)...), "%s resolves %s", f.server, host)
}

// judgeAnswer judges what a name server said.
func judgeAnswer(a answer, server netip.Addr, host string) []Finding {
	const upstream = "see to the name servers that the router itself asks: on OpenWrt in /tmp/resolv.conf.d/resolv.conf.auto"
	switch {
	case a.code == rcodeServFail || a.code == rcodeRefused:
		return one(Problem, upstream, "the name server at %s is there, and cannot resolve %s: it reaches no name server of the internet", server, host)
	case a.code == rcodeNoName || a.code == rcodeOK && len(a.addrs) == 0:
		return one(Problem, upstream+"; if a filter is meant to withhold this name, try another with --host", "the name server at %s says that there is no %s: devices will not find out that they are behind a portal", server, host)
	case a.code != rcodeOK:
		return one(Problem, upstream, "the name server at %s answers with error %d", server, a.code)
	}
	for _, addr := range a.addrs {
		if addr.IsPrivate() || addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() {
			return one(Problem, upstream+": it may be the name server of another portal, or a filter", "%s resolves to %s, which is no address of the internet", host, addr)
		}
	}
	return nil
}

// reason says in short why somebody did not answer.
func reason(err error) hotspot.Text {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return hotspot.Textf("refused")
	case errors.As(err, &timeout) && timeout.Timeout():
		return hotspot.Textf("no answer in time")
	}
	return hotspot.Because(err)
}

func (x *exam) internet(ctx context.Context) []Finding {
	select {
	case f := <-x.net:
		return judgeInternet(f.internet, x.Host)
	case <-ctx.Done():
		return one(Unknown, "", "the internet took too long")
	}
}

// farOff is a difference of clocks that no slow line explains.
const farOff = 2 * time.Minute

func judgeInternet(r response, host string) []Finding {
	const status = 204
	switch {
	case !r.tried:
		return one(Unknown, "see to DNS first", "without an address of %s, the internet was not tried", host)
	case r.err != nil:
		return one(Problem, "see to the router's own connection: guests reach no more than the router does", "%s does not answer (%s): the router has no internet", host, reason(r.err))
	case r.status != status:
		const remedy = "log the router in at the portal before it, or see to the provider"
		if r.location != "" {
			return one(Problem, remedy, "%s answers with status %d instead of %d and leads to %s: somebody answers in its place", host, r.status, status, r.location)
		}
		return one(Problem, remedy, "%s answers with status %d instead of %d: somebody answers in its place", host, r.status, status)
	}
	off := r.took.Sub(r.date)
	if !r.date.IsZero() && (off > farOff || off < -farOff) {
		const remedy = "let NTP set the clock, or set it by hand, then run: vouchsafe clock synced"
		if off < 0 {
			return one(Problem, remedy, "the internet is reached; the router's clock is %v behind that of %s", -off.Round(time.Second), host)
		}
		return one(Problem, remedy, "the internet is reached; the router's clock is %v ahead of that of %s", off.Round(time.Second), host)
	}
	return fine("%s answers as it should", host)
}
