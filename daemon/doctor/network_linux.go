package doctor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// netFacts are what the name server and the internet answered.
type netFacts struct {
	server   netip.Addr // the router's name server, as guests reach it
	udp, tcp answer
	internet response
}

// answer is what a name server said.
type answer struct {
	err   error // it did not answer
	there bool  // it took a connection all the same
	code  uint8 // RCODE
	addrs []netip.Addr
}

// response is what the probe host said.
type response struct {
	err      error
	tried    bool
	status   int
	location string
	date     time.Time // by the host's clock
	took     time.Time // when it was read, by ours
}

// askWithin bounds each of the questions. Two follow one another.
const askWithin = 2 * time.Second

// askNetwork asks the guests' name server for the probe host, and the host for
// the page by which devices find out whether the internet is there.
func askNetwork(ctx context.Context, o Options) (f netFacts) {
	f.server = nameServer(o)
	if !f.server.IsValid() {
		f.udp.err = errNoServer
		f.tcp.err = errNoServer
		return f
	}
	var both sync.WaitGroup
	at := netip.AddrPortFrom(f.server, 53).String()
	both.Go(func() { f.udp = ask(ctx, "udp", at, o.Host) })
	both.Go(func() { f.tcp = ask(ctx, "tcp", at, o.Host) })
	both.Wait()
	for _, a := range append(f.udp.addrs, f.tcp.addrs...) {
		f.internet = fetch(ctx, a, o.Host)
		break
	}
	return f
}

var errNoServer = hotspot.Worded("the guest interface has no address")

// nameServer is the router's own address on the guest network.
func nameServer(o Options) netip.Addr {
	if a := o.Config.Guest.Addresses; len(a) > 0 {
		return a[0]
	}
	links, err := readLinks()
	if err != nil {
		return netip.Addr{}
	}
	if l := find(links, o.Config.Guest.Interface); l != nil {
		return l.global()
	}
	return netip.Addr{}
}

// ask puts one question, for the IPv4 addresses of a name.
func ask(ctx context.Context, network, server, name string) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, server)
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	a.there = network == "tcp"
	deadline, _ := ctx.Deadline()
	if a.err = conn.SetDeadline(deadline); a.err != nil {
		return a
	}
	id := uint16(time.Now().UnixNano())
	q := question(id, name)
	if network == "tcp" {
		q = append([]byte{byte(len(q) >> 8), byte(len(q))}, q...)
	}
	if _, a.err = conn.Write(q); a.err != nil {
		return a
	}
	reply := make([]byte, maxReply)
	var n int
	if network == "tcp" {
		if _, err = io.ReadFull(conn, reply[:2]); err == nil {
			n, err = io.ReadFull(conn, reply[:min(int(reply[0])<<8|int(reply[1]), len(reply))])
		}
	} else {
		n, err = conn.Read(reply)
	}
	if err != nil {
		a.err = err
		return a
	}
	there := a.there
	a, ok := decodeReply(reply[:n], id)
	if a.there = there; !ok {
		a.err = hotspot.Worded("what came back from %s is no answer", server)
	}
	return a
}

// maxReply is more than an answer to one question for addresses takes.
const maxReply = 4096

// fetch asks a host for the page that has no content.
func fetch(ctx context.Context, at netip.Addr, host string) response {
	r := response{tried: true}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", netip.AddrPortFrom(at, 80).String())
	if err != nil {
		r.err = err
		return r
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if r.err = conn.SetDeadline(deadline); r.err != nil {
		return r
	}
	_, r.err = fmt.Fprintf(conn, "GET /generate_204 HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
	if r.err != nil {
		return r
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 64<<10)), nil)
	if err != nil {
		r.err = err
		return r
	}
	defer resp.Body.Close()
	r.took, r.status, r.location = time.Now(), resp.StatusCode, resp.Header.Get("Location")
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.date = date
	}
	return r
}
