package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// The ends of the link between the relay and the routers, and of the one between
// it and those that stay when the others' link dies.
const (
	relayEnd, routerEnd = "10.83.0.1", "10.83.0.2"
	relayEndB           = "10.83.0.5"
	routerEndB          = "10.83.0.6"
	netBits             = "/30"
	directPort          = "9443"
)

// fast and slow are the links of the targets.
func fast() shape {
	return shape{bits: 200e6, delay: 40 * time.Millisecond, buffer: 100 * time.Millisecond}
}
func slow() shape {
	return shape{bits: 20e6, delay: 40 * time.Millisecond, buffer: 100 * time.Millisecond}
}

// site is routers behind a link.
type site struct {
	in   *space
	path *path
	*child
}

// behind puts routers behind a link.
func (b *bench) behind(ctx context.Context, r *relay, name string, ends [2]string, ids []tunnel.Identity) (*site, error) {
	s := &site{}
	var err error
	if s.in, err = newSpace(); err != nil {
		return nil, err
	}
	if s.path, err = connect(r.in, s.in, name, [2]string{ends[0] + netBits, ends[1] + netBits}, fast()); err != nil {
		s.close()
		return nil, err
	}
	if err := b.populate(ctx, s, r, ends, ids); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// populate starts a site's routers and waits until all are up.
func (b *bench) populate(ctx context.Context, s *site, r *relay, ends [2]string, ids []tunnel.Identity) (err error) {
	s.child, err = b.spawn(ctx, s.in, "routers", task{Relay: net.JoinHostPort(ends[0], relayPort), PEM: r.pem, Identities: ids, Direct: net.JoinHostPort(ends[1], directPort)})
	if err != nil {
		return err
	}
	return s.allUp(ctx, len(ids), time.Minute)
}

func (s *site) close() {
	if s.child != nil {
		s.stop()
	}
	if s.path != nil {
		_ = s.path.close() // it goes with the namespaces in any case
	}
	s.in.close()
}

// link measures over slow and far links.
func (b *bench) link(ctx context.Context, s *section) error {
	s.title = "Slow and far links"
	s.how = fmt.Sprintf(`The relay and its clients are in one network namespace, the routers in another, and
between them is a link made of two TUN devices and a program that keeps packets waiting, in
each direction: few kernels come with netem. Rate, queue (what finds it full is lost) and
delay are its; TCP is the kernel's own from end to end.
The links: %s; and %s. The direct way, for comparison, is HTTPS with one connection over the
same link, in turns with the tunnel. A stream's window is 576 KiB, so a list gets no more than that in a round trip.`, fast(), slow())
	readers := pick(b, 20, 2)
	_, r, end, err := b.world(ctx, 1, 100)
	if err != nil {
		return err
	}
	defer end()
	ids, err := r.enrol(ctx, readers)
	if err != nil {
		return err
	}
	far, err := b.behind(ctx, r, "link0", [2]string{relayEnd, routerEnd}, ids)
	if err != nil {
		return err
	}
	defer far.close()
	s.note("TCP's congestion control was %s: CUBIC, which most systems have, if the machine lets namespaces choose it, or else Reno.", far.path.control)
	for _, step := range []func(context.Context, *section, *relay, *site, []tunnel.Identity) error{b.lists, b.beside, b.stalls} {
		if err := step(ctx, s, r, far, ids); err != nil {
			return err
		}
	}
	return nil
}

// lists measures how long a large list takes.
func (b *bench) lists(ctx context.Context, s *section, r *relay, far *site, ids []tunnel.Identity) error {
	far.path.reshape(fast())
	q := question{Action: askList, Bytes: pick(b, 25_000_000, 500_000)}
	ours, direct := r.client(true), clientTo(r.in, net.JoinHostPort(routerEnd, directPort), r.roots, true)
	var took, bare sample
	far.path.losses()
	for range pick(b, 7, 1) {
		for _, x := range []struct {
			client *http.Client
			host   string
			into   *sample
		}{{ours, ids[0].Host, &took}, {direct, "direct." + domain, &bare}} {
			d, err := fine(ctx, x.client, x.host, q)
			if err != nil {
				return fmt.Errorf("a list: %w", err)
			}
			*x.into = append(*x.into, d.Seconds())
		}
	}
	lost, of := far.path.losses()
	s.add("a list of 25 MB, 80 ms, 200 Mbit/s", took.spread(2, "s"), "direct HTTPS over the same link "+bare.spread(2, "s"), "≤ 4.5 s", judged(took.median() <= 4.5))
	s.note("Lists: the link lost %d of %d packets for want of room in its queue, on both ways together.", lost, of)
	return nil
}

// beside measures small requests while a list is under way.
func (b *bench) beside(ctx context.Context, s *section, r *relay, far *site, ids []tunnel.Identity) error {
	far.path.reshape(slow())
	defer far.path.reshape(fast())
	client := r.client(true)
	var alone, busy sample
	small := func(into *sample) error {
		d, err := fine(ctx, client, ids[0].Host, question{Action: askSmall})
		*into = append(*into, d.Seconds())
		return err
	}
	for range pick(b, 20, 2) {
		if err := small(&alone); err != nil {
			return err
		}
	}
	far.path.losses()
	listed := make(chan error, 1)
	go func() {
		_, err := fine(ctx, r.client(true), ids[0].Host, question{Action: askList, Bytes: pick(b, 25_000_000, 1_000_000)})
		listed <- err
	}()
	if err := wait(ctx, pick(b, 2*time.Second, 100*time.Millisecond)); err != nil { // until the list is at its speed
		return err
	}
	for done := false; !done; {
		if err := small(&busy); err != nil {
			return fmt.Errorf("a small POST beside a list: %w", err)
		}
		select {
		case err := <-listed:
			if err != nil {
				return fmt.Errorf("a list: %w", err)
			}
			done = true
		default:
		}
	}
	lost, of := far.path.losses()
	if len(busy) > 1 {
		busy = busy[:len(busy)-1] // the list may have ended before that one
	}
	s.add("a small POST beside a list of 25 MB, 80 ms, 20 Mbit/s", busy.spread(2, "s"), "alone "+alone.spread(2, "s"), "≤ 0.3 s", judged(busy.median() <= 0.3))
	s.note("Small POSTs beside a list: 95 %% of them took up to %.2f s. The link lost %d of %d packets for want of room in its queue.", busy.quantile(0.95), lost, of)
	return nil
}

// stalls measures what clients cost that stop reading.
func (b *bench) stalls(ctx context.Context, s *section, r *relay, far *site, ids []tunnel.Identity) error {
	client := r.client(false)
	for _, id := range ids { // so that every tunnel has been used
		if _, err := fine(ctx, client, id.Host, question{Action: askSmall}); err != nil {
			return err
		}
	}
	if err := wait(ctx, pick(b, 5*time.Second, 0)); err != nil {
		return err
	}
	pid := r.cmd.Process.Pid
	before, err := resident(pid)
	if err != nil {
		return err
	}
	begun := time.Now()
	conns, err := stall(ctx, r, ids, pick(b, 25_000_000, 5_000_000))
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	if err != nil {
		return err
	}
	most, first, last, err := b.watchStalls(ctx, pid, far, len(ids), begun)
	if err != nil {
		return err
	}
	each := (most - before) / float64(len(ids)) / 1e6
	s.add(fmt.Sprintf("relay's memory for each of %d clients that stall, one to a router", len(ids)), fmt.Sprintf("%.2f MB", each), fmt.Sprintf("the relay before: %.0f MB", before/1e6), "≤ 0.8 MB", judged(each <= 0.8))
	if b.short {
		s.note("The short form does not wait for the write deadline.")
		return nil
	}
	s.add("clients that stall: hung up on after", fmt.Sprintf("%.1f s the first, %.1f s the last", first.Seconds(), last.Seconds()), "write deadline 20 s after the last byte that was taken", "≤ 30 s", judged(last <= 30*time.Second))
	return nil
}

// watchStalls returns the most memory that the relay has had while clients stalled,
// and when it had hung up on the first and on the last one.
func (b *bench) watchStalls(ctx context.Context, pid int, far *site, n int, begun time.Time) (most float64, first, last time.Duration, err error) {
	err = until(ctx, pick(b, time.Minute, 30*time.Second), func() (bool, error) {
		now, err := resident(pid)
		if err != nil {
			return false, err
		}
		most = max(most, now)
		st, err := far.standing()
		if st.Cut > 0 && first == 0 {
			first = time.Since(begun)
		}
		last = time.Since(begun)
		return st.Cut >= n || b.short && last > time.Second, err
	})
	return most, first, last, err
}

// stall makes clients that ask for a list and read no more than its beginning.
func stall(ctx context.Context, r *relay, ids []tunnel.Identity, size int) ([]net.Conn, error) {
	body, err := json.Marshal(question{Action: askList, Bytes: size})
	if err != nil {
		return nil, err
	}
	conns, errs := make([]net.Conn, len(ids)), make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			raw, err := r.in.dial(ctx, clientsAt)
			if err != nil {
				errs[i] = err
				return
			}
			conn := tls.Client(raw, &tls.Config{ServerName: id.Host, RootCAs: r.roots})
			conns[i] = raw // a client that stalls says no goodbye
			if _, err := fmt.Fprintf(conn, "POST /api/ HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", id.Host, len(body), body); err != nil {
				errs[i] = err
				return
			}
			line, err := bufio.NewReaderSize(conn, 512).ReadString('\n')
			if err != nil || line != "HTTP/1.1 200 OK\r\n" {
				errs[i] = fmt.Errorf("a client that stalls was answered %q: %w", line, err)
			}
		})
	}
	wg.Wait()
	var there []net.Conn
	for _, c := range conns {
		if c != nil {
			there = append(there, c)
		}
	}
	for _, err := range errs {
		if err != nil {
			return there, err
		}
	}
	return there, nil
}
