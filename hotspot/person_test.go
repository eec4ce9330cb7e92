package hotspot_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// lobby is a house with some people in it.
type lobby struct {
	*house
	annaPhone, annaTablet, shared, bobPhone, walkIn hotspot.Host
	anna, bob                                       hotspot.AccountID
	voucher                                         hotspot.Voucher
}

const (
	annaMail = "anna@example.org"
	annaName = "Anna </script> Rossi"
)

func (h *house) loginAs(d hotspot.Host, m hotspot.Method, key, name string) hotspot.AccountID {
	h.t.Helper()
	u := hotspot.User{Method: m, Key: key, Name: name, Comments: [3]string{"room 12 of " + key, "", ""}}
	st, err := h.Login(h.t.Context(), d, hotspot.Claim{Method: m, Login: key, User: u})
	if err != nil || !st.Online {
		h.t.Fatalf("login of %s: %v", key, err)
	}
	return st.Guest.Account
}

func newLobby(t *testing.T, told ...hotspot.EventType) *lobby {
	t.Helper()
	l := &lobby{house: newHouse(t)}
	l.set("login.free", "on")
	l.set("people.keep_days", "0")
	l.Subscribe([]hotspot.Subscription{{Endpoint: "x", Types: told}})
	for i, d := range []*hotspot.Host{&l.annaPhone, &l.annaTablet, &l.shared, &l.bobPhone, &l.walkIn} {
		*d = l.device(byte(i + 1))
	}
	l.voucher = l.house.voucher(hotspot.VoucherSpec{FullName: "Room 12", ValidFor: hours(100), Devices: 3})
	if err := l.Look(t.Context()); err != nil { // they are seen
		t.Fatal(err)
	}
	visit := func(f func()) {
		f()
		l.clock.Pass(time.Minute)
		l.flush()
	}
	for _, d := range []hotspot.Host{l.annaPhone, l.annaTablet, l.shared} {
		visit(func() { l.anna = l.loginAs(d, hotspot.MethodEmail, annaMail, annaName) })
	}
	visit(func() { l.login(l.annaPhone, l.voucher) })
	visit(func() {
		if _, err := l.tryFree(l.annaTablet); err != nil {
			t.Fatal(err)
		}
	})
	visit(func() { l.bob = l.loginAs(l.bobPhone, hotspot.MethodEmail, "bob@example.org", "Bob") })
	visit(func() { l.loginAs(l.shared, hotspot.MethodEmail, "bob@example.org", "Bob") })
	visit(func() { l.login(l.walkIn, l.voucher) })
	l.down(l.walkIn, 5000)
	l.flush()
	return l
}

// stored is all that the store has, but for the devices of MACs that it does not
// list.
func (l *lobby) stored() string {
	l.t.Helper()
	var all []any
	err := l.store.View(l.t.Context(), func(r hotspot.Reader) error {
		vouchers, e1 := r.Vouchers(0, 1000)
		sessions, e2 := r.Sessions(0, 1000)
		events, e3 := r.Events(0, 1000)
		seen, e4 := r.Sightings()
		audit, e5 := r.Audit(0, 1000)
		settings, e6 := r.Settings()
		blocked, e7 := r.BlockedDevices()
		for i := range blocked {
			blocked[i].MAC = hotspot.MAC{} // it stays
		}
		all = append(all, blocked, vouchers, sessions, seen, audit, settings)
		for _, e := range events {
			all = append(all, string(e.Data))
		}
		for _, m := range hotspot.UserMethods() {
			users, err := r.Users(m, 0, 1000)
			all = append(all, users)
			if err != nil {
				return err
			}
		}
		for _, h := range l.hosts.List() {
			d, err := r.Device(h.MAC)
			if err == nil {
				all = append(all, d)
			}
		}
		return errors.Join(e1, e2, e3, e4, e5, e6, e7)
	})
	if err != nil {
		l.t.Fatal(err)
	}
	b, err := json.Marshal(all)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// wantNo fails for each text that the store has somewhere.
func (l *lobby) wantNo(texts ...string) {
	l.t.Helper()
	all := l.stored()
	for _, s := range texts {
		if i := strings.Index(all, s); i >= 0 {
			l.t.Errorf("%q is stored: …%s…", s, all[max(0, i-200):min(len(all), i+200)])
		}
	}
}

func (l *lobby) wantSome(texts ...string) {
	l.t.Helper()
	all := l.stored()
	for _, s := range texts {
		if !strings.Contains(all, s) {
			l.t.Errorf("%q is not stored any more", s)
		}
	}
}

// annas are the texts that only Anna has.
func (l *lobby) annas() []string {
	return []string{annaMail, "Rossi", "room 12 of anna", l.annaPhone.MAC.String(), l.annaTablet.MAC.String(),
		l.annaPhone.Addrs[0].String() + `"`, l.annaTablet.Addrs[0].String() + `"`, l.annaTablet.Addrs[1].String() + `"`}
}

func TestPerson(t *testing.T) {
	l := newLobby(t, hotspot.EventTypes()...)
	p, err := l.Person(t.Context(), hotspot.Who{User: l.anna})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%d users, %d devices, %d vouchers, %d others, %d logins, %d kept, %d events, %d audit",
		len(p.Users), len(p.Devices), len(p.Vouchers), len(p.Others), p.Logins, p.Kept, p.Events, p.Audit)
	// The tablet is a free user, too. Three seen, five logins, three ends.
	if want := "2 users, 3 devices, 1 vouchers, 1 others, 5 logins, 1 kept, 11 events, 0 audit"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, w := range []string{annaMail, "ANNA@example.org"} {
		who, err := hotspot.ParseWho(w)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := l.Person(t.Context(), who); err != nil || q.Logins != p.Logins {
			t.Errorf("by %s: %d logins, %v", w, q.Logins, err)
		}
	}
	q, err := l.Person(t.Context(), hotspot.Who{Key: l.walkIn.MAC.String()})
	if err != nil || len(q.Users) != 0 || q.Logins != 1 || len(q.Vouchers) != 1 || !q.Devices[0].Online {
		t.Errorf("%+v, %v", q, err)
	}
	for _, w := range []hotspot.Who{{Key: "nobody@example.org"}, {Key: "0000099999"}, {Key: "02:99:00:00:00:00"}, {User: hotspot.AccountID{Method: hotspot.MethodFree, ID: 99}}} {
		if _, err := l.Person(t.Context(), w); !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("%s: %v", w, err)
		}
		if _, err := l.Erase(t.Context(), w); !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("%s: %v", w, err)
		}
	}
}

func TestErase(t *testing.T) {
	l := newLobby(t, hotspot.EventTypes()...)
	l.wantSome(l.annas()...)
	before, err := l.Logins(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	ctx := hotspot.WithActor(t.Context(), hotspot.Actor{Kind: hotspot.ActorOperator, Name: "owner"})
	p, err := l.Erase(ctx, hotspot.Who{Key: annaMail})
	if err != nil || p.Logins != 5 {
		t.Fatalf("%+v, %v", p, err)
	}
	l.wantNo(l.annas()...)
	l.wantSome("bob@example.org", l.shared.MAC.String(), l.bobPhone.MAC.String(), l.walkIn.MAC.String(), `"person.erased"`)
	for _, d := range []hotspot.Host{l.annaPhone, l.annaTablet} {
		if l.Online(d.MAC) || l.down(d, 1000) > 0 {
			t.Errorf("%s is still in", d.MAC)
		}
	}
	if !l.Online(l.walkIn.MAC) || !l.Online(l.bobPhone.MAC) || !l.Online(l.shared.MAC) {
		t.Error("others were thrown out")
	}
	after, err := l.Logins(t.Context(), 0, 100)
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d logins of %d, %v", len(after), len(before), err)
	}
	for i, x := range after { // the statistics stay
		if x.Started != before[i].Started || x.Used != before[i].Used || x.Account.Method != before[i].Account.Method {
			t.Errorf("%+v was %+v", x, before[i])
		}
	}
	// The watch of the network does not remember the device, either: it is new.
	l.clock.Pass(2 * time.Minute)
	if err := l.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := l.stored(); strings.Count(all, `\"first\":true`) < 4 {
		t.Errorf("the devices were not seen as new ones")
	}
	// It can log in again, as somebody new.
	if id := l.loginAs(l.annaPhone, hotspot.MethodEmail, annaMail, ""); id == l.anna {
		t.Error("the same user")
	}
	if _, err := l.Erase(t.Context(), hotspot.Who{Key: l.walkIn.MAC.String()}); err != nil {
		t.Fatal(err)
	}
	if l.Online(l.walkIn.MAC) {
		t.Error("the guest is still in")
	}
}

// TestEraseBlocked: a device stays blocked, and nobody knows any more whose it
// was.
func TestEraseBlocked(t *testing.T) {
	l := newLobby(t)
	if _, err := l.Block(t.Context(), l.shared.MAC, "threw a chair"); err != nil {
		t.Fatal(err)
	}
	p, err := l.Erase(t.Context(), hotspot.Who{Key: "bob@example.org"})
	if err != nil || p.Devices[0].Blocked.IsZero() && p.Devices[1].Blocked.IsZero() {
		t.Fatalf("%+v, %v", p.Devices, err)
	}
	l.wantNo("bob@example.org")
	list, err := l.BlockedDevices(t.Context())
	if err != nil || len(list) != 1 || list[0].MAC != l.shared.MAC || list[0].Login != "" || list[0].Name != "" || list[0].Note != "threw a chair" {
		t.Errorf("%+v, %v", list, err)
	}
	// Who asks of the device is told that it is blocked.
	if p, err := l.Person(t.Context(), hotspot.Who{Key: l.shared.MAC.String()}); err != nil || p.Devices[0].Blocked.IsZero() {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestEraseCutShort: whichever transaction is the last, doing it again leaves
// nothing.
func TestEraseCutShort(t *testing.T) {
	broken := errors.New("the power is gone")
	for n := 1; ; n++ {
		l := newLobby(t, hotspot.EventTypes()...)
		left := n
		l.store.FailUpdate = func() error {
			if left--; left <= 0 {
				return broken
			}
			return nil
		}
		_, err := l.Erase(t.Context(), hotspot.Who{User: l.anna})
		l.store.FailUpdate = nil
		if err == nil {
			if n < 5 {
				t.Errorf("only %d transactions", n-1)
			}
			return
		}
		l.restart()
		if _, err := l.Erase(t.Context(), hotspot.Who{User: l.anna}); err != nil {
			t.Fatalf("after transaction %d failed: %v", n, err)
		}
		l.wantNo(l.annas()...)
	}
}

func TestExportPerson(t *testing.T) {
	l := newLobby(t, hotspot.EventTypes()...)
	var b bytes.Buffer
	if err := l.ExportPerson(t.Context(), hotspot.Who{Key: annaMail}, &b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Asked    string `json:"asked_for"`
		Users    []struct{ Key, Name string }
		Devices  []struct{ MAC, Name string }
		Vouchers []struct {
			Username string
			Bound    []string `json:"devices_bound"`
		}
		Logins []struct{ Login, MAC, Method string }
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if got.Asked != annaMail || len(got.Users) != 2 || got.Users[0].Name != annaName || len(got.Devices) != 3 || len(got.Logins) != 5 ||
		len(got.Vouchers) != 1 || !slices.Equal(got.Vouchers[0].Bound, []string{l.annaPhone.MAC.String()}) {
		t.Errorf("%s", b.String())
	}
	for _, s := range []string{"bob@example.org", l.walkIn.MAC.String(), l.voucher.Passcode} {
		if strings.Contains(b.String(), s) {
			t.Errorf("%q is somebody else's", s)
		}
	}
	if err := l.ExportPerson(t.Context(), hotspot.Who{Key: "x@example.org"}, &b); !errors.Is(err, hotspot.ErrNotFound) {
		t.Error(err)
	}
}

func TestParseWho(t *testing.T) {
	for in, want := range map[string]string{
		"free-12": "free-12", " email-3 ": "email-3", "a@b": "a@b", "02-00-5e-10-00-01": "02:00:5E:10:00:01",
		"+1 (555) 987-6543": "15559876543", "15559876543": "15559876543", "٠١٢٣٤٥": "012345",
		"": "", "free-0": "", "free-x": "", "voucher-1": "", "1234": "", "room": "", "00:00:00:00:00:00": "",
	} {
		w, err := hotspot.ParseWho(in)
		if want == "" {
			if err == nil {
				t.Errorf("%q is %s", in, w)
			}
			continue
		}
		if err != nil || w.String() != want {
			t.Errorf("%q: %s, %v", in, w, err)
		}
	}
}

// FuzzParseWho: whatever is taken for a person is written in one way, which is
// taken for the same.
func FuzzParseWho(f *testing.F) {
	for _, s := range []string{"free-12", "email-18446744073709551615", "a@b", "02-00-5e-10-00-01", "+1 (555) 987-6543", "free--1", "@", "\xff@", "-", "free-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := hotspot.ParseWho(text)
		if err != nil {
			if !errors.Is(err, hotspot.ErrInvalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := hotspot.ParseWho(w.String())
		if err != nil || again != w || (w.Key == "") != (w.User.ID != 0) {
			t.Fatalf("%q: %+v, then %+v, %v", text, w, again, err)
		}
	})
}
