package keys_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// FuzzKey presents arbitrary keys: none but the right one opens anything.
func FuzzKey(f *testing.F) {
	ctx := f.Context()
	s, err := keys.LoadOrCreateSecret(filepath.Join(f.TempDir(), "secret"))
	if err != nil {
		f.Fatal(err)
	}
	k := newKeys(f, hotspottest.NewStore(), s)
	right, err := k.DeviceKey(ctx)
	if err != nil {
		f.Fatal(err)
	}
	for _, key := range []string{"", " ", right[:39], right + " ", right + "\x00", "\x00", "Bearer " + right} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if _, err := k.Check(t.Context(), key, home); key != right && !errors.Is(err, api.ErrWrongKey) {
			t.Errorf("%q: %v", key, err)
		}
	})
}

// FuzzSealed puts arbitrary bytes where the store and the file hold the sealed
// key and the device secret: they are refused, with a remedy, and nothing is
// overwritten.
func FuzzSealed(f *testing.F) {
	ctx := f.Context()
	path := filepath.Join(f.TempDir(), "secret")
	s, err := keys.LoadOrCreateSecret(path)
	if err != nil {
		f.Fatal(err)
	}
	store := hotspottest.NewStore()
	k := newKeys(f, store, s)
	if _, err := k.DeviceKey(ctx); err != nil {
		f.Fatal(err)
	}
	var good []byte
	if err := store.View(ctx, func(r hotspot.Reader) (err error) { good, err = r.Secret("api.key"); return err }); err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte("short"))
	f.Add(good[1:], make([]byte, 32))
	f.Add(append([]byte{2}, good[1:]...), make([]byte, 33))
	f.Add([]byte{1}, []byte{})
	f.Fuzz(func(t *testing.T, sealed, file []byte) {
		if string(sealed) != string(good) {
			st := hotspottest.NewStore()
			if err := st.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutSecret("api.key", sealed) }); err != nil {
				t.Fatal(err)
			}
			k := newKeys(t, st, s)
			if key, err := k.DeviceKey(t.Context()); !errors.Is(err, keys.ErrUnreadable) {
				t.Errorf("%x opens as %q, %v", sealed, key, err)
			}
		}
		p := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(p, file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := keys.LoadOrCreateSecret(p)
		if got, rerr := os.ReadFile(p); rerr != nil || string(got) != string(file) {
			t.Errorf("the file of %d bytes was changed: %v", len(file), rerr)
		}
		if (err == nil) != (len(file) == 32) || err != nil && !errors.Is(err, keys.ErrSecretDamaged) {
			t.Errorf("a file of %d bytes: %v", len(file), err)
		}
	})
}

// FuzzCredential sends a credential in every place at once. Whatever comes, the
// answer is JSON with a status of the contract, and only the right key opens.
func FuzzCredential(f *testing.F) {
	s, err := keys.LoadOrCreateSecret(filepath.Join(f.TempDir(), "secret"))
	if err != nil {
		f.Fatal(err)
	}
	k := newKeys(f, hotspottest.NewStore(), s)
	_, right, err := k.Create(f.Context(), api.Local(), api.NewKey{Label: "till"})
	if err != nil {
		f.Fatal(err)
	}
	const form = "application/x-www-form-urlencoded"
	f.Add("key="+right, "", "", "", "")
	f.Add("key=%zz", "Bearer "+right, "", "", "")
	f.Add("", "bearer "+right, right, form, "key="+right)
	f.Add("", "Basic x", "", "application/json", `{"key": "`+right+`"}`)
	f.Add("", "", "", "application/json", `{"email": "a", "password": 1, "key": null}`)
	f.Add("", "", "", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nx\r\n--B--\r\n")
	f.Add("key=a&key=b", "Bearer \x00", "é", "text/plain; charset=latin1", "{")
	f.Fuzz(func(t *testing.T, query, authorization, header, contentType, body string) {
		h := keys.NewHandler(k, nil) // with nothing held against anybody
		for _, path := range []string{"/api/token", "/api/apikey", "/api/apikey/60902b70b281af121fcda4ce"} {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.URL.RawQuery = query
			r.Header = http.Header{"Authorization": {authorization}, "X-Api-Key": {header}, "Content-Type": {contentType}}
			if path != "/api/token" && body != "" {
				r.Method = http.MethodPatch
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			var answer map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Errorf("%v in %q", err, w.Body)
			}
			switch w.Code {
			case http.StatusOK:
				if !strings.Contains(query+authorization+header+body, right[3:]) && !strings.ContainsAny(query+body, "%\\=") {
					t.Error("opened without the key")
				}
			case http.StatusBadRequest, http.StatusUnauthorized, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge, http.StatusMethodNotAllowed:
				if answer["error"] != true || answer["message"] == "" {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			default:
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		}
	})
}

// FuzzToken presents arbitrary access tokens: none but the real one opens.
func FuzzToken(f *testing.F) {
	s, err := keys.LoadOrCreateSecret(filepath.Join(f.TempDir(), "secret"))
	if err != nil {
		f.Fatal(err)
	}
	k := newKeys(f, hotspottest.NewStore(), s)
	right, _, err := k.TokenFor(f.Context(), api.Local(), api.ID{})
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(right, ".")
	for _, token := range []string{"", ".", "..", "a.b.c", right + ".", parts[0] + "." + parts[1] + ".", parts[1] + "." + parts[2], right + "\n", "=" + right} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, genuine, err := k.CheckToken(t.Context(), token, home); token != right && (genuine || !errors.Is(err, api.ErrWrongKey)) {
			t.Errorf("%q: genuine %v, %v", token, genuine, err)
		}
	})
}

// FuzzRecord puts arbitrary bytes where the store holds a named key, as a
// foreign backup may: they open nothing, and harm no other key.
func FuzzRecord(f *testing.F) {
	s, err := keys.LoadOrCreateSecret(filepath.Join(f.TempDir(), "secret"))
	if err != nil {
		f.Fatal(err)
	}
	for _, rec := range exampleKeys() {
		b, err := json.Marshal(rec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("60902b70b281af121fcda4ce", b)
	}
	f.Add("x", []byte(`{"created": 1e300}`))
	f.Add("60902B70B281AF121FCDA4CE", []byte(`{"created": -9223372036854775808, "expires": 9223372036854775807, "provisional": true, "scopes": null}`))
	f.Fuzz(func(t *testing.T, id string, record []byte) {
		store := hotspottest.NewStore()
		k := newKeys(t, store, s)
		_, text, err := k.Create(t.Context(), api.Local(), api.NewKey{Label: "till"})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutSecret("api.key/"+id, record) }); err != nil {
			t.Fatal(err)
		}
		k = newKeys(t, store, s)
		if _, err := k.Check(t.Context(), text, home); err != nil {
			t.Errorf("the other key: %v", err)
		}
		list, err := k.List(t.Context(), api.Local())
		if err != nil || len(list) < 1 || len(list) > 2 {
			t.Errorf("%d keys, %v", len(list), err)
		}
		write, stored := k.Uses()
		if err := store.Update(t.Context(), write); err != nil {
			t.Error(err)
		}
		stored()
		token, _, err := k.TokenFor(t.Context(), api.Local(), api.ID{})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/api/apikey", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		keys.NewHandler(k, nil).ServeHTTP(w, r)
		if w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
