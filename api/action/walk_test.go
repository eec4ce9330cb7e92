package action_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api/action"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

// house is the real service and the real keys behind the API.
type house struct {
	t       *testing.T
	service *hotspot.Service
	gate    *memory.Gate
	clock   *hotspottest.Clock
	guest   hotspot.Host
	key     string
	h       http.Handler
}

func newHouse(t *testing.T) *house {
	t.Helper()
	clock := hotspottest.NewClock(at("2025-01-17 09:00:00"))
	gate := memory.New(memory.Now(clock.Mono))
	guest := hotspot.Host{
		MAC: mac("02:00:5e:10:00:01"), Addrs: []netip.Addr{netip.MustParseAddr("192.168.0.200")},
		Name: "phone", Age: time.Minute,
	}
	hosts := &hotspottest.Hosts{}
	hosts.Put(guest)
	store := hotspottest.NewStore()
	service := hotspot.New(hotspot.Config{
		Store: store, Gate: gate, Hosts: hosts, Clock: clock, Rand: rand.Reader, Log: quiet(), Zone: zone,
	})
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	secret, err := keys.LoadOrCreateSecret(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.New(keys.Config{Store: store, Secret: secret, Now: service.Now, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &house{
		t: t, service: service, gate: gate, clock: clock, guest: guest, key: key,
		h: action.New(action.Config{Service: service, Keys: k, Log: quiet()}),
	}
}

// ask posts an action and returns the answer.
func (h *house) ask(params map[string]any) map[string]any {
	h.t.Helper()
	params["api-key"] = h.key
	b, err := json.Marshal(params)
	if err != nil {
		h.t.Fatal(err)
	}
	w := post(h.h, "application/json", string(b))
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		h.t.Fatalf("%d %v in %s", w.Code, err, w.Body)
	}
	return answer
}

func (h *house) want(answer map[string]any, want string) {
	h.t.Helper()
	if answer["message"] != want {
		h.t.Fatalf("%v, want %q", answer, want)
	}
}

// TestWalk goes the way of the documentation: switch on, create, list, use,
// see, remove.
func TestWalk(t *testing.T) {
	h := newHouse(t)
	h.want(h.ask(map[string]any{"action": "create_voucher"}), "API is not enabled")
	if err := h.service.SetSetting(t.Context(), "api.post", "on"); err != nil {
		t.Fatal(err)
	}
	create := map[string]any{
		"action": "create_voucher", "username": "user123", "passcode": "pass123", "fullname": "John Doe", "valid_for": "1 day",
		"valid_from": "2025-01-17 10:00:00", "download_limit": 1024, "upload_limit": 512,
	}
	answer := h.ask(create)
	h.want(answer, "User added successfully")
	if d := cmp.Diff(map[string]any{
		"id": 1.0, "username": "user123", "passcode": "pass123", "fullname": "John Doe", "valid_for": "1 day",
		"valid_from": "2025-01-17 10:00:00", "download_limit": "1024", "upload_limit": "512",
	}, answer["user"]); d != "" {
		t.Error(d)
	}
	h.want(h.ask(create), "Username already exists")
	create["username"] = "USER123"
	h.want(h.ask(create), "Username already exists")
	h.want(h.ask(map[string]any{"action": "create_voucher", "username": " x"}), "An error occurred")

	random, _ := h.ask(map[string]any{"action": "create_voucher"})["user"].(map[string]any)
	if len(random["username"].(string)) != 6 || len(random["passcode"].(string)) != 6 || random["fullname"] == "" || random["valid_for"] != "1 day" {
		t.Errorf("a random voucher: %v", random)
	}

	h.clock.Pass(2 * time.Hour)
	h.login("user123")
	h.listed()
	h.want(h.ask(map[string]any{"action": "remove_voucher", "username": "User123"}), "User removed successfully")
	if h.gate.Pass(h.guest.MAC, h.guest.Addrs[0], hotspot.Down, 100) {
		t.Error("the guest still passes after the removal")
	}
	if rows := h.rows("get_active_guests", "data"); len(rows) != 0 {
		t.Errorf("still active: %v", rows)
	}
	if row := h.rows("get_logins", "logins")[0]; row["reason"] != "removed" || row["logout_at"] != "2025-01-17 11:00:00" {
		t.Errorf("the login log: %v", row)
	}
	h.want(h.ask(map[string]any{"action": "remove_voucher", "username": "user123"}), "Username doesn't exist")
	h.want(h.ask(map[string]any{"action": "remove_voucher"}), "No username set")
}

func (h *house) login(username string) {
	h.t.Helper()
	v, err := h.service.Voucher(h.t.Context(), username)
	if err != nil {
		h.t.Fatal(err)
	}
	claim := hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: v.ID, Login: v.Username}
	if _, err := h.service.Login(h.t.Context(), h.guest, claim); err != nil {
		h.t.Fatal(err)
	}
	if !h.gate.Pass(h.guest.MAC, h.guest.Addrs[0], hotspot.Down, 1500) || !h.gate.Pass(h.guest.MAC, h.guest.Addrs[0], hotspot.Up, 40) {
		h.t.Fatal("the guest does not pass")
	}
}

func (h *house) rows(action, list string) (rows []map[string]any) {
	h.t.Helper()
	all, ok := h.ask(map[string]any{"action": action})[list].([]any)
	if !ok {
		h.t.Fatalf("%s has no %s", action, list)
	}
	for _, r := range all {
		rows = append(rows, r.(map[string]any))
	}
	return rows
}

// listed looks at all lists while a guest is on user123.
func (h *house) listed() {
	h.t.Helper()
	vouchers := h.rows("get_voucher_users", "users")
	if len(vouchers) != 2 {
		h.t.Fatalf("%d vouchers", len(vouchers))
	}
	if d := cmp.Diff(map[string]any{
		"id": 1.0, "username": "user123", "password": "pass123", "fullname": "John Doe",
		"created_at": "2025-01-17 09:00:00", "last_modified": vouchers[0]["last_modified"],
		"first_login": "2025-01-17 11:00:00", "last_login": "2025-01-17 11:00:00", "valid_for": "1 day",
		"valid_from": "2025-01-17 10:00:00", "MAC": "02:00:5E:10:00:01", "download_limit": 1024.0, "upload_limit": 512.0,
		"download_used": vouchers[0]["download_used"], "upload_used": vouchers[0]["upload_used"],
		"expires_at": "2025-01-18 11:00:00", "status": "online",
	}, vouchers[0]); d != "" {
		h.t.Error(d)
	}
	if d := cmp.Diff([]map[string]any{{
		"logins": "user123", "address": "192.168.0.200", "mac-address": "02:00:5E:10:00:01", "uptime": "0s", "idle-time": "0s",
		"bytes-out": "1500", "bytes-in": "40",
	}}, h.rows("get_active_guests", "data")); d != "" {
		h.t.Error(d)
	}
	host := h.rows("get_guest_hosts", "data")[0]
	if host["authorized"] != "true" || host["host-name"] != "phone" || host["bytes-out"] != "1500" || host["uptime"] != "1m00s" {
		h.t.Errorf("host %v", host)
	}
	login := h.rows("get_logins", "logins")[0]
	if login["login"] != "user123" || login["type"] != "voucher" || login["logout_at"] != nil || login["reason"] != nil || login["bytes_out"] != 1500.0 {
		h.t.Errorf("login %v", login)
	}
	for _, kind := range []string{"email", "fb", "mobile", "free"} {
		if rows := h.rows("get_"+kind+"_users", "users"); len(rows) != 0 {
			h.t.Errorf("%s users: %v", kind, rows)
		}
	}
}
