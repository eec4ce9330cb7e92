package v1_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// again checks that an answer is the one that was given before.
func again(t *testing.T, what string, first, second *httptest.ResponseRecorder) {
	t.Helper()
	if second.Code != first.Code || strings.TrimSpace(second.Body.String()) != strings.TrimSpace(first.Body.String()) ||
		second.Header().Get("Content-Type") != first.Header().Get("Content-Type") || second.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("%s: %d %s %s\nfirst: %d %s", what, second.Code, second.Header(), second.Body, first.Code, first.Body)
	}
}

func problem(t *testing.T, what string, w *httptest.ResponseRecorder, status int, code hotspot.Code) {
	t.Helper()
	var p v1.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Code != code {
		t.Errorf("%s: %v, %d %s, want %d %s", what, err, w.Code, w.Body, status, code)
	}
}

// TestOnce: the same request with the same key makes vouchers once and gets
// the same answer, also after a restart and an edit.
func TestOnce(t *testing.T) {
	h := newHouse(t)
	auth := []string{"X-Api-Key", h.key("till", api.ScopeVouchers), "Idempotency-Key"}
	for i, body := range []string{`{}`, `{"count":500,"note":"room 7"}`, `{"username":"anna"}`} {
		with := append(auth, fmt.Sprintf(`"8e03978e-40d5-43dd-bc93-%d"`, i))
		before := h.count()
		first := h.do("POST", "/vouchers", body, with...)
		if first.Code != http.StatusCreated {
			t.Fatalf("%d %s", first.Code, first.Body)
		}
		made := h.count() - before
		again(t, "again", first, h.do("POST", "/vouchers", body, with...))
		h.restart()
		again(t, "after a restart", first, h.do("POST", "/vouchers", body, with...))
		h.clock.Pass(23 * time.Hour)
		again(t, "a day later", first, h.do("POST", "/vouchers", body, with...))
		if h.count() != before+made {
			t.Errorf("%s made %d vouchers more than once", body, made)
		}
		problem(t, "another request", h.do("POST", "/vouchers", `{"note":"x"}`, with...), http.StatusUnprocessableEntity, v1.CodeKeyReused)
		problem(t, "another operation", h.do("POST", "/vouchers/import", `{}`, with...), http.StatusUnprocessableEntity, v1.CodeKeyReused)
		bare := append(auth, fmt.Sprintf("8e03978e-40d5-43dd-bc93-%d", i))
		again(t, "without quotes", first, h.do("POST", "/vouchers", body, bare...))
		other := []string{"X-Api-Key", h.key(fmt.Sprintf("other %d", i), api.ScopeVouchers), "Idempotency-Key", with[len(with)-1]}
		if w := h.do("POST", "/vouchers", strings.Replace(body, "anna", "berta", 1), other...); w.Code != http.StatusCreated || w.Header().Get("Idempotency-Replayed") != "" {
			t.Errorf("another caller's key: %d %s", w.Code, w.Body)
		}
		h.clock.Pass(time.Hour)
		w := h.do("POST", "/vouchers", body, with...)
		if w.Header().Get("Idempotency-Replayed") != "" {
			t.Errorf("after its time: %d %s", w.Code, w.Body)
		}
	}
}

// TestOnceAfterCrash: the power goes after the vouchers are stored and before
// the client has its answer, or a moment before they are.
func TestOnceAfterCrash(t *testing.T) {
	h := newHouse(t)
	key := h.key("till", api.ScopeVouchers, api.ScopeKeys)
	with := []string{"X-Api-Key", key, "Idempotency-Key", "x"}
	func() {
		defer func() { _ = recover() }() // the connection is cut
		h.lan.ServeHTTP(lost{httptest.NewRecorder()}, request("POST", "/vouchers", `{"count":3}`, with...))
	}()
	if h.count() != 3 {
		t.Fatalf("%d vouchers", h.count())
	}
	h.restart()
	w := h.do("POST", "/vouchers", `{"count":3}`, with...)
	var list v1.List[v1.Voucher]
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != http.StatusCreated || len(list.Items) != 3 || h.count() != 3 {
		t.Errorf("after the crash: %v, %d %s", err, w.Code, w.Body)
	}

	h.store.FailUpdate = func() error {
		return &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "no room", Err: errors.New("disk full")}
	}
	with[3] = "y"
	problem(t, "a full disk", h.do("POST", "/vouchers", `{}`, with...), http.StatusServiceUnavailable, hotspot.CodeUnavailable)
	h.store.FailUpdate = nil
	if w := h.do("POST", "/vouchers", `{}`, with...); w.Code != http.StatusCreated || w.Header().Get("Idempotency-Replayed") != "" || h.count() != 4 {
		t.Errorf("tried again: %d %s", w.Code, w.Body)
	}
	with[3] = "z"
	problem(t, "nothing was made", h.do("POST", "/vouchers", `{"valid_for":"soon"}`, with...), http.StatusUnprocessableEntity, hotspot.CodeInvalid)
	if w := h.do("POST", "/vouchers", `{"valid_for":"2 days"}`, with...); w.Code != http.StatusCreated {
		t.Errorf("a refused request keeps its key: %d %s", w.Code, w.Body)
	}
}

// TestOnceTogether: of many equal requests at the same time one is carried out.
func TestOnceTogether(t *testing.T) {
	h := newHouse(t)
	key := h.key("till", api.ScopeVouchers)
	inside, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.store.FailUpdate = func() error {
		once.Do(func() { close(inside); <-leave })
		return nil
	}
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- h.do("POST", "/vouchers", `{}`, "X-Api-Key", key, "Idempotency-Key", "k") }()
	<-inside
	w := h.do("POST", "/vouchers", `{}`, "X-Api-Key", key, "Idempotency-Key", "k")
	problem(t, "meanwhile", w, http.StatusConflict, v1.CodeInProgress)
	if w.Header().Get("Retry-After") == "" {
		t.Error("it is not said when to try again")
	}
	problem(t, "meanwhile, another", h.do("POST", "/vouchers", `{"note":"x"}`, "X-Api-Key", key, "Idempotency-Key", "k"), http.StatusUnprocessableEntity, v1.CodeKeyReused)
	close(leave)
	done := <-first
	again(t, "then", done, h.do("POST", "/vouchers", `{}`, "X-Api-Key", key, "Idempotency-Key", "k"))
	if h.count() != 1 {
		t.Errorf("%d vouchers", h.count())
	}
}

// TestOnceKey: a key is made once, and shown once.
func TestOnceKey(t *testing.T) {
	h := newHouse(t)
	with := []string{"X-Api-Key", h.key("boss", api.ScopeKeys, api.ScopeVouchers), "Idempotency-Key", "k"}
	var first, second v1.MadeAPIKey
	body := `{"label":"till","scopes":["vouchers"],"viewable":true}`
	w := h.do("POST", "/keys", body, with...)
	if err := json.Unmarshal(w.Body.Bytes(), &first); err != nil || w.Code != http.StatusCreated {
		t.Fatalf("%v, %d %s", err, w.Code, w.Body)
	}
	w = h.do("POST", "/keys", body, with...)
	if err := json.Unmarshal(w.Body.Bytes(), &second); err != nil || w.Code != http.StatusCreated || second.Secret != "" || second.ID != first.ID {
		t.Errorf("again: %v, %d %s", err, w.Code, w.Body)
	}
	var stored map[string][]byte
	if err := h.store.View(t.Context(), func(r hotspot.Reader) (err error) { stored, err = r.Secrets(""); return err }); err != nil {
		t.Fatal(err)
	}
	for name, b := range stored {
		if bytes.Contains(b, []byte(first.Secret)) {
			t.Errorf("%s has the key in it", name)
		}
	}
}

// hooks leave a receipt, as those of the daemon do.
type hooks struct {
	*v1test.Webhooks
	store *hotspottest.Store
}

func (w hooks) Add(ctx context.Context, n api.NewWebhook) (h api.Webhook, secret string, err error) {
	err = w.store.Update(ctx, func(tx hotspot.Tx) error {
		h, secret, err = w.Webhooks.Add(ctx, n)
		return errors.Join(err, hotspot.StoreReceipt(ctx, tx, h))
	})
	return h, secret, err
}

// TestOnceWebhook: a webhook is made once, and its secret is shown once.
func TestOnceWebhook(t *testing.T) {
	h := newHouse(t)
	with := []string{"X-Api-Key", h.key("boss", api.ScopeSettings), "Idempotency-Key", "k"}
	body := `{"url":"https://example.org/"}`
	var first, second v1.MadeWebhook
	w := h.do("POST", "/webhooks", body, with...)
	if err := json.Unmarshal(w.Body.Bytes(), &first); err != nil || w.Code != http.StatusCreated || first.Secret == "" {
		t.Fatalf("%v, %d %s", err, w.Code, w.Body)
	}
	w = h.do("POST", "/webhooks", body, with...)
	if err := json.Unmarshal(w.Body.Bytes(), &second); err != nil || w.Code != http.StatusCreated || second.Secret != "" || second.ID != first.ID || second.URL != first.URL {
		t.Errorf("again: %v, %d %s", err, w.Code, w.Body)
	}
	problem(t, "another", h.do("POST", "/webhooks", `{"url":"https://example.com/"}`, with...), http.StatusUnprocessableEntity, v1.CodeKeyReused)
	if list, err := h.webhooks.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestOnceImport(t *testing.T) {
	h := newHouse(t)
	with := []string{"X-Api-Key", h.key("till", api.ScopeVouchers), "Idempotency-Key", "k"}
	lines := "{\"username\":\"anna\"}\n{}\n"
	if w := h.do("POST", "/vouchers/import?dry_run=true", lines, append(with[:3:3], "dry")...); w.Code != http.StatusOK || h.count() != 0 {
		t.Errorf("a rehearsal: %d %s", w.Code, w.Body)
	}
	first := h.do("POST", "/vouchers/import", lines, with...)
	if first.Code != http.StatusOK || h.count() != 2 {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	h.restart()
	again(t, "again", first, h.do("POST", "/vouchers/import", lines, with...))
	problem(t, "with other parameters", h.do("POST", "/vouchers/import?on_conflict=skip", lines, with...), http.StatusUnprocessableEntity, v1.CodeKeyReused)
	if h.count() != 2 {
		t.Errorf("%d vouchers", h.count())
	}
}

func TestOnceHeader(t *testing.T) {
	h := newHouse(t)
	key := h.key("till", api.ScopeVouchers)
	for _, bad := range []string{`"`, `"a`, `""`, `"a"b"`, strings.Repeat("x", 256), "ä", "a\x01b"} {
		problem(t, bad, h.do("POST", "/vouchers", `{}`, "X-Api-Key", key, "Idempotency-Key", bad), http.StatusBadRequest, hotspot.CodeInvalid)
	}
	r := request("POST", "/vouchers", `{}`, "X-Api-Key", key)
	r.Header["Idempotency-Key"] = []string{"a", "b"}
	w := httptest.NewRecorder()
	h.lan.ServeHTTP(w, r)
	problem(t, "two", w, http.StatusBadRequest, hotspot.CodeInvalid)
	problem(t, "not taken", h.do("POST", "/vouchers/remove", `{"usernames":["a"]}`, "X-Api-Key", key, "Idempotency-Key", "a"), http.StatusBadRequest, hotspot.CodeInvalid)
	if h.count() != 0 {
		t.Errorf("%d vouchers", h.count())
	}
	if w := h.do("POST", "/vouchers", `{}`, "X-Api-Key", key, "Idempotency-Key", `"a \"b\" \\"`); w.Code != http.StatusCreated {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// receipts counts what is stored of them, and their bytes.
func (h *house) receipts() (n, size int) {
	h.t.Helper()
	if err := h.store.View(h.t.Context(), func(r hotspot.Reader) error {
		all, err := r.Secrets("api.receipt/")
		for _, b := range all {
			n++
			size += len(b)
		}
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return n, size
}

// TestOnceBounds: what is kept is bounded in number and in bytes, and the
// oldest goes first; the largest answer there can be is kept.
func TestOnceBounds(t *testing.T) {
	h := newHouse(t)
	key := h.key("till", api.ScopeVouchers)
	post := func(name, body string) *httptest.ResponseRecorder {
		h.clock.Pass(time.Second)
		w := h.do("POST", "/vouchers", body, "X-Api-Key", key, "Idempotency-Key", name)
		if w.Code != http.StatusCreated {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		return w
	}
	first := post("first", `{}`)
	for i := range 1000 {
		post(fmt.Sprint(i), `{}`)
		if i == 998 {
			again(t, "with 1000 kept", first, post("first", `{}`))
		}
	}
	if w := post("first", `{}`); w.Header().Get("Idempotency-Replayed") != "" {
		t.Error("more than 1000 are kept")
	}
	if n, _ := h.receipts(); n > 1000 {
		t.Errorf("%d receipts", n)
	}
	note := make([]byte, 1000)
	for i := range note {
		note[i] = byte('A' + rand.IntN(26))
	}
	large, times := fmt.Sprintf(`{"count":5000,"note":"%s"}`, note), 5
	if testing.Short() {
		times = 1 // an emulated processor is slow
	}
	for i := range times {
		w := post(fmt.Sprintf("large %d", i), large)
		again(t, "large", w, post(fmt.Sprintf("large %d", i), large))
	}
	n, size := h.receipts()
	if size > 1<<20 {
		t.Errorf("%d bytes are kept in %d receipts", size, n)
	}
	h.restart()
	if w := post(fmt.Sprintf("large %d", times-1), large); w.Header().Get("Idempotency-Replayed") != "true" {
		t.Error("the newest was not kept")
	}
	t.Logf("%d receipts of %d bytes", n, size)
	h.clock.Pass(25 * time.Hour)
	post("next day", `{}`)
	if n, _ := h.receipts(); n != 1 {
		t.Errorf("%d are kept after a day", n)
	}
}
