package operators

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestSignIn(t *testing.T) {
	h := newHouse(t)
	op := h.add(" Ada@Example.COM ", api.RoleOwner)
	if op.Email != ownerMail {
		t.Errorf("kept as %q", op.Email)
	}
	updates := h.store.Updates()
	ticket, p := h.in("ADA@example.com", laptop())
	if h.store.Updates() != updates+1 {
		t.Errorf("a sign-in takes %d writes", h.store.Updates()-updates)
	}
	if p.ID != op.ID || !p.May(api.ScopeAll) || p.ReadOnly || p.Session == (api.ID{}) || p.Role != api.RoleOwner || p.From != laptop() {
		t.Errorf("%+v", p)
	}
	for range 100 {
		if h.who(ticket.Cookie) == nil {
			t.Fatal("the cookie opens nothing")
		}
	}
	if h.store.Updates() != updates+1 {
		t.Error("requests write to flash")
	}
	h.restart()
	if got := h.who(ticket.Cookie); got == nil || got.ID != op.ID || got.Session != p.Session {
		t.Errorf("after a restart: %+v", got)
	}
	h.fine(h.SignOut(t.Context(), ticket.Cookie))
	h.fine(h.SignOut(t.Context(), ticket.Cookie))
	if h.who(ticket.Cookie) != nil {
		t.Error("it still opens after signing out")
	}
	h.restart()
	if h.who(ticket.Cookie) != nil {
		t.Error("it opens again after a restart")
	}
	want := []string{"command line command line operator.created ada@example.com", "operator ada@example.com operator.signed_in ada@example.com",
		"operator ada@example.com operator.signed_out ada@example.com"}
	if got := h.trail(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
	if text := h.log.String() + fmt.Sprint(h.trail()); strings.Contains(text, password) || strings.Contains(text, ticket.Cookie) {
		t.Error("a secret is in the logs")
	}
}

// TestNothingToSteal: what the store has opens nothing by itself.
func TestNothingToSteal(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	ticket, p := h.in(ownerMail, laptop())
	secret, recovery := h.secure(p)
	h.fine(h.store.View(t.Context(), func(r hotspot.Reader) error {
		all, err := r.Secrets("")
		for name, b := range all {
			raw, _ := totpEncoding().DecodeString(secret)
			for _, s := range []string{ticket.Cookie, password, secret, string(raw), recovery[0], strings.ReplaceAll(recovery[0], "-", "")} {
				if strings.Contains(string(b), s) {
					t.Errorf("%s has a secret in it: %s", name, b)
				}
			}
		}
		return err
	}))
}

// TestFixation: no cookie that somebody prepared becomes a session, and each
// step up gets another one.
func TestFixation(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	planted, _ := newCookie()
	one, _ := h.in(ownerMail, laptop())
	if h.who(planted) != nil {
		t.Error("the planted cookie opens something")
	}
	two, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: laptop(), Previous: one.Cookie})
	h.fine(err)
	if two.Cookie == one.Cookie || h.who(one.Cookie) != nil || h.who(two.Cookie) == nil {
		t.Error("the session from before goes on")
	}
	three, err := h.Confirm(t.Context(), two.Cookie, password, laptop())
	h.fine(err)
	if three.Cookie == two.Cookie || h.who(two.Cookie) != nil || h.who(three.Cookie) == nil {
		t.Error("the cookie did not change when the password was entered again")
	}
	if three.Principal.Session != two.Principal.Session {
		t.Error("it is another session")
	}
	h.restart()
	if h.who(two.Cookie) != nil || h.who(three.Cookie) == nil {
		t.Error("not so after a restart")
	}
	if _, err := h.Confirm(t.Context(), three.Cookie, "wrong wrong wrong", laptop()); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("%v", err)
	}
	if h.who(three.Cookie) == nil {
		t.Error("a wrong password ended the session")
	}
	// With two-step sign-in, the cookie of the first step opens nothing.
	_, p := h.in(ownerMail, laptop())
	secret, _ := h.secure(p)
	h.pass(time.Minute)
	half, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: laptop()})
	h.fine(err)
	if !half.NeedsCode || half.Principal != nil || h.who(half.Cookie) != nil || !h.AwaitsCode(half.Cookie) {
		t.Errorf("%+v", half)
	}
	whole, err := h.Code(t.Context(), half.Cookie, h.code(secret), laptop())
	h.fine(err)
	if whole.Cookie == half.Cookie || h.who(half.Cookie) != nil || h.who(whole.Cookie) == nil || h.AwaitsCode(half.Cookie) {
		t.Error("the cookie did not change with the code")
	}
}

// TestSameWork: what is computed does not tell an address that is known from
// one that is not, also when hashes were made on a faster router.
func TestSameWork(t *testing.T) {
	h := newHouse(t)
	h.hasher.measure = func(w work) time.Duration { return time.Duration(w.cost()) * 12 * time.Microsecond } // 41 MB a second
	h.add(ownerMail, api.RoleOwner)
	h.add("bob@example.com", api.RoleViewer)
	h.restart()
	spent := func(mail, pass string) (uint64, error) {
		before := h.hasher.done.Load()
		_, err := h.SignIn(t.Context(), mail, pass, netip.MustParseAddr("10.0.0.1"))
		h.pass(time.Minute)
		return h.hasher.done.Load() - before, err
	}
	want, err := spent(ownerMail, "wrong wrong wrong")
	if !errors.Is(err, api.ErrWrongKey) || want == 0 {
		t.Fatalf("%d %v", want, err)
	}
	for _, mail := range []string{"bob@example.com", "nobody@example.com", "", "x", strings.Repeat("a", 10_000), "\x00"} {
		got, err := spent(mail, "wrong wrong wrong")
		if got != want || !errors.Is(err, api.ErrWrongKey) {
			t.Errorf("%.20q: work %d, want %d; %v", mail, got, want, err)
		}
	}
	// With no operator at all there is work, too.
	empty := newHouse(t)
	before := empty.hasher.done.Load()
	if _, err := empty.SignIn(t.Context(), ownerMail, password, laptop()); !errors.Is(err, api.ErrWrongKey) || empty.hasher.done.Load() == before {
		t.Errorf("%v", err)
	}
}

// TestRehash: hashes follow the machine, by a sign-in.
func TestRehash(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	h.restart()
	h.hasher.measure = func(w work) time.Duration { return time.Duration(w.cost()) * time.Microsecond }
	fast := h.hasher.work()
	h.in(ownerMail, laptop())
	h.restart()
	if _, err := h.Empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _, err := parseHash(h.byEmail(ownerMail).Password)
	if err != nil || got != fast {
		t.Errorf("%+v, want %+v, %v", got, fast, err)
	}
}

func TestGuessing(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	guess := func(from string) error {
		_, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: "wrong wrong wrong", From: netip.MustParseAddr(from)})
		return err
	}
	var wait *api.WaitError
	for i := range 5 {
		if err := guess(fmt.Sprintf("fd00:1:2:3::%x", i+1)); !errors.Is(err, api.ErrWrongKey) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	before := h.hasher.done.Load()
	if err := guess("fd00:1:2:3:ffff::1"); !errors.As(err, &wait) || h.hasher.done.Load() != before {
		t.Errorf("another address of the same network: %v", err)
	}
	// The right password waits as well: its answer would tell.
	if _, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: netip.MustParseAddr("fd00:1:2:3::9")}); !errors.As(err, &wait) {
		t.Errorf("%v", err)
	}
	h.in(ownerMail, laptop()) // from elsewhere
	// Many sources guess at one account: strangers wait, the owner does not.
	for i := range 40 {
		_ = guess(fmt.Sprintf("10.0.%d.1", i))
	}
	if err := guess("10.1.0.1"); !errors.As(err, &wait) || wait.For > 30*time.Second {
		t.Errorf("a stranger: %v", err)
	}
	h.in(ownerMail, laptop())
	// Nor does the attack outlive itself, for anybody.
	h.pass(31 * time.Second)
	h.in(ownerMail, phone())
	h.restart()
	for i := range 40 {
		_ = guess(fmt.Sprintf("10.0.%d.1", i))
	}
	h.in(ownerMail, phone()) // known also after a restart
}

// TestSideBySide: attempts side by side count as if one came after the other.
func TestSideBySide(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	var wg sync.WaitGroup
	before := h.hasher.done.Load()
	for range 50 {
		wg.Go(func() {
			_, _ = h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: "wrong wrong wrong", From: laptop()})
		})
	}
	wg.Wait()
	if n := (h.hasher.done.Load() - before) / h.hasher.work().cost(); n > 5 {
		t.Errorf("%d passwords were looked at", n)
	}
	// As many from many places: the queue is short, and nothing is stuck.
	for i := range 50 {
		wg.Go(func() {
			_, _ = h.Open(t.Context(), api.SignIn{Email: "x", Password: "y", From: netip.AddrFrom4([4]byte{10, 1, byte(i), 1})})
		})
	}
	wg.Wait()
	h.pass(time.Minute)
	h.in(ownerMail, laptop())
}

func TestTwoSteps(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	_, p := h.in(ownerMail, laptop())
	secret, recovery := h.secure(p)
	if len(recovery) != recoveryCodes {
		t.Fatalf("%d recovery codes", len(recovery))
	}
	half := func() string {
		h.Helper()
		x, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: laptop()})
		h.fine(err)
		return x.Cookie
	}
	try := func(cookie, code string) error {
		_, err := h.Code(t.Context(), cookie, code, laptop())
		return err
	}
	// The code that turned it on counts no more.
	if err := try(half(), h.code(secret)); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("a code counts twice: %v", err)
	}
	h.pass(30 * time.Second)
	code := h.code(secret)
	h.fine(try(half(), code[:3]+" "+code[3:]))
	if err := try(half(), code); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("replay: %v", err)
	}
	h.restart()
	if err := try(half(), code); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("replay after a restart: %v", err)
	}
	// One step late is fine, two are not.
	h.pass(2 * time.Minute)
	late := h.code(secret)
	h.pass(60 * time.Second)
	if err := try(half(), late); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("two steps late: %v", err)
	}
	late = h.code(secret)
	h.pass(30 * time.Second)
	h.fine(try(half(), late))
	// A recovery code counts once.
	h.pass(time.Hour)
	h.fine(try(half(), strings.ToLower(strings.ReplaceAll(recovery[3], "-", " "))))
	if err := try(half(), recovery[3]); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("%v", err)
	}
	op, err := h.Get(t.Context(), api.Local(), p.ID)
	if h.fine(err); op.Recovery != recoveryCodes-1 || !op.TOTP {
		t.Errorf("%+v", op)
	}
	// No access token by password alone.
	if _, err := h.SignIn(t.Context(), ownerMail, password, laptop()); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("%v", err)
	}
	h.pass(time.Hour)
	slow := half()
	h.pass(halfFor)
	if err := try(slow, h.code(secret)); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("a code after five minutes: %v", err)
	}
}

// TestSameCodeSideBySide: of several who show the same code at once, one gets in.
func TestSameCodeSideBySide(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	_, p := h.in(ownerMail, laptop())
	secret, _ := h.secure(p)
	h.pass(time.Minute)
	var cookies []string
	for range 4 {
		x, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: laptop()})
		h.fine(err)
		cookies = append(cookies, x.Cookie)
	}
	code := h.code(secret)
	var wg sync.WaitGroup
	var mu sync.Mutex
	in := 0
	for i, c := range cookies {
		wg.Go(func() {
			if _, err := h.Code(t.Context(), c, code, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})); err == nil {
				mu.Lock()
				defer mu.Unlock()
				in++
			}
		})
	}
	wg.Wait()
	if in != 1 {
		t.Errorf("%d got in with one code", in)
	}
}

// TestGuessingCodes: whoever has the password cannot try all codes, and cannot
// keep the owner out either.
func TestGuessingCodes(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	_, p := h.in(ownerMail, laptop())
	_, recovery := h.secure(p)
	tried, wrong, times := 0, 0, 300
	if testing.Short() {
		times = 75 // an emulated processor is slow
	}
	for i := range times {
		from := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		x, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: from})
		if err == nil {
			tried++
			if _, err := h.Code(t.Context(), x.Cookie, "000000", from); errors.Is(err, api.ErrWrongKey) {
				wrong++
			}
		}
		h.pass(100 * time.Second)
	}
	if wrong > times/3+20 || tried == 0 { // one each 300 s, and ten
		t.Errorf("%d codes were looked at, %d passwords", wrong, tried)
	}
	x, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: laptop()})
	h.fine(err)
	if _, err := h.Code(t.Context(), x.Cookie, recovery[0], laptop()); err != nil {
		t.Errorf("the owner's recovery code: %v", err)
	}
	if len(h.halves) > maxHalves {
		t.Errorf("%d halves are kept", len(h.halves))
	}
}

func TestTriesPerPassword(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	_, p := h.in(ownerMail, laptop())
	secret, _ := h.secure(p)
	h.pass(time.Minute)
	x, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: laptop()})
	h.fine(err)
	for i := range maxTries {
		if _, err := h.Code(t.Context(), x.Cookie, "12345x", netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})); !errors.Is(err, api.ErrWrongKey) {
			t.Errorf("%v", err)
		}
	}
	if h.AwaitsCode(x.Cookie) {
		t.Error("there is no end to trying")
	}
	if _, err := h.Code(t.Context(), x.Cookie, h.code(secret), laptop()); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("the right code, too late: %v", err)
	}
}

// TestLostSecret: with another device secret, recovery codes work.
func TestLostSecret(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	_, p := h.in(ownerMail, laptop())
	secret, recovery := h.secure(p)
	h.restart()
	h.cfg.Sealer = box(9)
	h.pass(time.Minute)
	x, err := h.Open(t.Context(), api.SignIn{Email: ownerMail, Password: password, From: laptop()})
	h.fine(err)
	if _, err := h.Code(t.Context(), x.Cookie, h.code(secret), laptop()); !errors.Is(err, api.ErrWrongKey) || !strings.Contains(h.log.String(), "totp-off") {
		t.Errorf("%v; log %s", err, h.log)
	}
	_, err = h.Code(t.Context(), x.Cookie, recovery[0], laptop())
	h.fine(err)
}
