package daemon

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// venue is a daemon's LAN side at a hotel on an afternoon: guests who are
// online, those of the last weeks, vouchers in every state, somebody blocked.
// Its clock stands still.
type venue struct {
	t     testing.TB
	d     *hotspotDaemon
	gate  *memory.Gate
	hosts *hotspottest.Hosts
	clock *hotspottest.Clock
	url   string
	// cookie is the owner's.
	cookie   string
	pages    []panel.Page
	wildcard map[string]string // what a page's path has in the place of its last wildcard
}

// afternoon is the time at the venue.
var afternoon = time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC)

// opened is when its first guest came: 30 whole days before the guests who are
// online began to.
var opened = afternoon.Add(-30*24*time.Hour - 3*time.Hour)

const venueOwner = "maria@meridian.example"

// newVenue opens the hotel. Without guests, it is opened today.
func newVenue(t testing.TB, busy bool) *venue {
	t.Helper()
	v := &venue{t: t, d: openDaemon(t, slog.New(slog.DiscardHandler)), hosts: &hotspottest.Hosts{}, clock: hotspottest.NewClock(afternoon),
		wildcard: map[string]string{}}
	if busy {
		v.clock = hotspottest.NewClock(opened)
	}
	// Nothing is accounted here, which is said after three periods.
	cfg := *v.d.conf()
	cfg.Accounting.Period, cfg.Accounting.Flush = 24*time.Hour, 24*time.Hour
	v.d.live.Store(&cfg)
	v.gate = memory.New(memory.Now(v.clock.Mono))
	v.d.service = hotspot.New(hotspot.Config{Store: v.d.db, Gate: v.gate, Hosts: v.hosts, Clock: v.clock,
		Rand: rand.Reader, Log: v.d.opts.Log, Zone: time.UTC})
	v.fine(v.d.service.Start(t.Context()))
	if busy {
		v.live()
		v.machines()
	}
	v.serve()
	return v
}

func (v *venue) fine(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// serve lets the owner in.
func (v *venue) serve() {
	v.t.Helper()
	ctx := v.t.Context()
	if v.cookie == "" {
		_, err := v.d.people.Create(ctx, api.Local(), api.NewOperator{Email: venueOwner, Name: "Maria", Role: api.RoleOwner, Password: panelPassword})
		v.fine(err)
	}
	ticket, err := v.d.people.Open(ctx, api.SignIn{Email: venueOwner, Password: panelPassword, From: netip.MustParseAddr("192.168.1.20"), Agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"})
	v.fine(err)
	v.cookie = ticket.Cookie
	p, err := v.d.panel()
	v.fine(err)
	v.pages = p.Pages()
	v.fine(p.Languages().Load()) // no key is there twice
	srv := httptest.NewServer(v.d.front(v.d.lanHandler(v.d.restAPI())))
	v.t.Cleanup(srv.Close)
	v.url = srv.URL
}

// pass lets time go by as the daemon sees it.
func (v *venue) pass(d time.Duration) {
	v.t.Helper()
	v.clock.Pass(d)
	v.fine(v.d.service.Poll(v.t.Context()))
}

func (v *venue) make(spec hotspot.VoucherSpec) hotspot.Voucher {
	v.t.Helper()
	made, err := v.d.service.CreateVouchers(v.t.Context(), spec)
	v.fine(err)
	return made[0]
}

// device is a guest's, with a name that its kind has.
func (v *venue) device(n int) hotspot.Host {
	names := []string{"Annas-iPhone", "Galaxy-S24", "MacBook-Pro", "", "Pixel-9", "LAPTOP-7F3KQ", "iPad", "أجهزة-ليلى"}
	d := hotspot.Host{MAC: hotspot.MAC{0x02, 0x5e, 0x10, 0x3c, byte(n >> 8), byte(n*37 + 11)}, Name: names[n%len(names)], Age: time.Duration(n+1) * 7 * time.Minute,
		Idle: time.Duration(n%9) * time.Second, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, byte(n >> 8), byte(n + 20)}), netip.MustParseAddr(fmt.Sprintf("fd5a:9c3e:71b4:1::%x", n+20))}}
	v.hosts.Put(d)
	return d
}

func (v *venue) enter(n int, c hotspot.Claim) hotspot.Host {
	v.t.Helper()
	d := v.device(n)
	_, err := v.d.service.Login(v.t.Context(), d, c)
	v.fine(err)
	return d
}

func withVoucher(x hotspot.Voucher) hotspot.Claim {
	return hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: x.ID, Login: x.Username}
}

func (v *venue) traffic(d hotspot.Host, down, up uint64) {
	v.gate.Pass(d.MAC, d.Addrs[0], hotspot.Down, down)
	v.gate.Pass(d.MAC, d.Addrs[0], hotspot.Up, up)
}

// live is a month at the hotel.
func (v *venue) live() {
	v.t.Helper()
	ctx, s := v.t.Context(), v.d.service
	v.fine(s.SetSettings(ctx, map[string]string{"venue.name": "Hotel Meridian", "login.free": "on", "login.email": "on", "session.idle_timeout": "0s", "free.duration": "8h",
		"portal.title": "Welcome to Hotel Meridian", "portal.text": "Ask at the desk for a voucher. Breakfast is from 7 to 10.", "api.post": "on"}))
	first := []string{"Anna", "Luca", "Mei", "Omar", "Zoë", "Piet", "Ines", "Tariq"}
	last := []string{"Rossi", "Bianchi", "Tanaka", "Haddad", "Müller", "de Vries", "Costa", "Aziz"}
	day, two, week := hotspot.Validity(24*time.Hour), hotspot.Validity(48*time.Hour), hotspot.Validity(7*24*time.Hour)
	for n := range 30 { // one day each
		var in []hotspot.Host
		x := v.make(hotspot.VoucherSpec{FullName: first[n%8] + " " + last[n*3%8], Note: fmt.Sprintf("Room %d", 101+n), ValidFor: &two, Devices: 3, Limit: hotspot.Usage{Down: 9000 * hotspot.MB}})
		in = append(in, v.enter(n, withVoucher(x)))
		if n%2 == 0 {
			mail := strings.ToLower(first[n%8]) + fmt.Sprint(n) + "@example.org"
			in = append(in, v.enter(40+n, hotspot.Claim{Method: hotspot.MethodEmail, Login: mail, User: hotspot.User{Key: mail, Name: first[n%8], Email: mail, Comments: [3]string{"Room " + fmt.Sprint(101+n)}, Verified: true}}))
		}
		for k := range 6 {
			v.pass(time.Duration(1+(n+k)%5) * time.Hour)
			for i, d := range in {
				v.traffic(d, uint64(1+(n*7+k*k+i)%17)<<26, uint64(1+(n+k)%5)<<24)
			}
		}
		v.pass(opened.Add(time.Duration(n+1) * 24 * time.Hour).Sub(v.clock.Read().Wall))
		for _, d := range in {
			if s.Online(d.MAC) { // e-mail is for some hours
				v.fine(s.Kick(ctx, d.MAC))
			}
			v.hosts.Remove(d.MAC)
		}
		v.fine(s.Flush(ctx))
	}
	for n := range 20 { // vouchers that wait
		v.make(hotspot.VoucherSpec{Note: "Conference", ValidFor: &day, Limit: hotspot.Usage{Down: 2000 * hotspot.MB, Up: 500 * hotspot.MB}, Disabled: n == 3})
	}
	var in []hotspot.Host
	for n := range 20 {
		c := hotspot.Claim{Method: hotspot.MethodFree, Login: v.device(100 + n).MAC.String(), User: hotspot.User{Method: hotspot.MethodFree, Key: v.device(100 + n).MAC.String()}}
		if n%4 > 0 {
			x := v.make(hotspot.VoucherSpec{FullName: first[n%8] + " " + last[n*5%8], Note: fmt.Sprintf("Room %d", 201+n), ValidFor: &week, Devices: 2, Limit: hotspot.Usage{Down: uint64(1+n%3) * 1000 * hotspot.MB}})
			c = withVoucher(x)
			v.wildcard["/vouchers/{username}"], v.wildcard["/vouchers/by-id/{id}"] = x.Username, fmt.Sprint(x.ID)
		}
		in = append(in, v.enter(100+n, c))
		v.pass(time.Duration(3+n*n%9) * time.Minute)
	}
	v.pass(afternoon.Sub(v.clock.Read().Wall) - 20*time.Minute)
	for n := range 120 {
		for i, d := range in {
			if i%3 != 2 {
				v.traffic(d, uint64(1+(n*n+i*i*7)%29)<<17, uint64(1+(n*3+i)%7)<<15)
			}
		}
		v.pass(10 * time.Second)
	}
	for n := range 4 {
		v.device(200 + n)
	}
	noisy := v.device(210)
	_, err := s.Block(ctx, noisy.MAC, "Room 9: disturbs the others")
	v.fine(err)
	v.fine(s.Flush(ctx))
	v.wildcard["/guests/{mac}"] = in[1].MAC.String()
	v.wildcard["/guests/{mac}/unblock"] = noisy.MAC.String()
	v.wildcard["/users/{who}"] = "anna0@example.org"
}

// machines are programs, and a second operator.
func (v *venue) machines() {
	v.t.Helper()
	ctx := v.t.Context()
	desk, err := v.d.people.Create(ctx, api.Local(), api.NewOperator{Email: "desk@meridian.example", Name: "Front desk", Role: api.RoleManager, Password: panelPassword})
	v.fine(err)
	v.wildcard["/operators/{id}"] = desk.ID.String()
	hook, _, err := v.d.webhooks.Add(ctx, api.NewWebhook{URL: "https://pms.meridian.example/wifi", Description: "Property management"})
	v.fine(err)
	v.wildcard["/integrations/webhooks/{id}"] = hook.ID.String()
	v.fine(v.d.snapshot(ctx))
}

// key makes a key of the owner's own.
func (v *venue) key() {
	v.t.Helper()
	by, err := v.d.people.Session(v.t.Context(), v.cookie, netip.MustParseAddr("192.168.1.20"), true)
	v.fine(err)
	key, _, err := v.d.keys.Create(v.t.Context(), by, api.NewKey{Label: "Booking system", Viewable: true})
	v.fine(err)
	v.wildcard["/settings/api/{id}"] = key.ID.String()
}

// httpCookie is the owner's cookie as a browser has it.
func (v *venue) httpCookie() *http.Cookie {
	w := httptest.NewRecorder()
	api.SetSessionCookie(w, httptest.NewRequest(http.MethodGet, "/", nil), v.cookie)
	return w.Result().Cookies()[0]
}
