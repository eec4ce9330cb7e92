package operators

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestSessionEnds(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	idle, _ := h.in(ownerMail, laptop())
	h.pass(idleMax - time.Second)
	if h.who(idle.Cookie) == nil {
		t.Fatal("it ended too early")
	}
	h.pass(idleMax - time.Second)
	if h.who(idle.Cookie) == nil {
		t.Fatal("use does not count")
	}
	h.pass(idleMax)
	if h.who(idle.Cookie) != nil {
		t.Error("it does not end without use")
	}
	long, _ := h.in(ownerMail, laptop())
	for d := time.Duration(0); d < api.SessionMax-10*time.Hour; d += 10 * time.Hour {
		if h.who(long.Cookie) == nil {
			t.Fatalf("it ended after %v", d)
		}
		h.pass(10 * time.Hour)
	}
	h.pass(10 * time.Hour)
	if h.who(long.Cookie) != nil {
		t.Error("it does not end after thirty days")
	}
	// What is over leaves the store with the next flush.
	write, stored := h.Uses()
	h.fine(h.store.Update(t.Context(), write))
	stored()
	h.fine(h.store.View(t.Context(), func(r hotspot.Reader) error {
		left, err := r.Secrets(sessionSecret)
		if len(left) != 0 {
			t.Errorf("%d sessions left", len(left))
		}
		return err
	}))
}

// TestRotationDoesNotProlong: who enters the password again does not get
// another thirty days.
func TestRotationDoesNotProlong(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	x, _ := h.in(ownerMail, laptop())
	for n := range 3*24 + 1 {
		if h.pass(10 * time.Hour); n%3 > 0 && h.who(x.Cookie) != nil {
			continue
		}
		next, err := h.Confirm(t.Context(), x.Cookie, password, laptop())
		if errors.Is(err, api.ErrWrongKey) {
			return
		}
		h.fine(err)
		x = next
	}
	t.Error("it goes on for ever")
}

// TestClockIsSet: a router that learns the time keeps its operator signed in,
// across a restart, too; and a clock that goes back gives nobody more time.
func TestClockIsSet(t *testing.T) {
	h := newHouse(t)
	h.believed = false
	h.add(ownerMail, api.RoleOwner)
	x, _ := h.in(ownerMail, laptop())
	h.mu.Lock()
	h.now, h.believed = h.now.AddDate(1, 0, 0), true
	h.mu.Unlock()
	h.pass(time.Minute)
	if h.who(x.Cookie) == nil {
		t.Fatal("signed out by the clock")
	}
	write, stored := h.Uses()
	h.fine(h.store.Update(t.Context(), write))
	stored()
	h.restart()
	if h.who(x.Cookie) == nil {
		t.Error("signed out by the restart")
	}
	h.mu.Lock()
	h.now = h.now.AddDate(-5, 0, 0)
	h.mu.Unlock()
	h.restart()
	if h.who(x.Cookie) == nil {
		t.Error("signed out by a clock that is behind")
	}
	h.pass(idleMax)
	if h.who(x.Cookie) != nil {
		t.Error("a clock that is behind gives more time")
	}
}

// TestUses: what is stored of the last use is at most half an hour old, and
// costs nothing between.
func TestUses(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	x, _ := h.in(ownerMail, laptop())
	writes := 0
	for range 24 * 6 {
		h.pass(10 * time.Minute)
		h.who(x.Cookie)
		write, stored := h.Uses()
		h.fine(h.store.Update(t.Context(), func(tx hotspot.Tx) error {
			return write(counting{tx, &writes})
		}))
		stored()
	}
	if writes < 40 || writes > 50 {
		t.Errorf("%d writes in a day", writes)
	}
	h.restart()
	h.pass(idleMax - seenStep)
	if h.who(x.Cookie) == nil {
		t.Error("the restart took more than half an hour")
	}
}

type counting struct {
	hotspot.Tx
	n *int
}

func (c counting) PutSecret(name string, v []byte) error {
	*c.n++
	return c.Tx.PutSecret(name, v)
}

func TestSessionsListed(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	bob := h.add("bob@example.com", api.RoleManager)
	_, ada := h.in(ownerMail, laptop())
	one, _ := h.in(bob.Email, phone())
	h.pass(time.Minute)
	x, err := h.Open(t.Context(), api.SignIn{Email: bob.Email, Password: password, From: laptop(), Agent: "\x1b[31m" + strings.Repeat("Ä", 500)})
	h.fine(err)
	list, err := h.Sessions(t.Context(), x.Principal, bob.ID)
	h.fine(err)
	if len(list) != 2 || !list[0].Current || list[1].Current || list[1].Agent != "a browser" || list[1].From != phone() ||
		len([]rune(list[0].Agent)) != maxAgent || strings.Contains(list[0].Agent, "\x1b") || !list[0].Created.Equal(h.now) {
		t.Errorf("%+v", list)
	}
	_, err = h.Sessions(t.Context(), x.Principal, ada.ID)
	h.want(err, hotspot.CodeForbidden)
	_, err = h.Sessions(t.Context(), x.Principal, api.NewID())
	h.want(err, hotspot.CodeForbidden) // not even that nobody has the id
	_, err = h.EndSession(t.Context(), x.Principal, ada.ID, ada.Session)
	h.want(err, hotspot.CodeForbidden)
	_, err = h.EndSession(t.Context(), x.Principal, bob.ID, ada.Session)
	h.want(err, hotspot.CodeNotFound)
	n, err := h.EndSession(t.Context(), x.Principal, bob.ID, api.ID{})
	if h.fine(err); n != 1 || h.who(one.Cookie) != nil || h.who(x.Cookie) == nil {
		t.Errorf("%d ended", n)
	}
	n, err = h.EndSession(t.Context(), ada, bob.ID, list[0].ID)
	if h.fine(err); n != 1 || h.who(x.Cookie) != nil || x.Principal.Life.Err() == nil {
		t.Errorf("%d ended; what goes on under it: %v", n, x.Principal.Life.Err())
	}
}

func TestSessionsAreBounded(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	first, p := h.in(ownerMail, laptop())
	for range maxSessions {
		h.pass(time.Second)
		h.in(ownerMail, laptop())
	}
	list, err := h.Sessions(t.Context(), api.Local(), p.ID)
	h.fine(err)
	if len(list) != maxSessions || h.who(first.Cookie) != nil {
		t.Errorf("%d sessions", len(list))
	}
}

func TestForms(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	x, _ := h.in(ownerMail, laptop())
	other, _ := h.in(ownerMail, laptop())
	for _, c := range []struct {
		what   string
		method string
		set    map[string]string
		want   string
	}{
		{"no cookie", "POST", map[string]string{}, "nobody"},
		{"a rotten cookie", "POST", map[string]string{"Cookie": "vouchsafe=rubbish"}, "wrong"},
		{"reading", "GET", map[string]string{"Cookie": "vouchsafe=" + x.Cookie}, "fine"},
		{"no token", "POST", map[string]string{"Cookie": "vouchsafe=" + x.Cookie}, "forbidden"},
		{"another's token", "POST", map[string]string{"Cookie": "vouchsafe=" + x.Cookie, FormTokenHeader: FormToken(other.Cookie)}, "forbidden"},
		{"the token", "DELETE", map[string]string{"Cookie": "vouchsafe=" + x.Cookie, FormTokenHeader: FormToken(x.Cookie)}, "fine"},
		{"from another site", "POST", map[string]string{"Cookie": "vouchsafe=" + x.Cookie, FormTokenHeader: FormToken(x.Cookie), "Sec-Fetch-Site": "cross-site"}, "forbidden"},
		{"from another port", "POST", map[string]string{"Cookie": "vouchsafe=" + x.Cookie, FormTokenHeader: FormToken(x.Cookie), "Origin": "http://example.com:8080"}, "forbidden"},
		{"from here", "POST", map[string]string{"Cookie": "vouchsafe=" + x.Cookie, FormTokenHeader: FormToken(x.Cookie), "Origin": "http://example.com"}, "fine"},
		{"two cookies", "GET", map[string]string{"Cookie": "vouchsafe=" + x.Cookie + "; vouchsafe=" + other.Cookie}, "nobody"},
	} {
		r := httptest.NewRequest(c.method, "http://example.com/", nil)
		for k, v := range c.set {
			r.Header.Set(k, v)
		}
		p, err := h.Authenticate(r)
		got := "fine"
		switch {
		case errors.Is(err, api.ErrWrongKey):
			got = "wrong"
		case err != nil:
			got = string(hotspot.CodeOf(err))
		case p == nil:
			got = "nobody"
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.what, got, err, c.want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "http://example.com/sign-in", nil)
	h.fine(h.CheckOrigin(r))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	h.want(h.CheckOrigin(r), hotspot.CodeForbidden)
}

// TestTogether does all at once; the race detector watches.
func TestTogether(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	bob := h.add("bob@example.com", api.RoleManager)
	x, _ := h.in(bob.Email, phone())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				_ = h.who(x.Cookie)
				_, _ = h.List(t.Context(), api.Local())
				_, _ = h.Sessions(t.Context(), api.Local(), bob.ID)
				_, _ = h.Operator(t.Context(), bob.ID)
				_ = h.SetName(t.Context(), api.Local(), bob.ID, fmt.Sprintf("Bob %d", i))
				_ = h.SetRole(t.Context(), api.Local(), bob.ID, api.Roles()[1+i%2])
				write, stored := h.Uses()
				if h.store.Update(t.Context(), write) == nil {
					stored()
				}
			}
			y, err := h.Open(t.Context(), api.SignIn{Email: bob.Email, Password: password, From: phone()})
			if err == nil {
				_, _ = h.Confirm(t.Context(), y.Cookie, password, phone())
				_ = h.SignOut(t.Context(), y.Cookie)
			}
		})
	}
	wg.Wait()
	if h.who(x.Cookie) == nil {
		t.Error("the session was lost")
	}
	h.restart()
	if h.who(x.Cookie) == nil {
		t.Error("the session is not in the store")
	}
}
