package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// verify checks a request as a receiver does, independently of sign.
func verify(t *testing.T, r request, secrets ...string) {
	t.Helper()
	at, err := strconv.ParseInt(r.header.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		t.Fatalf("%v", r.header)
	}
	got := strings.Split(r.header.Get("webhook-signature"), " ")
	if len(got) != len(secrets) {
		t.Fatalf("%d signatures, want %d", len(got), len(secrets))
	}
	for i, s := range secrets {
		b, err := parseSecret(s)
		if err != nil {
			t.Fatal(err)
		}
		if want := sign(r.header.Get("webhook-id"), time.Unix(at, 0), []byte(r.body), b); got[i] != want {
			t.Errorf("signature %q, want %q", got[i], want)
		}
	}
}

func TestDeliver(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		_, secret := l.add()
		l.run()
		l.happen(3)
		d := l.deliveries(3)
		if !d.OK || d.Status != 204 || d.Attempt != 1 || !d.Next.IsZero() {
			t.Errorf("%+v", d)
		}
		ids := map[string]bool{}
		for _, r := range l.to.requests() {
			verify(t, r, secret)
			ids[r.header.Get("webhook-id")] = true
			var body struct {
				ID, Type  string
				Timestamp time.Time
				Data      struct{ Login string }
			}
			if err := json.Unmarshal([]byte(r.body), &body); err != nil || body.ID != r.header.Get("webhook-id") ||
				body.Type != "guest.login" || !body.Timestamp.Equal(day0) || body.Data.Login != "<é>" {
				t.Errorf("%s, %v", r.body, err)
			}
			if r.header.Get("Content-Type") != "application/json" || r.header.Get("User-Agent") != "Vouchsafe/1.2.3" {
				t.Errorf("%v", r.header)
			}
		}
		if len(ids) != 3 {
			t.Errorf("ids %v", ids)
		}
		if !l.Unstored() || len(l.rows()) != 3 {
			t.Error("a delivery wrote to flash")
		}
		l.flush()
		if l.Unstored() || len(l.rows()) != 0 || len(l.queue) != 0 {
			t.Errorf("%d rows are left", len(l.rows()))
		}
	})
}

// TestRetries walks the whole schedule: ten attempts, then it is given up.
func TestRetries(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.add()
		l.to.set(status(500))
		l.run()
		l.happen(1)
		var total time.Duration
		for i, wait := range retries {
			d := l.deliveries(i + 1)
			if d.OK || d.Attempt != i+1 || !d.Next.Equal(l.events.now.Add(wait)) || d.Error.String() != "it answered 500 Internal Server Error" {
				t.Fatalf("attempt %d: %+v, now %s", i+1, d, l.events.now)
			}
			l.resting()
			for wait > 0 {
				step := min(wait, drowsy)
				l.events.pass(step)
				wait, total = wait-step, total+step
				if wait > 0 {
					l.resting()
				}
			}
		}
		if d := l.deliveries(len(retries) + 1); !d.Next.IsZero() {
			t.Errorf("it is tried again: %+v", d)
		}
		if total != 75*time.Hour+35*time.Minute+5*time.Second {
			t.Errorf("%s in all", total)
		}
		first := l.to.requests()[0]
		for _, r := range l.to.requests() {
			if r.body != first.body || r.header.Get("webhook-id") != first.header.Get("webhook-id") {
				t.Error("another body or id")
			}
		}
		notices := strings.Join(l.Notices().Strings(), "; ")
		if !strings.Contains(notices, "fails again and again") || !strings.Contains(notices, "given up since the start, 1 of them") {
			t.Error(notices)
		}
		l.flush()
		if len(l.rows()) != 0 {
			t.Error("it still waits")
		}
	})
}

// One event that the receiver cannot digest holds up no other, and an uplink
// that is away for a day costs few attempts.
func TestPoisonAndOutage(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.add()
		l.to.set(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("webhook-id") == l.to.requests()[0].header.Get("webhook-id") {
				w.WriteHeader(422)
			}
		})
		l.run()
		l.happen(5)
		l.deliveries(1)
		l.resting()
		l.events.pass(5 * time.Second)
		l.deliveries(6) // the others, and the first one again
		l.to.set(status(503))
		l.happen(200)
		l.flush()
		before := l.store.Updates()
		for range 24 * 60 {
			l.resting()
			l.events.pass(time.Minute)
		}
		l.resting()
		if n := len(l.to.requests()) - 6; n < 40 || n > 60 {
			t.Errorf("%d attempts in a day", n)
		}
		if l.store.Updates() != before {
			t.Error("attempts wrote to flash")
		}
		l.to.set(nil)
		l.events.pass(30 * time.Minute)
		l.wait("all", func() bool { hs, _ := l.List(t.Context()); return hs[0].Waiting <= 1 })
	})
}

// A crash between commit and delivery, or between delivery and flush, loses
// nothing: the event comes, maybe again, with the same id.
func TestCrash(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, secret := l.add()
		l.happen(1)
		l.open() // nothing was sent yet
		l.to.set(status(500))
		l.run()
		l.deliveries(1)
		l.flush()
		l.open() // attempts and the last result survive
		if hs, err := l.List(t.Context()); err != nil || hs[0].Waiting != 1 || hs[0].Last.Status != 500 || hs[0].ID != h.ID {
			t.Errorf("%+v, %v", hs, err)
		}
		l.to.set(nil)
		l.run()
		l.resting()
		if len(l.to.requests()) != 1 {
			t.Error("a retry came before its time")
		}
		l.events.pass(5 * time.Second)
		if d := l.deliveries(1); !d.OK || d.Attempt != 2 {
			t.Errorf("%+v", d)
		}
		l.open() // not flushed: it is sent again
		l.run()
		l.deliveries(1)
		ids := map[string]int{}
		for _, r := range l.to.requests() {
			verify(t, r, secret)
			ids[r.header.Get("webhook-id")]++
		}
		if len(ids) != 1 || len(l.to.requests()) != 3 {
			t.Errorf("%v", ids)
		}
	})
}

// An event that the queue dropped, or whose endpoint was removed, is not sent.
func TestDroppedEvents(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, _ := l.add()
		l.happen(2)
		if err := l.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.store.Update(t.Context(), func(tx hotspot.Tx) error { return tx.DeleteEvent(1) }); err != nil {
			t.Fatal(err)
		}
		l.run()
		if d := l.deliveries(1); !d.OK {
			t.Errorf("%+v", d)
		}
		l.resting()
		l.to.set(status(500))
		l.happen(1)
		l.deliveries(2)
		if err := l.Remove(t.Context(), h.ID); err != nil {
			t.Fatal(err)
		}
		l.flush()
		if len(l.rows()) != 0 || len(l.to.requests()) != 2 || len(l.events.subs) != 0 {
			t.Errorf("%d rows, %d requests, %v", len(l.rows()), len(l.to.requests()), l.events.subs)
		}
	})
}

func TestOldEventsAreGivenUp(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.add()
		l.happen(1)
		l.events.now = l.events.now.Add(maxAge + time.Second)
		l.happen(1)
		l.run()
		l.deliveries(1)
		if l.gaveUp != 1 {
			t.Errorf("%d given up", l.gaveUp)
		}
	})
}

// 410 stops the endpoint, durably, and says so.
func TestGone(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, _ := l.add()
		l.to.set(status(http.StatusGone))
		l.run()
		l.happen(1)
		l.wait("stopped", func() bool { h, _ := l.Get(t.Context(), h.ID); return !h.Enabled })
		l.open()
		got, err := l.Get(t.Context(), h.ID)
		if err != nil || got.Enabled || !strings.Contains(got.Stopped, "410") || len(l.events.subs) != 0 {
			t.Errorf("%+v, %v, %v", got, l.events.subs, err)
		}
		if n := l.Notices(); len(n) != 1 || !strings.Contains(n[0].String(), "is stopped") {
			t.Error(n)
		}
		if _, err := l.Edit(t.Context(), h.ID, api.WebhookEdit{Enabled: new(true)}); err != nil {
			t.Fatal(err)
		}
		if len(l.Notices()) != 0 || len(l.events.subs) != 1 {
			t.Errorf("%v, %v", l.Notices(), l.events.subs)
		}
	})
}

// What a receiver asks for by Retry-After counts, up to a day.
func TestRetryAfter(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.add()
		asked := "7200"
		l.to.set(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", asked)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		l.run()
		l.happen(1)
		if d := l.deliveries(1); !d.Next.Equal(day0.Add(2 * time.Hour)) {
			t.Errorf("%+v", d)
		}
		for value, want := range map[string]time.Duration{"4000000000": maxRetryAfter, "-5": 0, "soon": 0, "99999999999999999999": 0} {
			asked = value
			h := l.hooks[0]
			if out := l.post(t.Context(), h, "evt_x", []byte("{}")); out.wait != want {
				t.Errorf("%s: %s", value, out.wait)
			}
		}
	})
}

// Hostile receivers cost little, and what they say is harmless.
func TestHostileAnswers(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		for b := []byte(strings.Repeat("x\x1b[2J", 1000)); r.Context().Err() == nil; {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   string
	}{
		"endless":      {endless, ""},
		"endless fail": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(400); endless(w, r) }, "it answered 400 Bad Request: xx"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		},
			"redirects are not followed"},
		"huge headers": {func(w http.ResponseWriter, r *http.Request) {
			for i := range 100 {
				w.Header().Set("X-"+strconv.Itoa(i), strings.Repeat("y", 1000))
			}
		}, "exceeded"},
		"cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(t *testing.T, l *lab) {
				h, _ := l.add()
				l.to.set(c.answer)
				d, err := l.Test(t.Context(), h.ID)
				if err != nil || d.OK != (c.want == "") || !strings.Contains(d.Error.String(), strings.ReplaceAll(c.want, "xx", "x")) || strings.Contains(d.Error.String(), "\x1b") {
					t.Errorf("%+v, %v", d, err)
				}
				if n := len(l.to.requests()); n != 1 || len([]rune(d.Error.String())) > maxShown+40 {
					t.Errorf("%d requests, %q", n, d.Error)
				}
			})
		})
	}
}

// A receiver that does not answer is left after the time-out. One request at a
// time: a test waits for its turn.
func TestSlowReceiver(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, _ := l.add()
		release := make(chan struct{})
		l.to.set(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		l.run()
		l.happen(3)
		l.wait("a request", func() bool { return len(l.to.requests()) == 1 })
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := l.Test(ctx, h.ID); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(release)
		l.to.set(nil)
		l.deliveries(3)
		if l.to.most != 1 {
			t.Errorf("%d requests at a time", l.to.most)
		}
		hold := make(chan struct{})
		t.Cleanup(func() { close(hold) })
		l.to.set(func(http.ResponseWriter, *http.Request) { <-hold })
		began := time.Now()
		if out := l.post(t.Context(), l.hooks[0], "evt_x", []byte("{}")); out.err.String() != "it did not answer within 15s" || time.Since(began) != sendWithin {
			t.Errorf("%+v after %v", out, time.Since(began))
		}
	})
}

// Nothing is signed by a clock that nobody vouches for.
func TestWaitsForTheClock(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, _ := l.add()
		l.events.unbelieved = true
		l.run()
		l.happen(1)
		l.wait("a notice", func() bool { return len(l.Notices()) == 1 })
		if _, err := l.Test(t.Context(), h.ID); hotspot.CodeOf(err) != hotspot.CodeUnavailable {
			t.Errorf("got %v", err)
		}
		l.resting()
		if len(l.to.requests()) != 0 {
			t.Error("it was sent")
		}
		l.events.mu.Lock()
		l.events.unbelieved = false
		l.events.mu.Unlock()
		l.events.pass(lookEvery)
		l.deliveries(1)
		if n := l.Notices(); len(n) != 0 {
			t.Error(n)
		}
	})
}

// A retry that a wrong clock put years ahead is due at once.
func TestClockSetBack(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.add()
		l.events.now = day0.Add(1000 * time.Hour)
		l.to.set(status(500))
		l.run()
		l.happen(1)
		l.deliveries(1)
		l.resting()
		l.to.set(nil)
		l.events.mu.Lock()
		l.events.now = day0
		l.events.mu.Unlock()
		l.raise()
		if d := l.deliveries(2); !d.OK {
			t.Errorf("%+v", d)
		}
	})
}

// Without endpoints, and with one that wants only what changes bring about,
// nothing wakes the router.
func TestIdle(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.run()
		l.resting()
		l.events.pass(idle - time.Second)
		l.add("guest.login")
		l.resting()
		looked := l.events.looked
		l.events.pass(idle - time.Second)
		l.resting()
		if l.events.looked > looked+1 {
			t.Errorf("looked %d times", l.events.looked-looked)
		}
		l.add("device.seen")
		l.wait("a look", func() bool {
			l.events.mu.Lock()
			defer l.events.mu.Unlock()
			return slices.ContainsFunc(slices.Collect(maps.Values(l.events.waits)), func(at time.Time) bool { return at.Equal(l.events.now.Add(lookEvery)) })
		})
	})
}
