package webhooks

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// The example that the reference implementations of Standard Webhooks share.
func TestSignAsStandardWebhooks(t *testing.T) {
	secret, err := parseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	got := sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secret)
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	two := sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 999_999_999), []byte(`{"test": 2432232314}`), bytes.Repeat([]byte{1}, 24), secret)
	if first, second, _ := strings.Cut(two, " "); second != want || first == want || !strings.HasPrefix(first, "v1,") {
		t.Errorf("with two secrets: %s", two)
	}
}

func TestSecrets(t *testing.T) {
	for size, ok := range map[int]bool{0: false, 23: false, 24: true, 32: true, 64: true, 65: false} {
		b := bytes.Repeat([]byte{0xfb}, size)
		got, err := parseSecret(secretText(b))
		if (err == nil) != ok || ok && !bytes.Equal(got, b) {
			t.Errorf("%d bytes: %x, %v", size, got, err)
		}
	}
	good := secretText(newSecret())
	if len(good) != len("whsec_")+44 || good == secretText(newSecret()) {
		t.Errorf("a new secret is %q", good)
	}
	for _, bad := range []string{"", "whsec_", good[6:], "whsk_" + good[6:], good + "=", good[:20] + "\n" + good[20:], strings.ReplaceAll(good, "=", ""), "whsec_" + strings.Repeat("A", 1<<20)} {
		if _, err := parseSecret(bad); err == nil {
			t.Errorf("%.80q was taken", bad)
		}
	}
}

func FuzzSecret(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	f.Add("whsec_")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := parseSecret(s)
		if err == nil && (len(b) < minSecret || len(b) > maxSecret || secretText(b) != s) {
			t.Errorf("%q is %x is %q", s, b, secretText(b))
		}
	})
}
