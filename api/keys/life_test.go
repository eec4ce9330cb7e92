package keys_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// opens checks whether a key opens something, and as whom.
func (h *house) opens(key string) (*api.Principal, bool) {
	h.t.Helper()
	p, err := h.keys.Check(h.t.Context(), key, home)
	if err != nil && !errors.Is(err, api.ErrWrongKey) {
		h.t.Fatal(err)
	}
	return p, err == nil
}

func TestNamedKey(t *testing.T) {
	h := newHouse(t)
	k, text := h.create(api.NewKey{Label: "till"})
	if !regexp.MustCompile(`^vs_[A-Z2-7]{52}$`).MatchString(text) {
		t.Errorf("%q is not a key", text)
	}
	if k.Prefix != text[:8] || k.Viewable || k.CreatedBy != "command line" || !k.Created.Equal(day) ||
		!k.Expires.Equal(time.Date(2021, 6, 3, 16, 57, 20, 261000000, time.UTC)) {
		t.Errorf("%+v", k)
	}
	p, ok := h.opens(text)
	want := &api.Principal{Kind: api.CallerKey, ID: k.ID, Name: "till", From: home,
		Scopes: []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive}}
	p.Life = nil
	if d := cmp.Diff(want, p, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); !ok || d != "" {
		t.Errorf("%v (-want +got):\n%s", ok, d)
	}
	for _, wrong := range []string{text[:54], text + "A", strings.ToLower(text), text + "\x00", " " + text, k.Prefix, hex.EncodeToString(k.Hash[:]), "vs_"} {
		if _, ok := h.opens(wrong); ok {
			t.Errorf("%q opens something", wrong)
		}
	}
	if _, err := h.keys.View(t.Context(), api.Local(), k.ID); !errors.Is(err, hotspot.ErrForbidden) {
		t.Errorf("it can be shown again: %v", err)
	}
	h.restart()
	if _, ok := h.opens(text); !ok {
		t.Error("it is gone after a restart")
	}
	if err := h.keys.Remove(t.Context(), api.Local(), k.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, ok := h.opens(text); ok {
			t.Error("it opens something after its removal")
		}
		h.restart()
	}
}

// TestStoreDoesNotGiveKeysAway: what is stored opens nothing.
func TestStoreDoesNotGiveKeysAway(t *testing.T) {
	h := newHouse(t)
	_, hashed := h.create(api.NewKey{Label: "hashed"})
	k, viewable := h.create(api.NewKey{Label: "viewable", Viewable: true})
	if got, err := h.keys.View(t.Context(), api.Local(), k.ID); err != nil || got != viewable {
		t.Errorf("shown again: %q, %v", got, err)
	}
	_ = h.store.View(t.Context(), func(r hotspot.Reader) error {
		all, err := r.Secrets("")
		if err != nil || len(all) < 2 {
			t.Errorf("%d secrets, %v", len(all), err)
		}
		for name, b := range all {
			for _, text := range []string{hashed[8:], viewable[8:]} {
				if bytes.Contains(b, []byte(text)) {
					t.Errorf("%s holds a key", name)
				}
			}
		}
		return nil
	})
	// On another router named keys go on working; what was sealed is lost.
	token := h.token(hashed)
	h.secret = secret(t, filepath.Join(t.TempDir(), "other"))
	h.restart()
	for _, text := range []string{hashed, viewable} {
		if _, ok := h.opens(text); !ok {
			t.Error("a named key needs the device secret")
		}
	}
	if _, err := h.keys.View(t.Context(), api.Local(), k.ID); !errors.Is(err, hotspot.ErrForbidden) || !strings.Contains(err.Error(), "device secret") {
		t.Errorf("shown on another device: %v", err)
	}
	if code, _ := h.answer("GET", "/api/apikey", token, ""); code != 401 {
		t.Errorf("a token of another device: %d", code)
	}
	if code, _ := h.answer("POST", "/api/token?key="+hashed, "", ""); code != 200 {
		t.Errorf("another token: %d", code)
	}
}

func TestExpiry(t *testing.T) {
	h := newHouse(t)
	h.set(time.Date(2024, 1, 31, 8, 0, 0, 5000000, time.UTC), true)
	for spec, want := range map[string]string{
		"": "2024-02-29", "One Month": "2024-02-29", "one month": "2024-02-29", " ONE DAY ": "2024-02-01", "One Week": "2024-02-07",
		"Three Months": "2024-04-30", "six months": "2024-07-31", "One Year": "2025-01-31", "Never": "", "-1": "", "1": "2024-02-01", "365": "2025-01-30",
	} {
		k, _ := h.create(api.NewKey{Label: "k" + hex.EncodeToString([]byte(spec)), Expires: spec})
		got := ""
		if !k.Expires.IsZero() {
			got = k.Expires.Format("2006-01-02")
			if k.Expires.Format("15:04:05.000") != "08:00:00.005" {
				t.Errorf("%q: %v", spec, k.Expires)
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", spec, got, want)
		}
	}
	for _, spec := range []string{"0", "366", "-2", "1.5", "two", "One  Month", "99999999999999999999", "1e1", "0x1"} {
		if _, _, err := h.keys.Create(t.Context(), api.Local(), api.NewKey{Label: "x", Expires: spec}); !errors.Is(err, hotspot.ErrInvalid) {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

func TestExpired(t *testing.T) {
	h := newHouse(t)
	k, text := h.create(api.NewKey{Label: "till", Expires: "1"})
	h.pass(24*time.Hour - time.Millisecond)
	token := h.token(text)
	if code, answer := h.answer("GET", "/api/apikey", token, ""); code != 403 { // for want of the scope
		t.Errorf("before: %d %v", code, answer)
	}
	h.pass(time.Millisecond)
	if _, ok := h.opens(text); ok {
		t.Error("it opens something after it expired")
	}
	if code, _ := h.answer("GET", "/api/apikey", token, ""); code != 401 {
		t.Errorf("its token: %d", code)
	}
	list, err := h.keys.List(t.Context(), api.Local())
	if err != nil || len(list) != 1 || !list[0].Expired {
		t.Errorf("%+v, %v", list, err)
	}
	if _, _, err := h.keys.TokenFor(t.Context(), api.Local(), k.ID); !errors.Is(err, hotspot.ErrInvalid) {
		t.Errorf("a token for it: %v", err)
	}
}

// TestExpiryWithoutTheTime: the days of a key made before the clock is right
// are counted all the same, no more and no less.
func TestExpiryWithoutTheTime(t *testing.T) {
	h := newHouse(t)
	early := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	h.set(early, false)
	_, short := h.create(api.NewKey{Label: "short", Expires: "1"})
	long, text := h.create(api.NewKey{Label: "long", Expires: "10"})
	h.flush()
	h.pass(48 * time.Hour)
	if _, ok := h.opens(short); ok {
		t.Error("a day has passed twice, whatever the clock says")
	}
	h.flush()
	h.set(day, true)
	for i := range 2 {
		if _, ok := h.opens(text); !ok {
			t.Error("ended by the correction of the clock")
		}
		if _, ok := h.opens(short); ok && i > 0 {
			t.Error("the correction of the clock brought a key back")
		}
		h.flush()
		h.restart()
	}
	k, err := h.keys.Get(t.Context(), api.Local(), long.ID)
	if want := day.Add(8 * 24 * time.Hour); err != nil || !k.Expires.Equal(want) || !k.Created.Equal(day.Add(-48*time.Hour)) {
		t.Errorf("it expires at %v, want %v: %v", k.Expires, want, err)
	}
	h.pass(8*24*time.Hour - time.Second)
	if _, ok := h.opens(text); !ok {
		t.Error("ended early")
	}
	h.pass(time.Second)
	if _, ok := h.opens(text); ok {
		t.Error("it does not end")
	}
}

// TestUsesCostNoWrites: use is noticed at once and stored with what is stored
// anyhow.
func TestUsesCostNoWrites(t *testing.T) {
	h := newHouse(t)
	k, text := h.create(api.NewKey{Label: "till"})
	device := h.device()
	writes := h.store.Updates()
	for range 100 {
		h.pass(time.Second)
		h.opens(text)
		h.opens(device)
		h.opens("wrong")
	}
	if n := h.store.Updates() - writes; n != 0 {
		t.Errorf("%d writes", n)
	}
	check := func(when string) {
		t.Helper()
		want := day.Add(100 * time.Second)
		got, err := h.keys.Get(t.Context(), api.Local(), k.ID)
		if err != nil || !got.LastUsed.Equal(want) || got.LastFrom != home {
			t.Errorf("%s: used %v from %v, %v", when, got.LastUsed, got.LastFrom, err)
		}
		at, from, err := h.keys.DeviceUse(t.Context())
		if err != nil || !at.Equal(want) || from != home {
			t.Errorf("%s: device key used %v from %v, %v", when, at, from, err)
		}
	}
	check("at once")
	h.flush()
	h.restart()
	check("after a restart")
	before := h.dump()
	h.flush()
	if d := cmp.Diff(before, h.dump()); d != "" {
		t.Errorf("a flush without a use wrote:\n%s", d)
	}
	// A change of a key takes the uses along.
	h.pass(time.Second)
	h.opens(device)
	if _, err := h.keys.Rename(t.Context(), api.Local(), k.ID, "till 2"); err != nil {
		t.Fatal(err)
	}
	h.restart()
	if at, _, _ := h.keys.DeviceUse(t.Context()); !at.Equal(day.Add(101 * time.Second)) {
		t.Errorf("device key used %v", at)
	}
	// A flush that began before a key was removed does not bring it back.
	h.opens(text)
	write, stored := h.keys.Uses()
	if err := h.keys.Remove(t.Context(), api.Local(), k.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.store.Update(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	stored()
	h.restart()
	if _, ok := h.opens(text); ok {
		t.Error("a late flush brought a key back")
	}
}

// dump is all secrets as text.
func (h *house) dump() map[string]string {
	out := map[string]string{}
	_ = h.store.View(h.t.Context(), func(r hotspot.Reader) error {
		all, err := r.Secrets("")
		for name, b := range all {
			out[name] = string(b)
		}
		return err
	})
	return out
}

// TestFailedFlush: a use that was not stored is stored by the next flush.
func TestFailedFlush(t *testing.T) {
	h := newHouse(t)
	k, text := h.create(api.NewKey{Label: "till"})
	h.opens(text)
	h.store.FailUpdate = func() error { return hotspot.ErrUnavailable }
	write, _ := h.keys.Uses()
	if err := h.store.Update(t.Context(), write); err == nil {
		t.Fatal("the disk did not fail")
	}
	if _, _, err := h.keys.Create(t.Context(), api.Local(), api.NewKey{Label: "x"}); !errors.Is(err, hotspot.ErrUnavailable) {
		t.Errorf("create: %v", err)
	}
	if err := h.keys.Remove(t.Context(), api.Local(), k.ID); !errors.Is(err, hotspot.ErrUnavailable) {
		t.Errorf("remove: %v", err)
	}
	if p, ok := h.opens(text); !ok || p.Revoked() {
		t.Error("a removal that failed took effect")
	}
	h.store.FailUpdate = nil
	h.flush()
	h.restart()
	if got, err := h.keys.Get(t.Context(), api.Local(), k.ID); err != nil || got.LastUsed.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLabels(t *testing.T) {
	h := newHouse(t)
	k, _ := h.create(api.NewKey{Label: "Till"})
	for label, want := range map[string]error{
		"till": hotspot.ErrNameTaken, "": hotspot.ErrInvalid, " x": hotspot.ErrInvalid, "x ": hotspot.ErrInvalid, "a\nb": hotspot.ErrInvalid,
		"a\x00": hotspot.ErrInvalid, strings.Repeat("é", 65): hotspot.ErrInvalid, "\xff": hotspot.ErrInvalid, "\u0085x": hotspot.ErrInvalid,
		strings.Repeat("é", 64): nil, "<script>": nil, "😀": nil,
	} {
		if _, _, err := h.keys.Create(t.Context(), api.Local(), api.NewKey{Label: label}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", label, err, want)
		}
	}
	other, err := h.keys.Rename(t.Context(), api.Local(), k.ID, "TILL")
	if err != nil || other.Label != "TILL" || other.Hash != k.Hash {
		t.Errorf("its own label in another case: %+v, %v", other, err)
	}
	if _, err := h.keys.Rename(t.Context(), api.Local(), k.ID, "<SCRIPT>"); !errors.Is(err, hotspot.ErrNameTaken) {
		t.Errorf("another's label: %v", err)
	}
	// Another operator's labels are their own.
	if code, answer := h.answer("POST", "/api/apikey", h.signIn("anna@example.com"), "label=till"); code != 200 {
		t.Errorf("%d %v", code, answer)
	}
}

// TestScopes: nobody hands on what they have not.
func TestScopes(t *testing.T) {
	h := newHouse(t)
	_, text := h.create(api.NewKey{Label: "maker", Scopes: []api.Scope{api.ScopeKeys, api.ScopeVouchers}})
	token := h.token(text)
	for body, want := range map[string]int{
		"label=a&scopes=vouchers": 200, "label=b&scopes=vouchers,keys": 200, "label=c&scopes=keys+vouchers+keys": 200,
		"label=d": 403, "label=e&scopes=users": 403, "label=f&scopes=all": 400, "label=g&scopes=x": 400, "label=h&scopes=,": 400,
	} {
		if code, answer := h.answer("POST", "/api/apikey", token, body); code != want {
			t.Errorf("%s: %d %v, want %d", body, code, answer, want)
		}
	}
	_, plain := h.create(api.NewKey{Label: "plain"})
	token = h.token(plain)
	for _, c := range [][2]string{{"GET", "/api/apikey"}, {"POST", "/api/apikey"}, {"GET", "/api/apikey/x"},
		{"PATCH", "/api/apikey/60902b70b281af121fcda4ce"}, {"DELETE", "/api/apikey/60902b70b281af121fcda4ce"}} {
		if code, _ := h.answer(c[0], c[1], token, "label=x"); code != 403 {
			t.Errorf("%s %s without the scope: %d", c[0], c[1], code)
		}
	}
	for name, p := range map[string]*api.Principal{"nobody": nil, "zero": {}, "vouchers": {Scopes: []api.Scope{api.ScopeVouchers}}} {
		ctx := t.Context()
		_, err1 := h.keys.List(ctx, p)
		_, err2 := h.keys.Get(ctx, p, api.ID{})
		_, err3 := h.keys.View(ctx, p, api.ID{})
		_, _, err4 := h.keys.Create(ctx, p, api.NewKey{Label: "z"})
		_, err5 := h.keys.Rename(ctx, p, api.ID{}, "z")
		err6 := h.keys.Remove(ctx, p, api.ID{})
		_, _, err7 := h.keys.TokenFor(ctx, p, api.ID{})
		err8 := h.keys.EndTokens(ctx, p, api.ID{})
		for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8} {
			if !errors.Is(err, hotspot.ErrForbidden) {
				t.Errorf("%s, call %d: %v", name, i+1, err)
			}
		}
	}
}

// TestManyKeys: their number is bounded, and a list is in order of creation.
func TestManyKeys(t *testing.T) {
	h := newHouse(t)
	for i := range 256 {
		h.pass(time.Millisecond)
		h.create(api.NewKey{Label: fmt.Sprint("key ", i)})
	}
	_, _, err := h.keys.Create(t.Context(), api.Local(), api.NewKey{Label: "one more"})
	if !errors.Is(err, hotspot.ErrInvalid) || !strings.Contains(err.Error(), "remove one") {
		t.Errorf("%v", err)
	}
	for range 2 {
		list, err := h.keys.List(t.Context(), api.Local())
		if err != nil || len(list) != 256 {
			t.Fatalf("%d keys, %v", len(list), err)
		}
		for i, k := range list {
			if k.Label != fmt.Sprint("key ", i) {
				t.Errorf("at %d: %s", i, k.Label)
			}
		}
		h.restart()
	}
}

// TestDamagedRecord: one record that cannot be read harms no other.
func TestDamagedRecord(t *testing.T) {
	h := newHouse(t)
	_, text := h.create(api.NewKey{Label: "till"})
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error {
		var errs []error
		for id, b := range map[string]string{
			"60902b70b281af121fcda4c0": "{", "60902b70b281af121fcda4c1": `{"hash":"AAAA"}`, "60902b70b281af121fcda4c2": "null",
			"short": "{}", "60902b70b281af121fcda4c3": `{"owner":"x"}`, "60902b70b281af121fcda4c4": "",
		} {
			errs = append(errs, tx.PutSecret("api.key/"+id, []byte(b)))
		}
		return errors.Join(append(errs, tx.PutSecret("api.device", []byte("{")))...)
	})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	k, err := keys.New(keys.Config{Store: h.store, Secret: h.secret, Now: h.clock, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Check(t.Context(), text, home); err != nil {
		t.Errorf("%v", err)
	}
	if list, err := k.List(t.Context(), api.Local()); err != nil || len(list) != 1 {
		t.Errorf("%d keys, %v", len(list), err)
	}
	if n := strings.Count(log.String(), "\n"); n != 6 {
		t.Errorf("%d lines of log: %s", n, log.String())
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes()[:bytes.IndexByte(log.Bytes(), '\n')], &line); err != nil || line["component"] != "keys" {
		t.Errorf("%v, %v", line, err)
	}
}
