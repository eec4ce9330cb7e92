package operators

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestPasswords(t *testing.T) {
	for p, fine := range map[string]bool{
		password: true, "nine char": false, "ten chars.": true, "Ada@Example.com": false, "Password123": false, "QWERTYUIOP": false,
		"zzzzzzzzzzzz": false, strings.Repeat("long ", 51): true, strings.Repeat("x y", 100): false, "żółćżółćżó": true, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff": false,
		"ada lovelace": false, "          ": false, "0123456789": false,
	} {
		err := checkPassword(p, ownerMail, "Ada Lovelace")
		if (err == nil) != fine {
			t.Errorf("%q: %v", p, err)
		}
	}
	for _, p := range strings.Fields(common) {
		if p != strings.ToLower(p) || len(p) < api.MinPassword {
			t.Errorf("%q in the list of common passwords is refused anyhow, or never", p)
		}
	}
}

func TestCreate(t *testing.T) {
	h := newHouse(t)
	try := func(mail, name, pass string, role api.Role) error {
		_, err := h.Create(t.Context(), api.Local(), api.NewOperator{Email: mail, Name: name, Role: role, Password: pass})
		return err
	}
	for _, mail := range []string{"", "x", "@x", "x@", "a@b@c", "a b@c", "a\n@b", "<a>@b", strings.Repeat("a", 300) + "@b", "\xff@b", "a@b\u202e"} {
		h.want(try(mail, "", password, api.RoleOwner), hotspot.CodeInvalid)
	}
	h.want(try(ownerMail, "a\x00b", password, api.RoleOwner), hotspot.CodeInvalid)
	h.want(try(ownerMail, "", "short", api.RoleOwner), hotspot.CodeInvalid)
	h.want(try(ownerMail, "", password, "god"), hotspot.CodeInvalid)
	h.fine(try(ownerMail, "Ada", password, api.RoleOwner))
	h.want(try("ADA@EXAMPLE.COM", "", password, api.RoleViewer), hotspot.CodeNameTaken)
	h.hasher.measure = nil // nothing more is hashed for those
	_, err := h.CreateFirst(t.Context(), api.NewOperator{Email: "mallory@example.com", Password: password}, laptop())
	h.want(err, hotspot.CodeForbidden)
	list, err := h.List(t.Context(), api.Local())
	if h.fine(err); len(list) != 1 || list[0].Name != "Ada" || list[0].Role != api.RoleOwner {
		t.Errorf("%+v", list)
	}
	if len(h.trail()) != 1 {
		t.Errorf("%q", h.trail())
	}
}

func TestCreateFirst(t *testing.T) {
	h := newHouse(t)
	if empty, err := h.Empty(t.Context()); !empty || err != nil {
		t.Fatal(err)
	}
	p, err := h.CreateFirst(t.Context(), api.NewOperator{Email: ownerMail, Password: password, Role: api.RoleViewer}, laptop())
	if h.fine(err); p.Role != api.RoleOwner {
		t.Errorf("%+v", p)
	}
	if got := fmt.Sprint(h.trail()); got != "[system first run operator.created ada@example.com]" {
		t.Errorf("%s", got)
	}
}

// TestWhoMayManage tries everything as everybody.
func TestWhoMayManage(t *testing.T) {
	h := newHouse(t)
	ada := h.add(ownerMail, api.RoleOwner)
	eve := h.add("eve@example.com", api.RoleOwner)
	bob := h.add("bob@example.com", api.RoleManager)
	vic := h.add("vic@example.com", api.RoleViewer)
	cookies := map[string]string{}
	callers := map[string]*api.Principal{"command line": api.Local(), "nobody": {}, "device key": {Kind: api.CallerDevice, Scopes: []api.Scope{api.ScopeAll}}}
	for name, op := range map[string]api.Operator{"owner": ada, "manager": bob, "viewer": vic} {
		var x api.Ticket
		x, callers[name] = h.in(op.Email, laptop())
		cookies[name] = x.Cookie
		token := *callers[name]
		token.Token, token.Session = true, api.ID{}
		callers[name+"'s token"] = &token
	}
	ctx := t.Context()
	const next = "the moon is made of it"
	// Who may, and who may once the password was entered again.
	for _, c := range []struct {
		what string
		do   func(*api.Principal) error
		may  string
		asks bool
	}{
		{"list", func(by *api.Principal) error { _, err := h.List(ctx, by); return err }, "command line, owner", false},
		{"get", func(by *api.Principal) error { _, err := h.Get(ctx, by, vic.ID); return err }, "command line, owner, viewer", false},
		{"create", func(by *api.Principal) error {
			_, err := h.Create(ctx, by, api.NewOperator{Email: api.NewID().String() + "@x", Role: api.RoleViewer, Password: next})
			return err
		}, "command line, owner", true},
		{"role", func(by *api.Principal) error { return h.SetRole(ctx, by, eve.ID, api.RoleOwner) }, "command line, owner", true},
		{"name", func(by *api.Principal) error { return h.SetName(ctx, by, vic.ID, "Vic") }, "command line, owner, viewer", false},
		{"viewer's password", func(by *api.Principal) error { return h.SetPassword(ctx, by, vic.ID, password) }, "command line, owner, viewer", true},
		{"owner's password", func(by *api.Principal) error { return h.SetPassword(ctx, by, ada.ID, password) }, "command line, owner", true},
		{"another owner's password", func(by *api.Principal) error { return h.SetPassword(ctx, by, eve.ID, next) }, "command line", true},
		{"another owner's codes", func(by *api.Principal) error { return notInvalid(h.DropTOTP(ctx, by, eve.ID)) }, "command line", true},
		{"viewer's codes", func(by *api.Principal) error { return notInvalid(h.DropTOTP(ctx, by, vic.ID)) }, "command line, owner, viewer", true},
		{"viewer's app", func(by *api.Principal) error { _, err := h.OfferTOTP(ctx, by, vic.ID, ""); return err }, "viewer", true},
		{"viewer's recovery", func(by *api.Principal) error { _, err := h.NewRecovery(ctx, by, vic.ID); return notInvalid(err) }, "viewer", true},
		{"sessions", func(by *api.Principal) error { _, err := h.Sessions(ctx, by, vic.ID); return err }, "command line, owner, viewer", false},
		{"nobody's password", func(by *api.Principal) error { return notFound(h.SetPassword(ctx, by, api.NewID(), next)) }, "command line, owner", false},
		{"remove", func(by *api.Principal) error { return notFound(h.Remove(ctx, by, api.NewID())) }, "command line, owner", true},
	} {
		for name := range callers {
			by := callers[name]
			if c := cookies[name]; c != "" {
				if by = h.who(c); by == nil { // a password was changed
					x, p := h.in(map[string]string{"owner": ownerMail, "manager": bob.Email, "viewer": vic.Email}[name], laptop())
					cookies[name], by = x.Cookie, p
				}
			}
			h.confirm(by, true)
			err := c.do(by)
			may := strings.Contains(", "+c.may+",", ", "+name+",") || strings.HasSuffix(", "+c.may, ", "+name)
			if may != (err == nil) || !may && hotspot.CodeOf(err) != hotspot.CodeForbidden {
				t.Errorf("%s, %s: %v", name, c.what, err)
			}
			if c := cookies[name]; c != "" {
				by = h.who(c)
			}
			h.confirm(by, false)
			if err := c.do(by); may && name != "command line" && c.asks != errors.Is(err, api.ErrConfirm) {
				t.Errorf("%s, %s, long after signing in: %v", name, c.what, err)
			}
		}
	}
}

// confirm sets whether a caller has just entered the password.
func (h *house) confirm(by *api.Principal, fresh bool) {
	h.Operators.mu.Lock()
	defer h.Operators.mu.Unlock()
	if s := h.sessionByID(by.Session); s != nil {
		s.confirmed = 0
		if fresh {
			s.confirmed = h.mono
		}
	}
}

func notInvalid(err error) error {
	if hotspot.CodeOf(err) == hotspot.CodeInvalid {
		return nil
	}
	return err
}

func notFound(err error) error {
	if hotspot.CodeOf(err) == hotspot.CodeNotFound {
		return nil
	}
	return err
}

func TestLastOwner(t *testing.T) {
	h := newHouse(t)
	ada := h.add(ownerMail, api.RoleOwner)
	bob := h.add("bob@example.com", api.RoleManager)
	h.want(h.Remove(t.Context(), api.Local(), ada.ID), hotspot.CodeForbidden)
	h.want(h.SetRole(t.Context(), api.Local(), ada.ID, api.RoleViewer), hotspot.CodeForbidden)
	h.fine(h.SetRole(t.Context(), api.Local(), ada.ID, api.RoleOwner))
	h.fine(h.SetRole(t.Context(), api.Local(), bob.ID, api.RoleOwner))
	x, _ := h.in(ownerMail, laptop())
	h.fine(h.Remove(t.Context(), h.who(x.Cookie), ada.ID)) // herself
	if h.who(x.Cookie) != nil || x.Principal.Life.Err() == nil {
		t.Error("one who is gone is signed in")
	}
	h.want(h.Remove(t.Context(), api.Local(), bob.ID), hotspot.CodeForbidden)
	if _, err := h.Operator(t.Context(), ada.ID); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("%v", err)
	}
	if _, err := h.SignIn(t.Context(), ownerMail, password, laptop()); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("%v", err)
	}
	h.restart()
	if _, err := h.SignIn(t.Context(), ownerMail, password, laptop()); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("%v", err)
	}
}

// TestPasswordEndsSessions: all others, and all access tokens.
func TestPasswordEndsSessions(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	here, _ := h.in(ownerMail, laptop())
	there, _ := h.in(ownerMail, phone())
	before, err := h.SignIn(t.Context(), ownerMail, password, laptop())
	h.fine(err)
	const next = "the moon is made of it"
	h.fine(h.SetPassword(t.Context(), h.who(here.Cookie), before.ID, next))
	for _, again := range []bool{false, true} {
		if again {
			h.restart()
		}
		if h.who(here.Cookie) == nil || h.who(there.Cookie) != nil {
			t.Errorf("restarted %v: the wrong sessions ended", again)
		}
	}
	after, err := h.Operator(t.Context(), before.ID)
	if h.fine(err); after.Epoch == before.Epoch || before.Life.Err() == nil || there.Principal.Life.Err() == nil {
		t.Error("access tokens go on")
	}
	if _, err := h.SignIn(t.Context(), ownerMail, password, laptop()); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("the old password: %v", err)
	}
	if _, err := h.SignIn(t.Context(), ownerMail, next, laptop()); err != nil {
		t.Errorf("the new password: %v", err)
	}
	h.fine(h.SetPassword(t.Context(), api.Local(), before.ID, password))
	if h.who(here.Cookie) != nil {
		t.Error("a reset on the command line leaves sessions open")
	}
	if strings.Contains(fmt.Sprint(h.trail()), next) {
		t.Error("a password is in the audit log")
	}
}

// TestRoleIsInForceAtOnce: also for who is signed in.
func TestRoleIsInForceAtOnce(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	bob := h.add("bob@example.com", api.RoleOwner)
	x, p := h.in(bob.Email, laptop())
	h.fine(h.SetRole(t.Context(), api.Local(), bob.ID, api.RoleViewer))
	if now := h.who(x.Cookie); now == nil || now.May(api.ScopeAll) || !now.ReadOnly || p.Life.Err() == nil || now.Life.Err() != nil {
		t.Errorf("%+v; before: %v", now, p.Life.Err())
	}
	if err := h.SetRole(t.Context(), p, bob.ID, api.RoleOwner); hotspot.CodeOf(err) != hotspot.CodeForbidden {
		t.Errorf("with what he was: %v", err)
	}
}

// TestDiskFails: what could not be stored is not in force.
func TestDiskFails(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	bob := h.add("bob@example.com", api.RoleManager)
	x, _ := h.in(bob.Email, laptop())
	broken := errors.New("the disk is broken")
	h.store.FailUpdate = func() error { return broken }
	for what, err := range map[string]error{
		"role":     h.SetRole(t.Context(), api.Local(), bob.ID, api.RoleViewer),
		"password": h.SetPassword(t.Context(), api.Local(), bob.ID, "the moon is made of it"),
		"remove":   h.Remove(t.Context(), api.Local(), bob.ID),
		"sign out": h.SignOut(t.Context(), x.Cookie),
		"session":  func() error { _, err := h.EndSession(t.Context(), api.Local(), bob.ID, api.ID{}); return err }(),
	} {
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := h.Open(t.Context(), api.SignIn{Email: bob.Email, Password: password, From: laptop()}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	h.store.FailUpdate = nil
	if p := h.who(x.Cookie); p == nil || p.Role != api.RoleManager {
		t.Errorf("%+v", p)
	}
	h.in(bob.Email, laptop())
}

// TestDamagedRecords: those that cannot be read keep nobody else out.
func TestDamagedRecords(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	x, _ := h.in(ownerMail, laptop())
	h.fine(h.store.Update(t.Context(), func(tx hotspot.Tx) error {
		return errors.Join(
			tx.PutSecret(personSecret+"short", []byte(`{}`)),
			tx.PutSecret(personSecret+api.NewID().String(), []byte(`{"email":"x@y","role":"owner","password":"plain"}`)),
			tx.PutSecret(personSecret+api.NewID().String(), []byte(`rubbish`)),
			tx.PutSecret(sessionSecret+api.NewID().String(), []byte(`{"operator":"x"}`)),
			tx.PutSecret(sessionSecret+api.NewID().String(), []byte(`{"operator":"`+x.Principal.ID.String()+`","hash":"AAAA"}`)))
	}))
	h.restart()
	if h.who(x.Cookie) == nil {
		t.Error("signed out")
	}
	list, err := h.List(t.Context(), api.Local())
	if h.fine(err); len(list) != 1 || strings.Count(h.log.String(), "cannot be read") != 5 {
		t.Errorf("%+v, %s", list, h.log)
	}
}

func TestOffers(t *testing.T) {
	h := newHouse(t)
	h.add(ownerMail, api.RoleOwner)
	_, p := h.in(ownerMail, laptop())
	offer, err := h.OfferTOTP(t.Context(), p, p.ID, "Café: 1")
	h.fine(err)
	if want := "otpauth://totp/Caf%C3%A9%20%201:ada@example.com?secret=" + offer.Secret + "&issuer=Caf%C3%A9%20%201"; offer.URI != want {
		t.Errorf("%s, want %s", offer.URI, want)
	}
	if op, _ := h.Get(t.Context(), p, p.ID); op.TOTP {
		t.Error("it counts before a code was shown")
	}
	again, err := h.OfferTOTP(t.Context(), p, p.ID, "Café: 1")
	if h.fine(err); again != offer {
		t.Errorf("the page that is loaded again shows another secret")
	}
	_, elsewhere := h.in(ownerMail, phone())
	other, err := h.OfferTOTP(t.Context(), elsewhere, p.ID, "Café: 1")
	if h.fine(err); other.Secret == offer.Secret {
		t.Error("another session is shown the secret")
	}
	_, err = h.ConfirmTOTP(t.Context(), p, p.ID, h.code(other.Secret))
	h.want(err, hotspot.CodeInvalid)
	offer, err = h.OfferTOTP(t.Context(), p, p.ID, "")
	h.fine(err)
	_, err = h.ConfirmTOTP(t.Context(), p, p.ID, "000000")
	h.want(err, hotspot.CodeInvalid)
	h.pass(offerFor)
	_, err = h.ConfirmTOTP(t.Context(), p, p.ID, h.code(offer.Secret))
	h.want(err, hotspot.CodeInvalid)
	_, p = h.in(ownerMail, laptop())
	_, first := h.secure(p)
	second, err := h.NewRecovery(t.Context(), p, p.ID)
	if h.fine(err); len(second) != recoveryCodes || second[0] == first[0] {
		t.Errorf("%v", second)
	}
	if findRecovery(h.people[p.ID].Recovery, first[0]) >= 0 || findRecovery(h.people[p.ID].Recovery, second[7]) != 7 {
		t.Error("the old codes count, or the new ones do not")
	}
	h.fine(h.DropTOTP(t.Context(), p, p.ID))
	h.want(h.DropTOTP(t.Context(), p, p.ID), hotspot.CodeInvalid)
	if y, _ := h.in(ownerMail, laptop()); y.NeedsCode {
		t.Error("a code is asked for")
	}
	h.mu.Lock()
	h.believed = false
	h.mu.Unlock()
	_, err = h.OfferTOTP(t.Context(), p, p.ID, "")
	h.want(err, hotspot.CodeUnavailable)
}
