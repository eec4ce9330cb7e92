package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// crowd is many idle tunnels, as their relay sees them.
type crowd struct {
	pid    int
	base   float64 // memory of the relay before
	hosts  []string
	client *http.Client
}

// each is the relay's memory for each tunnel, in KB.
func (c *crowd) each() (float64, error) {
	now, err := resident(c.pid)
	return (now - c.base) / float64(len(c.hosts)) / 1024, err
}

// askAll sends one request through each tunnel.
func (c *crowd) askAll(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, host := range c.hosts {
		g.Go(func() error {
			_, err := fine(ctx, c.client, host, question{Action: askSmall})
			return err
		})
	}
	return g.Wait()
}

// kept is what a crowd of tunnels costs, in KB each, and the share of a processor
// that its pings take.
type kept struct{ before, used, after, pings float64 }

// keep measures a crowd: after settling, after a minute of pings, right after a
// request through each, and after settling again. The garbage collector gives
// memory back when it runs, which is every two minutes if nothing happens.
func (b *bench) keep(ctx context.Context, c *crowd) (k kept, err error) {
	if err := wait(ctx, pick(b, time.Minute, 100*time.Millisecond)); err != nil {
		return k, err
	}
	begun := time.Now()
	from, err := spent(c.pid)
	if err != nil {
		return k, err
	}
	if err := wait(ctx, pick(b, time.Minute, 100*time.Millisecond)); err != nil {
		return k, err
	}
	to, err := spent(c.pid)
	if err != nil {
		return k, err
	}
	k.pings = 100 * float64(to-from) / float64(time.Since(begun))
	if k.before, err = c.each(); err != nil {
		return k, err
	}
	if err := c.askAll(ctx); err != nil {
		return k, fmt.Errorf("a request through each tunnel: %w", err)
	}
	if k.used, err = c.each(); err != nil {
		return k, err
	}
	if err := wait(ctx, pick(b, 150*time.Second, 100*time.Millisecond)); err != nil {
		return k, err
	}
	k.after, err = c.each()
	return k, err
}

// idle measures what idle tunnels cost.
func (b *bench) idle(ctx context.Context, s *section) error {
	n := pick(b, 10_000, 10)
	s.title = "Idle tunnels"
	s.how = fmt.Sprintf(`The relay's program with %d tunnels, which another process on this machine has made through
loopback; memory is what /proc says of the relay (VmRSS), less what it was before the first tunnel, for each tunnel. A minute
after the last one came, the relay's processor time is taken over a minute in which every router pings every 11.5 s;
then one request goes through each tunnel, each in a connection of its own, and two and a half minutes later memory is taken again. The
same is then done with the yardstick: a relay that does nothing but pass requests on, over yamux and
HTTP/1.1, without records or checks. Both run with GOGC=50, which is the relay's default.`, n)
	ours, err := b.idleTunnels(ctx, n)
	if err != nil {
		return err
	}
	yamux, err := b.idleYamux(ctx, n)
	if err != nil {
		return fmt.Errorf("the yardstick: %w", err)
	}
	kb := func(v float64) string { return fmt.Sprintf("%.1f KB", v) }
	name := fmt.Sprintf("relay's memory for each of %d idle tunnels", n)
	s.add(name+", before a request", kb(ours.before), "yamux "+kb(yamux.before), "≤ 45 KB", judged(ours.before <= 45))
	s.add(name+", after a request", kb(ours.after), "yamux "+kb(yamux.after), "≤ 45 KB", judged(ours.after <= 45))
	s.add(fmt.Sprintf("pings of %d tunnels", n), fmt.Sprintf("%.1f %% of a core", ours.pings), fmt.Sprintf("yamux %.1f %%, a ping every 30 s", yamux.pings), "≤ 4 %", judged(ours.pings <= 4))
	s.note("Right after the requests it was %s (yamux: %s): what their connections needed is given back with the next collection.", kb(ours.used), kb(yamux.used))
	return nil
}

// openWithin bounds how long all tunnels may take to open.
const openWithin = 10 * time.Minute

func (b *bench) idleTunnels(ctx context.Context, n int) (k kept, err error) {
	in, r, end, err := b.world(ctx, min(enrolAtOnce, n), n)
	if err != nil {
		return k, err
	}
	defer end()
	ids, err := r.enrol(ctx, n+1)
	if err != nil {
		return k, err
	}
	// Another run of the relay, whose memory has not seen the enrolments.
	if err := r.stop(); err != nil {
		return k, err
	}
	if err := r.start(ctx); err != nil {
		return k, err
	}
	c := &crowd{pid: r.cmd.Process.Pid, client: r.client(false)}
	for _, id := range ids[1:] {
		c.hosts = append(c.hosts, id.Host)
	}
	// One router more has been there, so that what is needed once is not counted.
	first, err := b.spawn(ctx, in, "routers", task{Relay: clientsAt, PEM: r.pem, Identities: ids[:1]})
	if err != nil {
		return k, err
	}
	defer first.stop()
	if err := first.allUp(ctx, 1, time.Minute); err != nil {
		return k, err
	}
	if _, err := fine(ctx, c.client, ids[0].Host, question{Action: askSmall}); err != nil {
		return k, err
	}
	if c.base, err = resident(c.pid); err != nil {
		return k, err
	}
	all, err := b.spawn(ctx, in, "routers", task{Relay: clientsAt, PEM: r.pem, Identities: ids[1:]})
	if err != nil {
		return k, err
	}
	defer all.stop()
	if err := all.allUp(ctx, n, openWithin); err != nil {
		return k, err
	}
	if k, err = b.keep(ctx, c); err != nil {
		return k, err
	}
	total, err := r.figure(ctx, "vouchsafe_cloud_tunnels_total")
	if err == nil && int(total) != n+1 {
		err = fmt.Errorf("routers made %.0f tunnels instead of %d: the machine was too busy for their pings", total, n+1)
	}
	return k, err
}

func (b *bench) idleYamux(ctx context.Context, n int) (k kept, err error) {
	in, r, end, err := b.world(ctx, 1, 1)
	if err != nil {
		return k, err
	}
	defer end()
	pem, roots := r.pem, r.roots
	if err := r.stop(); err != nil { // only its certificate is of use here
		return k, err
	}
	relay, err := b.spawn(ctx, in, "yamux", pem)
	if err != nil {
		return k, err
	}
	defer relay.stop()
	c := &crowd{pid: relay.cmd.Process.Pid, client: clientTo(in, clientsAt, roots, false)}
	for i := range n {
		c.hosts = append(c.hosts, yamuxHost(i))
	}
	err = until(ctx, 10*time.Second, func() (bool, error) {
		conn, err := in.dial(ctx, clientsAt)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
	if err != nil {
		return k, err
	}
	if c.base, err = resident(c.pid); err != nil {
		return k, err
	}
	all, err := b.spawn(ctx, in, "routers", task{Relay: clientsAt, PEM: pem, Yamux: n})
	if err != nil {
		return k, err
	}
	defer all.stop()
	if err := all.allUp(ctx, n, openWithin); err != nil {
		return k, err
	}
	return b.keep(ctx, c)
}
