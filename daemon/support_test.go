package daemon

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// unpack reads a support bundle with another's reader of tar files.
func unpack(t *testing.T, packed []byte) map[string]string {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	r := tar.NewReader(gz)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutPrefix(h.Name, "vouchsafe-support/")
		if !ok || h.Mode != 0o600 || h.Typeflag != tar.TypeReg || h.ModTime.IsZero() {
			t.Errorf("%+v", h)
		}
		files[name] = string(b)
		if strings.HasSuffix(name, ".json") && !json.Valid(b) {
			t.Errorf("%s: %s", name, b)
		}
	}
	if rest, err := io.ReadAll(gz); err != nil || len(bytes.Trim(rest, "\x00")) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	return files
}

// The support bundle tells what helps, and no secret, wherever one may be. What
// says who guests and operators are is in it only if it was asked for.
func TestSupport(t *testing.T) {
	d := openDaemon(t, slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug})))
	secrets, people := plant(t, d)
	for _, personal := range []bool{false, true} {
		var packed bytes.Buffer
		ctx := hotspot.WithActor(t.Context(), hotspot.Actor{Kind: hotspot.ActorOperator, Name: "anna"})
		if err := (systemPort{d}).Support(ctx, &packed, personal); err != nil {
			t.Fatal(err)
		}
		files := unpack(t, packed.Bytes())
		want := []string{"README.txt", "about.json", "configuration.json", "counts.json", "findings.json", "log.txt", "settings.json"}
		if personal {
			want = append(want, "guests.json")
		}
		for _, name := range want {
			if files[name] == "" {
				t.Errorf("there is no %s", name)
			}
		}
		if len(files) != len(want) {
			t.Errorf("%d files instead of %d", len(files), len(want))
		}
		whole := fmt.Sprint(files)
		for what, secret := range secrets {
			if strings.Contains(whole, secret) {
				t.Errorf("personal=%v: %s is in it", personal, what)
			}
		}
		for _, who := range people {
			if !personal && strings.Contains(strings.ToLower(whole), strings.ToLower(who)) {
				t.Errorf("%s is in it", who)
			}
		}
		for _, text := range []string{"1.2.3", "guest logged in", `"session.timeout": "0s"`, `"vouchers": 1`, "key=portal.title", "no space left on device"} {
			if !strings.Contains(whole, text) {
				t.Errorf("personal=%v: %q is missing", personal, text)
			}
		}
		if personal && (!strings.Contains(files["log.txt"], "02:00:5E:10:00:01") || !strings.Contains(files["guests.json"], "[")) {
			t.Errorf("no guests: %s", files["log.txt"])
		}
	}
	rows, err := d.service.Audit(t.Context(), 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Action != hotspot.AuditSupportMade || rows[0].Subject != "with guests" || rows[1].Subject != "without guests" || rows[0].Actor.Name != "anna" {
		t.Errorf("%+v", rows)
	}
}

// plant puts secrets wherever there is a place for one, and people into the log.
func plant(t *testing.T, d *hotspotDaemon) (secrets map[string]string, people []string) {
	t.Helper()
	ctx := t.Context()
	d.opts.Version = "1.2.3"
	secrets = map[string]string{"a passcode": "canary-passcode", "a webhook's address": "canary-webhook-token", "an operator's password": "canary-operator-password"}
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range hotspot.SettingKeys() {
		if k.Kind == "text" || k.Secret {
			canary := "canary " + k.Key
			if err := d.service.SetSetting(ctx, k.Key, canary); err == nil {
				secrets["the setting "+k.Key] = canary
			}
		}
	}
	for _, must := range []string{"portal.password", "print.wifi_password", "portal.text"} {
		if secrets["the setting "+must] == "" {
			t.Errorf("the setting %s took no canary", must)
		}
	}
	_, err := d.service.CreateVouchers(ctx, hotspot.VoucherSpec{Username: "room-seven", Passcode: "canary-passcode", FullName: "Anna Canary", Note: "canary note"})
	fail(err)
	key, err := d.keys.DeviceKey(ctx)
	fail(err)
	secrets["the device key"] = key
	_, key, err = d.keys.Create(ctx, api.Local(), api.NewKey{Label: "canary label", Viewable: true})
	fail(err)
	secrets["an API key"] = key
	_, err = d.people.Create(ctx, api.Local(), api.NewOperator{Email: "canary@example.org", Role: api.RoleOwner, Password: "canary-operator-password"})
	fail(err)
	ticket, err := d.people.Open(ctx, api.SignIn{Email: "canary@example.org", Password: "canary-operator-password"})
	fail(err)
	secrets["a session's cookie"] = ticket.Cookie
	_, hook, err := d.webhooks.Add(ctx, api.NewWebhook{URL: "http://192.168.10.9/canary-webhook-token", Disabled: true})
	fail(err)
	secrets["a webhook's secret"] = hook
	b, err := os.ReadFile(filepath.Join(d.conf().Data, secretFile))
	fail(err)
	secrets["the device secret"] = strings.TrimSpace(string(b))
	secrets["the device secret in hex"], secrets["the device secret in base64"] = hex.EncodeToString(b), base64.StdEncoding.EncodeToString(b)
	for what, s := range secrets {
		if len(s) < 8 {
			t.Errorf("%s is %q", what, s)
		}
	}
	log := d.opts.Log.With("component", "hotspot")
	log.Info("guest logged in", "login", "room-seven", "type", "voucher", "mac", "02:00:5E:10:00:01", "addresses", "192.168.0.17")
	log.Warn("address conflict: a claim is ignored", "address", "192.168.0.17", "holder", "02:00:5E:10:00:01")
	log.Error("usage could not be stored; it will be tried again",
		"error", errors.New(`voucher "room-seven" of anna@example.net at 02-00-5e-10-00-01 and fd00::17 and 192.168.0.17: no space left on device`))
	log.Warn("a webhook fails; it will be tried again", "url", "https://hooks.example.org/canary-webhook-token", "error", errors.New("Post https://hooks.example.org/canary-webhook-token: refused"))
	return secrets, []string{"room-seven", "Anna Canary", "canary note", "02:00:5e:10:00:01", "02-00-5e-10-00-01", "192.168.0.17", "fd00::17", "anna@example.net", "canary@example.org"}
}

// What a text is scrubbed of, and what is left.
func TestScrub(t *testing.T) {
	for text, want := range map[string]string{
		"no space left on device":             "no space left on device",
		"took 1m0.5s, 12:30":                  "took 1m0.5s, 12:30",
		"at 10.0.0.1:2050":                    "at (left out):2050",
		"from fe80::1%eth0":                   "from (left out)%eth0",
		"user 'anna' and \"bob\"":             "user (left out) and (left out)",
		"mail a@b.org now":                    "mail (left out) now",
		"get http://a.example/x?y=z failed":   "get (address) failed",
		"aa:bb:cc:dd:ee:ff and AABB.CCDD":     "(left out) and AABB.CCDD",
		"listen tcp [fd00::1]:80: bind: busy": "listen tcp [(left out)]:80: bind: busy",
	} {
		if got := scrub(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// Writers of every setting are known to be words of ours, or are not shown.
func TestPlainSettings(t *testing.T) {
	set := hotspot.DefaultSettings()
	var plain []string
	for key, value := range plainSettings(set) {
		if !strings.HasPrefix(value, "(set") {
			plain = append(plain, key)
		}
	}
	for _, key := range []string{"session.timeout", "voucher.valid_for", "api.post", "log.keep_rows", "free.download_limit", "voucher.validity_from"} {
		if !slices.Contains(plain, key) {
			t.Errorf("%s is not shown", key)
		}
	}
	if d := cmp.Diff("(set, 11 bytes)", plainSettings(set)["venue.name"]); d != "" {
		t.Error(d)
	}
}

// FuzzDetails reads names and values back as they were written.
func FuzzDetails(f *testing.F) {
	f.Add("error", `say "no" = x`, "n", "")
	f.Fuzz(func(t *testing.T, a, x, b, y string) {
		line := logText(addDetail(addDetail("", "", slog.String(a, x)), "", slog.String(b, y)))
		for name, value := range details(line) {
			_, _ = plainDetail(name, value, false)
		}
		if strings.ContainsAny(scrub(line), "\n") {
			t.Errorf("%q has more than one line", line)
		}
	})
}
