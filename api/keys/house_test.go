package keys_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// house is keys with all that they need, and their handler.
type house struct {
	t      *testing.T
	store  *hotspottest.Store
	secret keys.Secret
	ops    *operators
	keys   *keys.Keys
	h      http.Handler

	mu       sync.Mutex // guards what is below
	now      time.Time
	believed bool
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, store: hotspottest.NewStore(), secret: secret(t, filepath.Join(t.TempDir(), "secret")),
		ops: &operators{}, now: day, believed: true}
	h.restart()
	return h
}

// restart opens the keys anew, as a daemon that starts does.
func (h *house) restart() {
	h.t.Helper()
	k, err := keys.New(keys.Config{Store: h.store, Secret: h.secret, Now: h.clock, Log: slog.New(slog.DiscardHandler), Operators: h.ops})
	if err != nil {
		h.t.Fatal(err)
	}
	h.keys, h.h = k, keys.NewHandler(k, func() time.Time { now, _ := h.clock(); return now })
}

func (h *house) clock() (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now, h.believed
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// set corrects the clock.
func (h *house) set(now time.Time, believed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now, h.believed = now, believed
}

// flush stores uses as the daemon does.
func (h *house) flush() {
	h.t.Helper()
	write, stored := h.keys.Uses()
	if err := h.store.Update(h.t.Context(), write); err != nil {
		h.t.Fatal(err)
	}
	stored()
}

func (h *house) device() string {
	h.t.Helper()
	key, err := h.keys.DeviceKey(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return key
}

// create makes a key on the command line.
func (h *house) create(n api.NewKey) (api.Key, string) {
	h.t.Helper()
	k, text, err := h.keys.Create(h.t.Context(), api.Local(), n)
	if err != nil {
		h.t.Fatal(err)
	}
	return k, text
}

// ask sends a request; the body is a form.
func (h *house) ask(method, target, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = home.String() + ":1000"
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, r)
	return w
}

// token exchanges a key for an access token.
func (h *house) token(key string) string {
	h.t.Helper()
	w := h.ask("POST", "/api/token?key="+key, "", "")
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK || answer.Token == "" {
		h.t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	return answer.Token
}

// answer asks and returns the status and the answer.
func (h *house) answer(method, target, token, body string) (int, map[string]any) {
	h.t.Helper()
	w := h.ask(method, target, token, body)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		h.t.Fatalf("%v in %s", err, w.Body)
	}
	return w.Code, answer
}

// The operator of the documentation's examples, and another one.
const (
	annaID = "60745fe7b57e1a058d849550"
	bertID = "60745fe7b57e1a058d849551"
)

// operators are two people with the password "right".
type operators struct {
	mu    sync.Mutex // guards gone
	gone  bool
	epoch uint32
}

func (o *operators) SignIn(ctx context.Context, email, password string, _ netip.Addr) (*api.Principal, error) {
	id := map[string]string{"anna@example.com": annaID, "bert@example.com": bertID}[email]
	if id == "" || password != "right" {
		return nil, api.ErrWrongKey
	}
	parsed, err := api.ParseID(id)
	if err != nil {
		return nil, err
	}
	return o.Operator(ctx, parsed)
}

func (o *operators) Operator(_ context.Context, id api.ID) (*api.Principal, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone {
		return nil, api.ErrWrongKey
	}
	return &api.Principal{Kind: api.CallerOperator, ID: id, Owner: id, Name: "operator", Epoch: o.epoch, Scopes: []api.Scope{api.ScopeAll}}, nil
}

func (o *operators) dismiss() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
}

func (h *house) signIn(email string) string {
	h.t.Helper()
	code, answer := h.answer("POST", "/api/token", "", "email="+email+"&password=right")
	token, _ := answer["access_token"].(string)
	if code != http.StatusOK || token == "" {
		h.t.Fatalf("%d %v", code, answer)
	}
	return token
}

// fixture stores the two keys of the documentation's example.
func (h *house) fixture() {
	h.t.Helper()
	err := h.store.Update(h.t.Context(), func(tx hotspot.Tx) error {
		for id, rec := range exampleKeys() {
			b, err := json.Marshal(rec)
			if err != nil {
				return err
			}
			if err := tx.PutSecret("api.key/"+id, b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// exampleKeys are records as the store has them, by id.
func exampleKeys() map[string]map[string]any {
	hash := func(s string) []byte {
		b, _ := hex.DecodeString(s)
		return b
	}
	return map[string]map[string]any{
		"60902b70b281af121fcda4ce": {
			"owner": annaID, "label": "Test 1234", "prefix": "vs_AAAAA", "by": "operator",
			"hash":   hash("07347bb350de895875ddb2b06186075be3dfd97b4ab7720c25170ff36c65a77b62d592e7ed508fdd1f6c8e59a5ed30e3d3a2ce02069ea8338905744f919e89cc"),
			"scopes": []string{"vouchers", "users", "live"}, "created": int64(1620061040261), "modified": int64(1620061040261),
		},
		"60902b80b281af121fcda4cf": {
			"owner": annaID, "label": "Test 123", "prefix": "vs_BBBBB", "by": "operator",
			"hash":   hash("bd6084557ac2fadc6bbdc3b7cc8b4547d1dd7c93b20c8f60809b1059a3380249f32287d9a48c1fd324a550b6075304f4450a3c30dfdf934342d6e7fab2e5dcbc"),
			"scopes": []string{"vouchers"}, "created": int64(1620061056402), "modified": int64(1620061056402), "expires": int64(4775734656400),
			"used": int64(1620061060000), "from": "192.168.10.9",
		},
	}
}
