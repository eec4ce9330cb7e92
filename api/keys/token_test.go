package keys_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// checks reports whether a token opens something.
func (h *house) checks(token string) bool {
	h.t.Helper()
	_, _, err := h.keys.CheckToken(h.t.Context(), token, home)
	if err != nil && !errors.Is(err, api.ErrWrongKey) {
		h.t.Fatal(err)
	}
	return err == nil
}

// TestTokenShape: a token is a JWT that others can read.
func TestTokenShape(t *testing.T) {
	h := newHouse(t)
	k, text := h.create(api.NewKey{Label: "till"})
	for name, c := range map[string]struct{ token, sub, jti string }{
		"key":      {h.token(text), "000000000000000000000000", `^k` + k.ID.String() + `-0-[A-Z2-7]{16}$`},
		"device":   {h.token(h.device()), "000000000000000000000000", `^d[0-9a-f]{24}-0-[A-Z2-7]{16}$`},
		"operator": {h.signIn("anna@example.com"), annaID, `^o` + annaID + `-0-[A-Z2-7]{16}$`},
	} {
		parts := strings.Split(c.token, ".")
		if len(parts) != 3 {
			t.Fatalf("%s: %s", name, c.token)
		}
		header, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil || string(header) != `{"typ":"JWT","alg":"HS256"}` {
			t.Errorf("%s: header %s, %v", name, header, err)
		}
		body, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Iss, Sub, Jti string
			Iat, Nbf, Exp int64
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		now := day.Unix()
		if got.Iss != "vouchsafe" || got.Sub != c.sub || got.Iat != now || got.Nbf != now || got.Exp != now+3600 || !regexp.MustCompile(c.jti).MatchString(got.Jti) {
			t.Errorf("%s: %s", name, body)
		}
		if !regexp.MustCompile(`^\{"iss":.*,"sub":.*,"iat":.*,"nbf":.*,"exp":.*,"jti":"[^"]*"\}$`).Match(body) {
			t.Errorf("%s: order of %s", name, body)
		}
	}
	if first := h.token(text); first == h.token(text) {
		t.Error("two tokens are the same")
	}
}

func TestTokenTime(t *testing.T) {
	h := newHouse(t)
	_, text := h.create(api.NewKey{Label: "till", Expires: "Never"})
	token := h.token(text)
	for _, c := range []struct {
		at   time.Duration
		want bool
	}{{0, true}, {time.Hour - time.Second, true}, {time.Hour, false}, {24 * time.Hour, false}, {-30 * time.Second, true}, {-2 * time.Minute, false}} {
		h.set(day.Add(c.at), true)
		if h.checks(token) != c.want {
			t.Errorf("%v after its issue: %v", c.at, !c.want)
		}
	}
}

// TestTokenEnds: whatever a token was issued for, it ends with it, at once.
func TestTokenEnds(t *testing.T) {
	ctx := t.Context()
	for name, end := range map[string]func(h *house, k api.Key) error{
		"key removed":       func(h *house, k api.Key) error { return h.keys.Remove(ctx, api.Local(), k.ID) },
		"tokens of key":     func(h *house, k api.Key) error { return h.keys.EndTokens(ctx, api.Local(), k.ID) },
		"device key anew":   func(h *house, _ api.Key) error { _, err := h.keys.Regenerate(ctx); return err },
		"tokens of device":  func(h *house, _ api.Key) error { return h.keys.EndTokens(ctx, api.Local(), api.ID{}) },
		"operator gone":     func(h *house, _ api.Key) error { h.ops.dismiss(); return nil },
		"operator's epoch":  func(h *house, _ api.Key) error { h.ops.epoch++; return nil },
		"no operators left": func(h *house, _ api.Key) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			k, text := h.create(api.NewKey{Label: "till"})
			tokens := map[string]string{"key": h.token(text), "device": h.token(h.device()), "operator": h.signIn("bert@example.com")}
			for kind, token := range tokens {
				if !h.checks(token) {
					t.Errorf("%s: refused from the start", kind)
				}
			}
			if err := end(h, k); err != nil {
				t.Fatal(err)
			}
			ended := map[string]string{"key removed": "key", "tokens of key": "key", "device key anew": "device", "tokens of device": "device",
				"operator gone": "operator", "operator's epoch": "operator"}[name]
			for range 2 {
				for kind, token := range tokens {
					if h.checks(token) == (kind == ended) {
						t.Errorf("%s: opens something: %v", kind, kind == ended)
					}
				}
				h.restart() // a token outlives the daemon, and so does its end
			}
		})
	}
}

// TestTokenFollowsItsKey: a new token counts after the old ones were ended.
func TestTokenFollowsItsKey(t *testing.T) {
	h := newHouse(t)
	k, text := h.create(api.NewKey{Label: "till"})
	for _, id := range []api.ID{k.ID, {}} {
		if err := h.keys.EndTokens(t.Context(), api.Local(), id); err != nil {
			t.Fatal(err)
		}
		token, expires, err := h.keys.TokenFor(t.Context(), api.Local(), id)
		if err != nil || !h.checks(token) || !expires.Equal(day.Add(time.Hour).Truncate(time.Second)) {
			t.Errorf("%v, %v", expires, err)
		}
	}
	if !h.checks(h.token(text)) || !h.checks(h.token(h.device())) {
		t.Error("a token issued afterwards is refused")
	}
	for _, p := range []*api.Principal{api.Local(), {}} {
		if _, _, err := h.keys.IssueToken(t.Context(), p); !errors.Is(err, hotspot.ErrForbidden) {
			t.Errorf("a token for %q: %v", p, err)
		}
	}
	unknown := api.NewID()
	if _, _, err := h.keys.TokenFor(t.Context(), api.Local(), unknown); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("a token for an unknown key: %v", err)
	}
	if err := h.keys.EndTokens(t.Context(), api.Local(), unknown); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("the end of tokens of an unknown key: %v", err)
	}
}

func sign(secret []byte, header, body string) string {
	e := base64.RawURLEncoding
	text := e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(body))
	m := hmac.New(sha256.New, secret)
	_, _ = m.Write([]byte(text))
	return text + "." + e.EncodeToString(m.Sum(nil))
}

// TestForgedTokens: what was not signed here opens nothing, whatever it says.
func TestForgedTokens(t *testing.T) {
	h := newHouse(t)
	_, text := h.create(api.NewKey{Label: "till"})
	token := h.token(text)
	parts := strings.Split(token, ".")
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	e := base64.RawURLEncoding
	forged := map[string]string{
		"empty": "", "dots": "..", "one dot": ".", "many dots": strings.Repeat(".", 500), "no signature": parts[0] + "." + parts[1] + ".",
		"alg none":      e.EncodeToString([]byte(`{"typ":"JWT","alg":"none"}`)) + "." + parts[1] + ".",
		"alg none, sig": e.EncodeToString([]byte(`{"typ":"JWT","alg":"none"}`)) + "." + parts[1] + "." + parts[2],
		"other secret":  sign([]byte("secret"), `{"typ":"JWT","alg":"HS256"}`, string(body)),
		"no secret":     sign(nil, `{"typ":"JWT","alg":"HS256"}`, string(body)),
		"HS512":         sign(nil, `{"typ":"JWT","alg":"HS512"}`, string(body)),
		"later":         parts[0] + "." + e.EncodeToString([]byte(strings.Replace(string(body), `"exp":1`, `"exp":9`, 1))) + "." + parts[2],
		"padded":        token + "=", "newline": token + "\n", "space": token + " ", "NUL": token + "\x00", "unicode": token + "é",
		"last bits":  token[:len(token)-1] + nextLetter(token[len(token)-1]),
		"part added": token + ".x", "very long": strings.Repeat("A", 1<<20), "long parts": strings.Repeat("A", 500) + "." + strings.Repeat("A", 500) + "." + parts[2],
		"the key": text, "upper": strings.ToUpper(token),
	}
	for name, f := range forged {
		if _, genuine, err := h.keys.CheckToken(t.Context(), f, home); genuine || !errors.Is(err, api.ErrWrongKey) {
			t.Errorf("%s: genuine %v, %v", name, genuine, err)
		}
	}
	if !h.checks(token) {
		t.Error("the real one is refused")
	}
}

// nextLetter changes only the last bits of base64, which stand for nothing.
func nextLetter(c byte) string {
	const abc = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return abc[strings.IndexByte(abc, c)+1:][:1]
}

// TestHostileHeaders: whatever stands in a header, the answer is JSON.
func TestHostileHeaders(t *testing.T) {
	h := newHouse(t)
	_, text := h.create(api.NewKey{Label: "till"})
	for _, v := range []string{"", "Bearer", "Bearer ", "bearer  " + text, "BEARER " + text, "Bearer\t" + text, "Basic " + text, text,
		"Bearer " + strings.Repeat("x", 1<<16), "Bearer \x00", "Bearer é", "Bearer " + text + " " + text, "Bearer " + text + ",", ", Bearer x"} {
		r := httptest.NewRequest("POST", "/api/token", nil)
		r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", len(v)%250, len(v)/250)
		r.Header["Authorization"] = []string{v}
		w := httptest.NewRecorder()
		h.h.ServeHTTP(w, r)
		want := http.StatusUnauthorized
		if f := strings.Fields(v); len(f) == 2 && strings.EqualFold(f[0], "bearer") && f[1] == text && !strings.Contains(v, "\t") {
			want = http.StatusOK
		}
		if w.Code != want || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%.40q: %d %s, want %d", v, w.Code, w.Body, want)
		}
	}
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		r := httptest.NewRequest("POST", "/api/token", nil)
		r.Header[name] = []string{"Bearer " + text, "Bearer " + text}
		w := httptest.NewRecorder()
		h.h.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s twice: %d", name, w.Code)
		}
	}
}

// TestTokenOfAnOperatorsKey: a token ends with the operator whose key it was
// issued for.
func TestTokenOfAnOperatorsKey(t *testing.T) {
	h := newHouse(t)
	code, answer := h.answer("POST", "/api/apikey", h.signIn("anna@example.com"), "label=hers&scopes=keys")
	if code != http.StatusOK {
		t.Fatalf("%d %v", code, answer)
	}
	token := h.token(fmt.Sprint(answer["api_key"]))
	if code, answer := h.answer("GET", "/api/apikey", token, ""); code != http.StatusOK || answer["total"] != 1.0 {
		t.Errorf("%d %v", code, answer)
	}
	h.ops.dismiss()
	if code, _ := h.answer("GET", "/api/apikey", token, ""); code != http.StatusUnauthorized {
		t.Errorf("the operator is gone: %d", code)
	}
}
