package cloud_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// clean checks what requests were answered: nothing from another router, and
// nothing but what may be.
func (tr *traffic) clean(t *testing.T, may string) {
	t.Helper()
	allowed := regexp.MustCompile(may)
	for answer, n := range tr.answers() {
		if answer != "well" && !allowed.MatchString(answer) {
			t.Errorf("%d times %s", n, answer)
		}
	}
	if len(tr.wrong) > 0 {
		t.Errorf("another router answered: %q", tr.wrong)
	}
	t.Logf("%d requests, %v", tr.asked.Load(), tr.answers())
}

// split puts so many routers at the second relay, and a few at the others.
func (f *fleet) split(n int, backoff time.Duration) (victims, others []*box) {
	f.t.Helper()
	few := min(n, 60)
	all := f.boxesAt(n+few, backoff, func(i int) *post {
		if i < n {
			return f.posts[1]
		}
		return f.posts[i%2*2]
	})
	if !long() {
		// That many handshakes at once would be too many on a machine that took so long
		// for a few at a time.
		f.slow.Store(int64(2 * f.took / backoff))
	}
	return all[:n], all[n:]
}

// unavailable is what clients may be told while a router's relay is lost. An answer
// that was on its way is cut off.
const unavailable = `^by \d: (50[234] |Post .*: stream error: .* INTERNAL_ERROR; received from peer$)`

// long reports whether this is a run with as many routers as in real use, on a
// machine that has time for it: only there it is judged how long things take.
func long() bool { return os.Getenv("VOUCHSAFE_CLOUD_ROUTERS") != "" }

// pingWait is how long an answer to a ping may take: as in real use, 0; or as long
// as on a machine that has little time for hundreds of routers.
func pingWait() time.Duration {
	if long() {
		return 0
	}
	return patience
}

// backoff is how long routers wait at most before they connect again: a short time,
// or as in real use when there are as many of them.
func backoff(short time.Duration) time.Duration {
	if long() {
		return 10 * time.Second
	}
	return short
}

// TestKilled: a relay dies with many routers on it. The others go on as if
// nothing had happened, and its routers are back soon, each at a time of its own.
func TestKilled(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, nil)
	victims, others := f.split(size(t, 200), backoff(2*time.Second))
	f.reachAll(append(others[:10:10], victims[:10]...))
	first, third := f.client(f.posts[0].dial), f.client(f.posts[2].dial)
	well, lost := f.flow(some(others), 2, first, third), f.flow(some(victims), 2, first, third)
	until(t, "requests flow", func() bool { return well.asked.Load() > 100 && lost.asked.Load() > 100 })
	killed := time.Now()
	f.posts[1].member.Deafen(true)
	f.posts[1].front.cut()
	f.posts[1].peer.cut()
	lease := time.AfterFunc(500*time.Millisecond, func() { f.hub.Lose("n1") })
	defer lease.Stop()
	for _, b := range victims {
		b.to(nil)
	}
	back := func(b *box) func() bool {
		return func() bool { s := b.tun.State(); return s.Phase == tunnel.Up && s.Since.After(killed) }
	}
	for _, b := range victims {
		until(t, "all routers are back", back(b))
	}
	took := time.Since(killed)
	if long() && took > 30*time.Second+f.took {
		t.Errorf("back after %v", took)
	}
	f.unharmed(victims, others, well, lost)
	t.Logf("%d routers were back after %v", len(victims), took)
}

// unharmed checks, after the second relay was lost, that the routers can be reached
// through the others, that requests to other routers were all answered, and that no
// request arrived twice and no handshake failed.
func (f *fleet) unharmed(victims, others []*box, well, lost *traffic) {
	f.t.Helper()
	f.posts = []*post{f.posts[0], f.posts[2]}
	f.reachAll(some(victims))
	well.stop()
	lost.stop()
	well.clean(f.t, "^$")
	lost.clean(f.t, unavailable)
	if twice := f.twice(slices.Concat(victims, others)); len(twice) > 0 {
		f.t.Error(twice)
	}
	for _, p := range f.posts {
		if n := p.figure("vouchsafe_cloud_handshakes_failed_total"); n != "0" {
			f.t.Errorf("%s: %s handshakes failed", p.id, n)
		}
	}
}

// TestFrozen: a relay's machine stops without a word. The others notice, and its
// routers, too; nobody waits longer than for a slow router, and nobody else is
// harmed.
func TestFrozen(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, func(c *cloud.Config) {
		c.Limits.Answer = 8 * time.Second
		c.Peer.DialWithin, c.Peer.PingAfter, c.Peer.PingWait = 2*time.Second, 500*time.Millisecond, 6*time.Second
	})
	most := backoff(100 * time.Millisecond)
	f.pingWait = 0 // they notice as in real use
	victims := f.boxesAt(size(t, 6), most, func(int) *post { return f.posts[1] })
	f.pingWait = pingWait()
	others := f.boxesAt(min(len(victims), 60), most, func(i int) *post { return f.posts[i%2*2] })
	f.reachAll(slices.Concat(some(others), some(victims)))
	first, third := f.client(f.posts[0].dial), f.client(f.posts[2].dial)
	well, lost := f.flow(some(others), 1, first, third), f.flow(some(victims), 1, first, third)
	until(t, "requests flow", func() bool { return well.asked.Load() > 100 && lost.asked.Load() > 100 })
	frozen := time.Now()
	f.posts[1].member.Deafen(true)
	f.posts[1].front.freeze()
	f.posts[1].peer.freeze()
	c := f.client(f.posts[0].dial)
	until(t, "the others notice", func() bool {
		began := time.Now()
		return f.status(c, victims[0].id.Host, "{}") == http.StatusServiceUnavailable && time.Since(began) < time.Second
	})
	noticed := time.Since(frozen)
	f.hub.Lose("n1")
	for _, b := range victims {
		b.to(f.posts[0])
	}
	for _, b := range victims {
		until(t, "its routers are back", func() bool { s := b.tun.State(); return s.Phase == tunnel.Up && s.Since.After(frozen) })
	}
	took := time.Since(frozen)
	if long() && (noticed > 20*time.Second || took > 30*time.Second+f.took) {
		t.Errorf("noticed after %v, back after %v", noticed, took)
	}
	f.unharmed(victims, others, well, lost)
	t.Logf("noticed after %v, %d routers were back after %v", noticed, len(victims), took)
}
