package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestKillUnderDownload kills the daemon with kill -9 while a guest downloads,
// and starts it again: the download finishes, and the quota is exact.
func TestKillUnderDownload(t *testing.T) {
	h := newHouse(t, "kill", netlab.Options{Guests: 1})
	g := h.Guest(1)
	user, pass := h.voucher(map[string]any{"download_limit": 60})
	h.login(g, user, pass)
	before, _ := h.used(user)
	done := make(chan netlab.FlowResult, 1)
	errs := make(chan error, 1)
	start, err := g.Counters()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		// Slow enough for all that happens meanwhile.
		r, err := h.Send(t.Context(), netlab.Flow{Guest: g, Bytes: 40 * mb, Rate: 4 * mb, Time: patience})
		done <- r
		errs <- err
	}()
	received := func() uint64 {
		now, err := g.Counters()
		if err != nil {
			t.Fatal(err)
		}
		return now.RxBytes - start.RxBytes
	}
	eventually(t, "the download runs", func() bool { return received() > 2*mb })
	h.kill()
	dead := received()
	eventually(t, "the download goes on without a daemon", func() bool { return received() > min(dead+4*mb, 40*mb) })
	h.start()
	r := <-done
	if err := <-errs; err != nil || r.End != netlab.EndComplete {
		t.Fatalf("the download ended as %q after %d bytes, %v", r.End, r.Received, err)
	}
	var down uint64
	eventually(t, "the count over the crash is what arrived", func() bool {
		down, _ = h.used(user)
		return down-before == r.Down
	})
	t.Logf("counted %d bytes over the crash, as arrived", down-before)
	rest := h.send(netlab.Flow{Guest: g, Bytes: 40 * mb})
	if got := down + rest.Down; got > 60*mb || got < 60*mb-netGSO {
		t.Errorf("%d bytes passed of a quota of %d", got, 60*mb)
	}
}

// TestLimitsHoldWhileDead ends a quota and a validity while no daemon runs.
func TestLimitsHoldWhileDead(t *testing.T) {
	h := newHouse(t, "dead", netlab.Options{Guests: 2})
	a, b := h.Guest(1), h.Guest(2)
	quota, quotaPass := h.voucher(map[string]any{"download_limit": 5})
	// An hour that began an hour ago, but for as long as what comes before its end may
	// take.
	h.cli("settings", "set", "voucher.validity_from", "valid_from")
	begun := time.Now().UTC().Add(30*time.Second - time.Hour).Truncate(time.Second)
	timed, timedPass := h.voucher(map[string]any{"valid_for": "1 hour", "valid_from": begun.Format(time.DateTime)})
	h.login(b, timed, timedPass)
	h.login(a, quota, quotaPass)
	h.kill()
	r := h.send(netlab.Flow{Guest: a, Bytes: 20 * mb})
	t.Logf("dead: %d of %d bytes passed", r.Down, 5*mb)
	if r.Down > 5*mb || r.Down < 5*mb-netGSO {
		t.Errorf("%d bytes passed of a quota of %d while the daemon was dead", r.Down, 5*mb)
	}
	late := h.countedAfter(b, begun.Add(time.Hour+time.Second))
	end := h.send(netlab.Flow{Guest: b, Rate: mb, Time: patience})
	over := time.Now().UTC().Sub(begun.Add(time.Hour))
	t.Logf("dead: the timed guest was cut off (%s) and noticed %v after the expiry", end.End, over)
	if end.End == netlab.EndTime || end.Received == 0 || over < 0 {
		t.Errorf("cut off %v after the expiry, with %d bytes (%s)", over, end.Received, end.End)
	}
	// What still arrives is the router's own: refusals and housekeeping.
	if more := late(); more > 10_000 {
		t.Errorf("%d bytes passed more than a second after the expiry", more)
	}
	h.start()
	for user, want := range map[string]string{quota: "download used up", timed: "time used up"} {
		if row := h.row("get_logins", "logins", "login", user); row == nil || row["reason"] != want {
			t.Errorf("the login log says of %s: %v, want %q", user, row, want)
		}
	}
	if got, _ := h.used(quota); got != r.Down {
		t.Errorf("counted %d, arrived %d", got, r.Down)
	}
}

// countedAfter reads what reaches a guest's link from a moment on, and what did when
// the function that it returns is called, after that moment.
func (h *house) countedAfter(g *netlab.Guest, moment time.Time) (more func() uint64) {
	h.t.Helper()
	type reading struct {
		bytes uint64
		err   error
	}
	read := func() (r reading) {
		c, err := g.Counters()
		return reading{c.RxBytes, err}
	}
	first := make(chan reading, 1)
	timer := time.AfterFunc(time.Until(moment), func() { first <- read() })
	h.t.Cleanup(func() { timer.Stop() })
	return func() uint64 {
		h.t.Helper()
		before, now := <-first, read()
		if err := errors.Join(before.err, now.err); err != nil {
			h.t.Fatal(err)
		}
		return now.bytes - before.bytes
	}
}

// TestAcknowledgedIsOnDisk kills the daemon in the instant of an answer.
func TestAcknowledgedIsOnDisk(t *testing.T) {
	h := newHouse(t, "disk", netlab.Options{Guests: 1})
	for round := range 5 {
		var made []string
		for i := range 20 {
			name := fmt.Sprintf("round%d-%d", round, i)
			h.voucher(map[string]any{"username": name})
			made = append(made, name)
		}
		h.kill()
		h.start()
		for _, name := range made {
			if h.row("get_voucher_users", "users", "username", name) == nil {
				t.Errorf("%s was acknowledged and is gone", name)
			}
		}
	}
}

// TestFirewall reloads and deletes the firewall under a guest.
func TestFirewall(t *testing.T) {
	h := newHouse(t, "fw", netlab.Options{Guests: 2})
	g, stranger := h.Guest(1), h.Guest(2)
	user, pass := h.voucher(map[string]any{"download_limit": 20})
	h.login(g, user, pass)
	first := h.send(netlab.Flow{Guest: g, Bytes: 5 * mb})
	if first.End != netlab.EndComplete {
		t.Fatalf("download: %s", first.End)
	}
	if err := h.ReloadFirewall(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.released(g)
	h.caught(stranger)
	// Counted before the table goes; what it counted after its last dump is lost
	// with it, and nothing was sent meanwhile.
	used, _ := h.used(user)
	if err := h.StopFirewall(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.ReloadFirewall(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.released(g)
	h.caught(stranger)
	if now, _ := h.used(user); now < used {
		t.Errorf("usage ran backwards: %d, then %d", used, now)
	}
	used, _ = h.used(user)
	r := h.send(netlab.Flow{Guest: g, Bytes: 40 * mb})
	if got := used + r.Down; got > 20*mb || got < 20*mb-netGSO {
		t.Errorf("%d bytes passed of a quota of %d", got, 20*mb)
	}
}
