package tunnel

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// FuzzProxyAnswer: whatever a proxy says, only a 2xx without more opens a way.
func FuzzProxyAnswer(f *testing.F) {
	for _, s := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nmore", "HTTP/1.1 407 No\r\nA: b\r\n\r\n", "", "HTTP/1.0 204\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "SSH-2.0-x\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &http.Request{Method: http.MethodConnect, Host: "relay.test:443"}
		if readProxyAnswer(bytes.NewReader(b), r) == nil && !bytes.HasPrefix(b, []byte("HTTP/")) {
			t.Errorf("%q opened a way", b)
		}
	})
}

// FuzzIdentity: whatever a relay says, an identity that is taken can be used.
func FuzzIdentity(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	r, _ := relayKeyPair(f, time.Now().Unix()-60, time.Now().Unix()+60, key)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate[0]}))
	good, err := json.Marshal(map[string]string{"certificate": text, "host": "0123456789.cloud.test", "tunnel": "tunnel.cloud.test"})
	if err != nil {
		f.Fatal(err)
	}
	if id, err := readIdentity(good, nil, &key.PublicKey); err != nil || id.Host != "0123456789.cloud.test" {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"certificate":"","host":"a.b","tunnel":"a.b"}`))
	f.Add([]byte(`null`))
	f.Add([]byte(strings.Repeat("[", 1000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := readIdentity(b, nil, &key.PublicKey)
		if err == nil && (len(id.Certificate) == 0 || !isHost(id.Host) || !isHost(id.Tunnel)) {
			t.Errorf("%+v", id)
		}
	})
}

// FuzzHello: whatever the relay says, the router's end answers, and its state
// holds names only.
func FuzzHello(f *testing.F) {
	for _, s := range []string{`{"host":"a.b"}`, `{"latency_us":-1}`, `{"move":true}`, `{"host":"\u0000.x","latency_us":9e99}`, "", "[]", `{"latency_us":3600000000}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tun := New(Config{})
		c := &connection{t: tun, hello: make(chan struct{}), move: make(chan struct{})}
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(http.MethodPost, ControlPath, bytes.NewReader(b)))
		s := tun.State()
		if w.Code != 200 && w.Code != 400 || s.Host != "" && !isHost(s.Host) || s.Latency < 0 || s.Latency >= time.Hour {
			t.Errorf("%d %+v", w.Code, s)
		}
	})
}

// FuzzAnswer: whatever a router answers to a Hello, it is bounded.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"version":"1.2.3"}`, `{}`, "", `{"version":"` + strings.Repeat("x", 5000) + `"}`, "[]"} {
		f.Add(200, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, b []byte) {
		a, err := readAnswer(status, bytes.NewReader(b))
		if err == nil && (status != 200 || len(a.Version) > maxControl) {
			t.Errorf("%d %q", status, a.Version)
		}
	})
}
