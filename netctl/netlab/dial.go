package netlab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A question to a name server is sent so many times, and each is waited for so
// long; dialTimeout bounds one attempt to connect.
const (
	lookups       = 4
	lookupTimeout = 3 * time.Second
	dialTimeout   = 30 * time.Second
)

// DialContext connects from inside the host. Names are resolved by the name
// servers of the host's resolv.conf; IPv4 is tried first, as systems do that
// have only a unique local IPv6 address.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := h.resolve(ctx, network, name)
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, a := range addrs {
		c, err := h.dialOne(ctx, len(addrs)-i, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// dialOne dials a literal address, in its share of the time that is left.
func (h *Host) dialOne(ctx context.Context, shares int, network, address string) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && shares > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	return h.dial(ctx, net.Dialer{}, network, address)
}

// dial dials a literal address, for as long as the host lives.
func (h *Host) dial(ctx context.Context, d net.Dialer, network, address string) (c net.Conn, err error) {
	h.dials.Add(1)
	defer h.dials.Done()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	defer context.AfterFunc(h.life, cancel)()
	err = h.Do(func() (err error) {
		c, err = d.DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// DialFrom connects to a literal address from one of the host's addresses.
func (h *Host) DialFrom(ctx context.Context, local netip.Addr, network, address string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))}
	if strings.HasPrefix(network, "udp") {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return h.dial(ctx, d, network, address)
}

// Listen listens for connections inside the host.
func (h *Host) Listen(ctx context.Context, network, address string) (ln net.Listener, err error) {
	err = h.Do(func() (err error) {
		ln, err = (&net.ListenConfig{}).Listen(ctx, network, address)
		return err
	})
	return ln, err
}

// ListenPacket listens for datagrams inside the host.
func (h *Host) ListenPacket(ctx context.Context, network, address string) (pc net.PacketConn, err error) {
	err = h.Do(func() (err error) {
		pc, err = (&net.ListenConfig{}).ListenPacket(ctx, network, address)
		return err
	})
	return pc, err
}

// resolve returns the addresses of a name that suit the network ("tcp4",
// "udp6" …).
func (h *Host) resolve(ctx context.Context, network, name string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	if name == "" {
		return nil, fmt.Errorf("%s: dial: no host given", h.name)
	}
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	switch {
	case strings.HasSuffix(network, "4"):
		types = types[:1]
	case strings.HasSuffix(network, "6"):
		types = types[1:]
	}
	return h.lookup(ctx, name, types)
}

// Resolve asks the host's name servers for the addresses of a name, IPv4
// first.
func (h *Host) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return h.lookup(ctx, name, []uint16{dns.TypeA, dns.TypeAAAA})
}

func (h *Host) lookup(ctx context.Context, name string, types []uint16) ([]netip.Addr, error) {
	conf, err := dns.ClientConfigFromFile(h.resolv)
	if err != nil {
		return nil, fmt.Errorf("%s: name servers: %w", h.name, err)
	}
	if len(conf.Servers) == 0 {
		return nil, &net.DNSError{Err: h.name + " has no name server", Name: name}
	}
	var found []netip.Addr
	var errs []error
	for _, t := range types {
		var answer *dns.Msg
		for _, s := range conf.Servers {
			if answer, err = h.Ask(ctx, net.JoinHostPort(s, "53"), name, t); err == nil {
				break
			}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, addrsOf(answer)...)
	}
	if len(found) == 0 {
		errs = append(errs, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true})
		return nil, errors.Join(errs...)
	}
	return found, nil
}

// Ask asks a name server (address and port) one question, as dig does: again, if
// there is no answer.
func (h *Host) Ask(ctx context.Context, server, name string, qtype uint16) (answer *dns.Msg, err error) {
	for range lookups {
		if answer, err = h.askOnce(ctx, server, name, qtype); err == nil || !isTimeout(err) || ctx.Err() != nil {
			break
		}
	}
	return answer, err
}

func (h *Host) askOnce(ctx context.Context, server, name string, qtype uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	conn, err := h.dialOne(ctx, 1, "udp", server)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	defer conn.Close()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	answer, _, err := (&dns.Client{Timeout: lookupTimeout}).ExchangeWithConnContext(ctx, m, &dns.Conn{Conn: conn})
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", server, name, err)
	}
	return answer, nil
}

func addrsOf(m *dns.Msg) []netip.Addr {
	var found []netip.Addr
	for _, rr := range m.Answer {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			found = append(found, a.Unmap())
		}
	}
	return found
}

// ClientOptions choose how [Host.HTTPClient] behaves.
type ClientOptions struct {
	// Network "tcp4" or "tcp6" keeps to one family; empty: both.
	Network string
	// Redirects are followed if set, else handed back.
	Redirects bool
	// KeepAlive lets connections be used again. Without it, each request is
	// a new connection, which meets the gate as it is now.
	KeepAlive bool
	// Timeout of a request with its body; 0: 30 s, less than 0: none.
	Timeout time.Duration
}

// HTTPClient returns a client whose connections leave from inside the host.
func (h *Host) HTTPClient(o ClientOptions) *http.Client {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if o.Network != "" {
				network = o.Network
			}
			return h.DialContext(ctx, network, address)
		},
		DisableKeepAlives:  !o.KeepAlive,
		DisableCompression: true,
	}
	c := &http.Client{Transport: t, Timeout: dialTimeout}
	if o.Timeout != 0 {
		c.Timeout = max(o.Timeout, 0)
	}
	if !o.Redirects {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return c
}
