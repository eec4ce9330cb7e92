package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// The internet's ordinary names. Those of the probes are in [Probes].
const (
	ExampleSite = "www.example.lab"  // the page behind the portal
	ExampleIPv4 = "ipv4.example.lab" // the same, IPv4 only
	ExampleIPv6 = "ipv6.example.lab" // the same, IPv6 only
	windowsDNS  = "dns.msftncsi.com" // Windows asks for its address alone
)

// The classic services on the upstream's own addresses.
const (
	portEcho    = 7  // TCP and UDP: sends back what it gets
	portDiscard = 9  // TCP and UDP: reads and forgets
	portSource  = 19 // TCP: sends without end
)

// Internet is the upstream's servers: DNS, web, and the classic services.
type Internet struct {
	host  *Host
	log   *slog.Logger
	names map[string][]netip.Addr
	web   *http.Server
	dns   []*dns.Server

	wait    sync.WaitGroup
	mu      sync.Mutex // guards closing and closers
	closing bool
	closers map[io.Closer]struct{}

	sink sinkCount
}

func startInternet(ctx context.Context, h *Host, log *slog.Logger) (*Internet, error) {
	in := &Internet{host: h, log: log, names: internetNames(), closers: map[io.Closer]struct{}{}}
	for _, step := range []func(context.Context) error{in.addAddresses, in.serveDNS, in.serveWeb, in.serveClassics} {
		if err := step(ctx); err != nil {
			in.close()
			return nil, err
		}
	}
	return in, nil
}

// Addrs returns the addresses of a name, IPv4 first.
func (in *Internet) Addrs(name string) []netip.Addr {
	return append([]netip.Addr(nil), in.names[name]...)
}

// internetNames gives each name addresses of its own.
func internetNames() map[string][]netip.Addr {
	set := map[string]bool{ExampleSite: true, ExampleIPv4: true, ExampleIPv6: true}
	for _, p := range Probes() {
		set[p.Host] = true
	}
	var sorted []string
	for n := range set {
		sorted = append(sorted, n)
	}
	sort.Strings(sorted)
	names := map[string][]netip.Addr{
		windowsDNS: {netip.MustParseAddr(msftDNS4), netip.MustParseAddr(msftDNS6)},
	}
	for i, n := range sorted {
		v4 := netip.MustParseAddr(fmt.Sprintf(webNet4, 10+i))
		v6 := netip.MustParseAddr(fmt.Sprintf(webNet6, 10+i))
		switch {
		case strings.HasPrefix(n, "ipv6."):
			names[n] = []netip.Addr{v6}
		case strings.HasPrefix(n, "ipv4."):
			names[n] = []netip.Addr{v4}
		default:
			names[n] = []netip.Addr{v4, v6}
		}
	}
	return names
}

func (in *Internet) addAddresses(context.Context) error {
	for _, addrs := range in.names {
		for _, a := range addrs {
			if err := in.host.addAddr("lo", netip.PrefixFrom(a, a.BitLen())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *Internet) serveDNS(ctx context.Context) error {
	for _, addr := range []string{net.JoinHostPort(Upstream4, "53"), net.JoinHostPort(Upstream6, "53")} {
		pc, err := in.host.ListenPacket(ctx, "udp", addr)
		if err != nil {
			return err
		}
		ln, err := in.host.Listen(ctx, "tcp", addr)
		if err != nil {
			_ = pc.Close()
			return err
		}
		for _, s := range []*dns.Server{{PacketConn: pc}, {Listener: ln}} {
			s.Handler = dns.HandlerFunc(in.answer)
			started := make(chan struct{})
			s.NotifyStartedFunc = func() { close(started) }
			in.dns = append(in.dns, s)
			in.wait.Go(func() {
				if err := s.ActivateAndServe(); err != nil && !errors.Is(err, net.ErrClosed) {
					in.log.Error("the internet's DNS server ended", "err", err)
				}
			})
			<-started
		}
	}
	return nil
}

// answer is authoritative for everything: a name that it does not know does
// not exist.
func (in *Internet) answer(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	if len(q.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		_ = w.WriteMsg(m)
		return
	}
	asked := q.Question[0]
	addrs, known := in.names[strings.TrimSuffix(strings.ToLower(asked.Name), ".")]
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	for _, a := range addrs {
		head := dns.RR_Header{Name: asked.Name, Class: dns.ClassINET, Ttl: 60}
		switch {
		case a.Is4() && asked.Qtype == dns.TypeA:
			head.Rrtype = dns.TypeA
			m.Answer = append(m.Answer, &dns.A{Hdr: head, A: a.AsSlice()})
		case a.Is6() && asked.Qtype == dns.TypeAAAA:
			head.Rrtype = dns.TypeAAAA
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: head, AAAA: a.AsSlice()})
		}
	}
	_ = w.WriteMsg(m)
}

// serveClassics serves echo, discard and source, and accepts and closes on
// 443, where nobody in the lab has a certificate.
func (in *Internet) serveClassics(ctx context.Context) error {
	for port, serve := range map[int]func(net.Conn){
		portEcho:    func(c net.Conn) { _, _ = io.Copy(c, c) },
		portDiscard: func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		portSource:  func(c net.Conn) { _, _ = io.Copy(c, endless{}) },
		443:         func(net.Conn) {},
	} {
		ln, err := in.host.Listen(ctx, "tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return err
		}
		in.track(ln)
		in.wait.Go(func() { in.acceptAll(ln, serve) })
	}
	for _, port := range []int{portEcho, portDiscard} {
		// One socket per address, so that answers leave from the one asked.
		for _, addr := range []string{Upstream4, Upstream6} {
			pc, err := in.host.ListenPacket(ctx, "udp", net.JoinHostPort(addr, fmt.Sprint(port)))
			if err != nil {
				return err
			}
			in.track(pc)
			in.wait.Go(func() { datagrams(pc, port == portEcho) })
		}
	}
	return nil
}

func (in *Internet) acceptAll(ln net.Listener, serve func(net.Conn)) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		in.wait.Go(func() {
			if in.track(c) {
				serve(c)
			}
			in.untrack(c)
		})
	}
}

func datagrams(pc net.PacketConn, echo bool) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		if echo {
			_, _ = pc.WriteTo(buf[:n], from)
		}
	}
}

// track makes close end c; false: it is too late, c is closed.
func (in *Internet) track(c io.Closer) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closing {
		_ = c.Close()
		return false
	}
	in.closers[c] = struct{}{}
	return true
}

func (in *Internet) untrack(c io.Closer) {
	in.mu.Lock()
	delete(in.closers, c)
	in.mu.Unlock()
	_ = c.Close()
}

func (in *Internet) close() {
	in.mu.Lock()
	in.closing = true
	for c := range in.closers {
		_ = c.Close()
	}
	in.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, s := range in.dns {
		_ = s.ShutdownContext(ctx)
	}
	if in.web != nil {
		_ = in.web.Close()
	}
	in.wait.Wait()
}

// endless is an endless source of bytes.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte('a' + i%26)
	}
	return len(p), nil
}
