package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// death measures what happens when links die without a word.
func (b *bench) death(ctx context.Context, s *section) error {
	n := pick(b, 10, 2)
	s.title = "Links that die silently"
	s.how = fmt.Sprintf(`%d routers are behind one link and another one is behind a second. All at once, the first link
carries no more packets of the connections that there are, in either direction, and tells nobody, as a NAT does that has lost its
table; new connections work. The timers are the real ones. Once all routers are idle; once half of them have a request
under way, and the others get one a second after the death. Meanwhile the router behind the second link is asked something ten times a second.`, n)
	_, r, end, err := b.world(ctx, 1, 100)
	if err != nil {
		return err
	}
	defer end()
	ids, err := r.enrol(ctx, n+1)
	if err != nil {
		return err
	}
	ends := [2]string{relayEnd, routerEnd}
	mortal, err := b.behind(ctx, r, "link0", ends, ids[:n])
	if err != nil {
		return err
	}
	defer mortal.close()
	other, err := b.behind(ctx, r, "link1", [2]string{relayEndB, routerEndB}, ids[n:])
	if err != nil {
		return err
	}
	defer other.close()
	d := &dying{b: b, r: r, site: mortal, ends: ends, ids: ids[:n], client: r.client(false)}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	unharmed := make(chan bystander, 1)
	go func() { unharmed <- watchOther(watch, r, ids[n].Host) }()
	if err := d.idle(ctx, s); err != nil {
		return err
	}
	if err := d.asked(ctx, s); err != nil {
		return err
	}
	stop()
	o := <-unharmed
	s.add("requests to another router meanwhile: failed", fmt.Sprintf("%d of %d", o.failed, len(o.took)+o.failed), "they took "+o.took.spread(0, "ms"), "0", judged(o.failed == 0))
	return nil
}

// bystander is how another router was served.
type bystander struct {
	took   sample // ms
	failed int
}

func watchOther(ctx context.Context, r *relay, host string) (o bystander) {
	client := r.client(true)
	for ctx.Err() == nil {
		d, err := fine(ctx, client, host, question{Action: askSmall})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			o.failed++
		default:
			o.took = append(o.took, d.Seconds()*1e3)
		}
		if wait(ctx, 100*time.Millisecond) != nil {
			break
		}
	}
	return o
}

// dying are routers whose link dies.
type dying struct {
	b      *bench
	r      *relay
	site   *site
	ends   [2]string
	ids    []tunnel.Identity
	client *http.Client
}

// die lets the link die. In the short form, which cannot wait for pings, the
// routers do.
func (d *dying) die(ctx context.Context) (time.Time, error) {
	if d.b.short {
		d.site.stop()
		return time.Now(), d.b.populate(ctx, d.site, d.r, d.ends, d.ids)
	}
	d.site.path.forget()
	return time.Now(), nil
}

// reborn waits until all routers have another tunnel, and returns how long after
// the death they had, in seconds.
func (d *dying) reborn(ctx context.Context, died time.Time) (back sample, err error) {
	err = until(ctx, time.Minute, func() (bool, error) {
		st, err := d.site.standing()
		if err != nil {
			return false, err
		}
		back = nil
		for i, up := range st.Up {
			if up && (d.b.short || st.Since[i].After(died)) {
				back = append(back, max(0, st.Since[i].Sub(died).Seconds()))
			}
		}
		return len(back) == len(d.ids), nil
	})
	return back, err
}

// idle lets the link die while nobody asks anything.
func (d *dying) idle(ctx context.Context, s *section) error {
	for _, id := range d.ids { // so that each is at another point between its pings
		if _, err := fine(ctx, d.client, id.Host, question{Action: askSmall}); err != nil {
			return err
		}
		if err := wait(ctx, pick(d.b, time.Second, 0)); err != nil {
			return err
		}
	}
	died, err := d.die(ctx)
	if err != nil {
		return err
	}
	var noticed sample
	all := float64(len(d.ids) + 1)
	err = until(ctx, time.Minute, func() (bool, error) {
		if d.b.short {
			return true, nil
		}
		// Routers that are back count as here again: none is before the relay has
		// noticed its death, which ends the older link, or the router itself has.
		here, err := d.r.figure(ctx, "vouchsafe_cloud_routers")
		for len(noticed) < int(all-here) {
			noticed = append(noticed, time.Since(died).Seconds())
		}
		st, err2 := d.site.standing()
		if err2 == nil && slices.IndexFunc(st.Since, func(at time.Time) bool { return !at.After(died) }) < 0 && st.up() == len(d.ids) {
			return true, err
		}
		return len(noticed) == len(d.ids), err
	})
	if err != nil {
		return fmt.Errorf("idle links that die: %w", err)
	}
	back, err := d.reborn(ctx, died)
	if err != nil {
		return fmt.Errorf("routers come back: %w", err)
	}
	if d.b.short {
		s.note("In the short form the routers' process is killed instead.")
	} else {
		s.add("idle: the relay notices", noticed.spread(1, "s"), fmt.Sprintf("%d of %d before the router was back", len(noticed), len(d.ids)), "≤ 16 s", judged(noticed.most() <= 16))
	}
	s.add("idle: the routers are back", back.spread(1, "s"), "", "≤ 20 s", judged(back.most() <= 20))
	return nil
}

// ended is how a request to a router whose link died was answered.
type ended struct {
	reply
	err error
	id  string
	at  time.Time
}

// asked lets the link die under requests.
func (d *dying) asked(ctx context.Context, s *section) error {
	half := len(d.ids) / 2
	ends := make([]ended, len(d.ids))
	var wg sync.WaitGroup
	ask := func(i int) {
		wg.Go(func() {
			e := ended{id: "death" + strconv.Itoa(i)}
			e.reply, e.err = post(ctx, d.client, d.ids[i].Host, question{Action: askWait, ID: e.id})
			e.at = time.Now()
			ends[i] = e
		})
	}
	for i := range half {
		ask(i)
		if err := wait(ctx, pick(d.b, 2*time.Second, 0)); err != nil {
			return err
		}
	}
	if err := until(ctx, 10*time.Second, func() (bool, error) {
		st, err := d.site.standing()
		return len(st.Got) == half, err
	}); err != nil {
		return fmt.Errorf("requests arrive: %w", err)
	}
	died, err := d.die(ctx)
	if err != nil {
		return err
	}
	if !d.b.short {
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
		for i := half; i < len(d.ids); i++ {
			ask(i)
		}
	}
	back, err := d.reborn(ctx, died)
	if err != nil {
		return fmt.Errorf("routers come back: %w", err)
	}
	wg.Wait()
	if err := wait(ctx, pick(d.b, 10*time.Second, 0)); err != nil { // whatever is sent again would have arrived by then
		return err
	}
	st, err := d.site.standing()
	if err != nil {
		return err
	}
	d.tell(s, ends, st, half, died)
	s.add("under requests: the routers are back", back.spread(1, "s"), "", "≤ 20 s", judged(back.most() <= 20))
	return nil
}

// tell puts into the report how requests ended.
func (d *dying) tell(s *section, ends []ended, st standing, half int, died time.Time) {
	var during, after sample
	unclean, again := 0, 0
	for i, e := range ends {
		if e.id == "" {
			continue // the short form asks no more
		}
		if e.err != nil || e.status != http.StatusBadGateway && e.status != http.StatusServiceUnavailable && e.status != http.StatusGatewayTimeout {
			unclean++
		}
		// What was under way was sent once; what came after the death never arrived.
		if n := st.Got[e.id]; i < half && n != 1 && !d.b.short || i >= half && n != 0 {
			again++
		}
		if i < half {
			during = append(during, max(0, e.at.Sub(died).Seconds()))
		} else {
			after = append(after, e.took.Seconds())
		}
	}
	s.add("under way at the death: answered after", during.spread(1, "s"), "from the death on", "≤ 16 s", judged(during.most() <= 16))
	if len(after) > 0 {
		s.add("asked a second after the death: answered after", after.spread(1, "s"), "from the request on", "≤ 16 s", judged(after.most() <= 16))
	}
	s.add("of these, answered by something else than 502, 503 or 504", fmt.Sprintf("%d of %d", unclean, len(during)+len(after)), "", "0", judged(unclean == 0))
	s.add("of these, sent again", fmt.Sprintf("%d of %d", again, len(during)+len(after)), "", "0", judged(again == 0))
}
