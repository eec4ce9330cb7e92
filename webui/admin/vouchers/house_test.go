package vouchers

import (
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// start is the house's time when a test begins.
var start = time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC)

// house is the area over the real rules, on a store in memory.
type house struct {
	*paneltest.Site
	t       testing.TB
	service *hotspot.Service
	hosts   *hotspottest.Hosts
	store   *hotspottest.Store
	clock   *hotspottest.Clock
}

func newHouse(t testing.TB, role api.Role) *house {
	t.Helper()
	h := &house{t: t, store: hotspottest.NewStore(), hosts: &hotspottest.Hosts{}, clock: hotspottest.NewClock(start)}
	h.service = hotspot.New(hotspot.Config{Store: h.store, Gate: memory.New(memory.Now(h.clock.Mono)), Hosts: h.hosts, Clock: h.clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := h.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Site = paneltest.Serve(t, role, New(Config{Service: h.service}))
	return h
}

func (h *house) make(specs ...hotspot.VoucherSpec) []hotspot.Voucher {
	h.t.Helper()
	made, err := h.service.CreateVouchers(h.t.Context(), specs...)
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}

func (h *house) login(n byte, v hotspot.Voucher) {
	h.t.Helper()
	d := hotspot.Host{MAC: hotspot.MAC{2, 0, 0, 0, 0, n}, Name: "phone", Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, 0, n})}}
	h.hosts.Put(d)
	if _, err := h.service.Login(h.t.Context(), d, hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: v.ID, Login: v.Username}); err != nil {
		h.t.Fatal(err)
	}
}

// voucher is one by its username.
func (h *house) voucher(name string) hotspot.VoucherView {
	h.t.Helper()
	v, err := h.service.Voucher(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *house) gone(name string) {
	h.t.Helper()
	if _, err := h.service.Voucher(h.t.Context(), name); !errors.Is(err, hotspot.ErrNotFound) {
		h.t.Errorf("%s is there: %v", name, err)
	}
}

// key is a text that was not looked up.
var key = regexp.MustCompile(`>[^<]*\bvouchers\.[a-z_]+[a-z_.]*[^<]*<`)

// page is a page with a status, without texts that are missing.
func (h *house) page(path string, status int) string {
	h.t.Helper()
	a := h.Get(h.t, path)
	if a.Status != status {
		h.t.Fatalf("%s: %d\n%s", path, a.Status, a.Body)
	}
	h.texts(path, a.Body)
	return a.Body
}

func (h *house) texts(path, body string) {
	h.t.Helper()
	if k := key.FindString(body); k != "" && !strings.Contains(k, ".csv") {
		h.t.Errorf("%s: no text for %s", path, k)
	}
}

// post sends a form and returns where it leads, and what is said there.
func (h *house) post(path string, form url.Values) (to, body string) {
	h.t.Helper()
	a := h.Post(h.t, path, form)
	if a.Status != http.StatusSeeOther {
		h.t.Fatalf("%s: %d\n%s", path, a.Status, a.Body)
	}
	to = a.Header.Get("Location")
	return to, h.page(to, http.StatusOK)
}

// refused sends a form that is refused.
func (h *house) refused(path string, form url.Values, status int) string {
	h.t.Helper()
	a := h.Post(h.t, path, form)
	if a.Status != status {
		h.t.Fatalf("%s: %d, want %d\n%s", path, a.Status, status, a.Body)
	}
	h.texts(path, a.Body)
	return a.Body
}

var undoButton = regexp.MustCompile(`(?s)action="(/vouchers/undo[^"]*)".{1,400}name="undo" value="([0-9a-f]+)"`)

// undo presses the button of a notice.
func (h *house) undo(body string) string {
	h.t.Helper()
	m := undoButton.FindStringSubmatch(body)
	if m == nil {
		h.t.Fatalf("there is no button to undo it:\n%s", body)
	}
	_, after := h.post(html.UnescapeString(m[1]), url.Values{"undo": {m[2]}})
	return after
}

func wants(t testing.TB, body string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(body, s) {
			t.Errorf("%q is not on the page:\n%s", s, body)
		}
	}
}

func lacks(t testing.TB, body string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.Contains(body, s) {
			t.Errorf("%q is on the page", s)
		}
	}
}

// venue is a house with vouchers in every state.
func venue(t testing.TB, role api.Role) *house {
	h := newHouse(t, role)
	length := func(d time.Duration) *hotspot.Validity { v := hotspot.Validity(d); return &v }
	made := h.make(
		hotspot.VoucherSpec{Username: "ROOM12", Passcode: "ABC234", FullName: "Amber Otter", Note: "Zimmer 12, أهلا وسهلا", ValidFor: length(48 * time.Hour), Limit: hotspot.Usage{Down: 500 * hotspot.MB}, Devices: 3},
		hotspot.VoucherSpec{Username: "OLD001", ValidFor: length(time.Hour)},
		hotspot.VoucherSpec{Username: "LATER1", ValidFrom: start.Add(30 * 24 * time.Hour), ValidFor: length(24 * time.Hour)},
		hotspot.VoucherSpec{Username: "OFF001", Disabled: true, LimitTotal: 800 * hotspot.MB, ValidFor: length(hotspotDay * 30)},
		hotspot.VoucherSpec{Username: "a/b ?#<i>", Note: `<script>alert(1)</script>`, FullName: `"><img src=x>`, ValidFor: length(0)},
	)
	h.login(2, made[1])
	h.clock.Pass(2 * time.Hour)
	if err := h.service.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.login(1, made[0])
	for i := range 60 {
		h.make(hotspot.VoucherSpec{Username: fmt.Sprintf("K7M%03d", i), Note: "Conference", ValidFor: length(24 * time.Hour), Limit: hotspot.Usage{Down: 2 << 30, Up: 1 << 30}, LimitTotal: uint64(i%2) * 5 << 29})
	}
	h.Now = start.Add(2 * time.Hour)
	return h
}

const hotspotDay = 24 * time.Hour
