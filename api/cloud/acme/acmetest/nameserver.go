// Package acmetest is a certificate authority and a name server for tests: real
// ones, on the loopback.
package acmetest

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The key that the name server takes updates with.
const (
	KeyName   = "relay-key."
	KeySecret = "c2l4dGVlbiBieXRlcyBhdCBsZWFzdCwgYmFzZTY0"
)

// NameServer is a primary for a few zones, which takes signed updates.
type NameServer struct {
	Addr string     // host:port, by UDP and TCP
	mu   sync.Mutex // guards what follows
	rrs  map[string][]dns.RR
	past []string // what was changed
}

// NewNameServer starts one until the test ends.
func NewNameServer(t testing.TB, zones ...string) *NameServer {
	t.Helper()
	s := &NameServer{rrs: map[string][]dns.RR{}}
	for _, zone := range zones {
		s.Add(t, zone+" 60 IN SOA ns."+zone+" admin."+zone+" 1 60 60 60 60")
	}
	tcp, udp := listen(t)
	s.Addr = tcp.Addr().String()
	var wg sync.WaitGroup
	for _, srv := range []*dns.Server{{Listener: tcp}, {PacketConn: udp}} {
		srv.Handler, srv.TsigSecret = s, map[string]string{KeyName: KeySecret}
		srv.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
		up := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(up) }
		wg.Go(func() { _ = srv.ActivateAndServe() }) // ends with the shutdown
		<-up
		t.Cleanup(func() { _ = srv.Shutdown() })
	}
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _, _ = tcp.Close(), udp.Close() })
	return s
}

// listen listens by TCP and UDP on the same port: one that is free for the one may be
// somebody's for the other.
func listen(t testing.TB) (tcp net.Listener, udp net.PacketConn) {
	t.Helper()
	var err error
	for range 20 {
		if tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			break
		}
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return tcp, udp
		}
		tcp.Close()
	}
	t.Fatal(err)
	return nil, nil
}

// Add puts a record into a zone.
func (s *NameServer) Add(t testing.TB, text string) {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rrs[rr.Header().Name] = append(s.rrs[rr.Header().Name], rr)
}

// ServeDNS implements dns.Handler.
func (s *NameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(q)
	if q.Opcode == dns.OpcodeUpdate {
		s.update(w, q, m)
	} else {
		s.answer(q.Question[0], m)
	}
	_ = w.WriteMsg(m) // whoever asked asks again
}

func (s *NameServer) answer(q dns.Question, m *dns.Msg) {
	for _, rr := range s.rrs[strings.ToLower(q.Name)] {
		if c, ok := rr.(*dns.CNAME); ok {
			m.Answer = append(m.Answer, rr)
			s.answer(dns.Question{Name: c.Target, Qtype: q.Qtype}, m)
		} else if rr.Header().Rrtype == q.Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
}

func (s *NameServer) update(w dns.ResponseWriter, q, m *dns.Msg) {
	zone := q.Question[0].Name
	if t := q.IsTsig(); t == nil || w.TsigStatus() != nil {
		m.Rcode = dns.RcodeNotAuth
		if t != nil {
			refusal := &dns.TSIG{Hdr: t.Hdr, Algorithm: t.Algorithm, TimeSigned: t.TimeSigned, Fudge: t.Fudge, OrigId: q.Id, Error: dns.RcodeBadSig}
			if t.Hdr.Name != KeyName {
				refusal.Error = dns.RcodeBadKey
			}
			m.Extra = append(m.Extra, refusal)
		}
		return
	}
	m.SetTsig(KeyName, q.IsTsig().Algorithm, 300, time.Now().Unix())
	if len(s.rrs[zone]) == 0 {
		m.Rcode = dns.RcodeNotAuth
		return
	}
	for _, rr := range q.Ns {
		h := rr.Header()
		if !strings.HasPrefix(h.Name, "_acme-challenge.") && !strings.HasPrefix(h.Name, "proof.") {
			m.Rcode = dns.RcodeRefused
			return
		}
		name := h.Name
		if h.Class == dns.ClassNONE {
			s.past = append(s.past, "- "+name)
			var rest []dns.RR
			for _, is := range s.rrs[name] {
				if txt, ok := is.(*dns.TXT); !ok || txt.Txt[0] != rr.(*dns.TXT).Txt[0] {
					rest = append(rest, is)
				}
			}
			s.rrs[name] = rest
			continue
		}
		s.past = append(s.past, "+ "+name)
		s.rrs[name] = append(s.rrs[name], rr)
	}
}

// Changes are what was put in and taken out, in order.
func (s *NameServer) Changes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.past...)
}

// Texts are those of a name's TXT records.
func (s *NameServer) Texts(name string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rr := range s.rrs[name] {
		if txt, ok := rr.(*dns.TXT); ok {
			out = append(out, strings.Join(txt.Txt, ""))
		}
	}
	return out
}
