package webhooks

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestEndpoints(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, secret := l.add("guest.login", "guest.login", "device.seen")
		if len(h.Types) != 2 || !h.Enabled || h.Waiting != 0 || !h.Created.Equal(day0) || !h.Last.At.IsZero() {
			t.Errorf("%+v", h)
		}
		if subs := l.events.subs; len(subs) != 1 || subs[0].Endpoint != h.ID.String() || len(subs[0].Types) != 2 {
			t.Errorf("%+v", subs)
		}
		plain, _ := parseSecret(secret)
		l.eachSecret(func(name string, b []byte) {
			if bytes.Contains(b, plain) || strings.Contains(string(b), secret[6:]) {
				t.Errorf("%s has the secret as it is", name)
			}
		})
		edited, err := l.Edit(t.Context(), h.ID, api.WebhookEdit{Description: new("CRM"), Types: new([]string{}), Enabled: new(false)})
		if err != nil || edited.Description != "CRM" || len(edited.Types) != len(hotspot.EventTypes()) || edited.Enabled || len(l.events.subs) != 0 {
			t.Errorf("%+v, %v", edited, err)
		}
		l.open()
		again, err := l.Get(t.Context(), h.ID)
		if err != nil || again.Description != "CRM" || again.URL != h.URL {
			t.Errorf("%+v, %v", again, err)
		}
		if got, err := l.Edit(t.Context(), h.ID, api.WebhookEdit{}); err != nil || got.URL != h.URL {
			t.Errorf("%+v, %v", got, err)
		}
		if err := l.Remove(t.Context(), h.ID); err != nil {
			t.Fatal(err)
		}
		if list, err := l.List(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		l.eachSecret(func(name string, _ []byte) { t.Errorf("%s is left", name) })
		wantRows(t, l, "webhook.removed", "webhook.edited", "webhook.edited", "webhook.added")
	})
}

// A webhook and the receipt for whoever asks again are stored together, or not.
func TestReceipt(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		var told api.Webhook
		full := errors.New("no room")
		var fault error
		ctx := hotspot.WithReceipt(t.Context(), func(_ hotspot.Tx, made any) error {
			told, _ = made.(api.Webhook)
			return fault
		})
		fault = full
		if _, _, err := l.Add(ctx, api.NewWebhook{URL: "https://hooks.example.org/"}); err == nil {
			t.Error("made without its receipt")
		}
		if list, err := l.List(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		fault = nil
		made, _, err := l.Add(ctx, api.NewWebhook{URL: "http://192.168.10.9/"})
		if err != nil || told.ID != made.ID || told.Warning != made.Warning || told.Warning == "" || !told.Modified.Equal(made.Modified) {
			t.Errorf("%+v, told %+v, %v", made, told, err)
		}
	})
}

func (l *lab) eachSecret(f func(name string, b []byte)) {
	l.t.Helper()
	if err := l.store.View(l.t.Context(), func(r hotspot.Reader) error {
		all, err := r.Secrets("")
		for name, b := range all {
			f(name, b)
		}
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
}

// wantRows checks the audit log, newest first.
func wantRows(t *testing.T, l *lab, want ...hotspot.Action) {
	t.Helper()
	if err := l.store.View(t.Context(), func(r hotspot.Reader) error {
		rows, err := r.Audit(0, 100)
		for i, row := range rows {
			if i >= len(want) || row.Action != want[i] {
				t.Errorf("row %d: %+v", i, row)
			}
		}
		if len(rows) != len(want) {
			t.Errorf("%d rows", len(rows))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedChanges(t *testing.T) {
	l := newLab(t)
	h, _ := l.add()
	for name, f := range map[string]func() error{
		"description": func() error {
			_, _, err := l.Add(t.Context(), api.NewWebhook{URL: l.to.URL, Description: strings.Repeat("x", 101)})
			return err
		},
		"types": func() error {
			_, _, err := l.Add(t.Context(), api.NewWebhook{URL: l.to.URL, Types: []string{"guest.login", "all"}})
			return err
		},
		"secret": func() error {
			_, _, err := l.Add(t.Context(), api.NewWebhook{URL: l.to.URL, Secret: "hunter2"})
			return err
		},
		"edit url": func() error {
			_, err := l.Edit(t.Context(), h.ID, api.WebhookEdit{URL: new("http://203.0.113.1/")})
			return err
		},
		"edit description": func() error {
			_, err := l.Edit(t.Context(), h.ID, api.WebhookEdit{Description: new("a\x00")})
			return err
		},
		"edit types": func() error {
			_, err := l.Edit(t.Context(), h.ID, api.WebhookEdit{Types: new([]string{"x"})})
			return err
		},
		"rotate": func() error { _, _, err := l.Rotate(t.Context(), h.ID, "whsec_short"); return err },
	} {
		if err := f(); !errors.Is(err, hotspot.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	none := api.ID{9}
	_, get := l.Get(t.Context(), none)
	_, edit := l.Edit(t.Context(), none, api.WebhookEdit{})
	_, _, rotate := l.Rotate(t.Context(), none, "")
	_, test := l.Test(t.Context(), none)
	_, log := l.Log(t.Context(), none)
	for i, err := range []error{get, edit, rotate, test, log, l.Remove(t.Context(), none)} {
		if !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("%d: %v", i, err)
		}
	}
	for i := range Max {
		_, _, err := l.Add(t.Context(), api.NewWebhook{URL: l.to.URL + "/" + strconv.Itoa(i)})
		if (err == nil) != (i < Max-1) {
			t.Errorf("webhook %d: %v", i+2, err)
		}
	}
	l.store.FailUpdate = func() error { return errors.New("the disk says no") }
	if err := l.Remove(t.Context(), h.ID); hotspot.CodeOf(err) != hotspot.CodeUnavailable {
		t.Errorf("%v", err)
	}
	if list, _ := l.List(t.Context()); len(list) != Max {
		t.Errorf("%d are left", len(list))
	}
}

// For a day after a rotation both secrets sign.
func TestRotate(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, old := l.add()
		rotated, fresh, err := l.Rotate(t.Context(), h.ID, "")
		if err != nil || fresh == old || !rotated.OldSecretUntil.Equal(day0.Add(24*time.Hour)) {
			t.Fatalf("%+v, %v", rotated, err)
		}
		send := func(secrets ...string) {
			t.Helper()
			n := len(l.to.requests())
			if d, err := l.Test(t.Context(), h.ID); err != nil || !d.OK || d.Type != TestType {
				t.Fatalf("%+v, %v", d, err)
			}
			verify(t, l.to.requests()[n], secrets...)
		}
		send(fresh, old)
		l.open()
		send(fresh, old)
		l.events.pass(24 * time.Hour)
		send(fresh)
		if h, err := l.Get(t.Context(), h.ID); err != nil || !h.OldSecretUntil.IsZero() {
			t.Errorf("%+v, %v", h, err)
		}
		mine := secretText(bytes.Repeat([]byte{7}, 64))
		if _, got, err := l.Rotate(t.Context(), h.ID, mine); err != nil || got != mine {
			t.Errorf("%s, %v", got, err)
		}
		send(mine, fresh)
	})
}

// A backup on another router has secrets that nobody can read: it is said, and
// a new one helps.
func TestSealedAway(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, _ := l.add()
		l.seal.broken = true
		l.open()
		l.run()
		l.happen(1)
		if d := l.deliveries(1); d.OK || !strings.Contains(d.Error.String(), "webhook rotate") || d.Attempt != 1 {
			t.Errorf("%+v", d)
		}
		if n := l.Notices(); len(n) != 1 || !strings.Contains(n[0].String(), sealedAway) {
			t.Error(n)
		}
		l.stop()
		l.seal.broken = false
		l.open()
		l.state[h.ID].pause = l.events.now.Add(time.Hour)
		_, fresh, err := l.Rotate(t.Context(), h.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		l.run()
		if d := l.deliveries(1); !d.OK || d.Attempt != 1 { // what could not be signed did not count
			t.Errorf("%+v", d)
		}
		if !strings.Contains(l.to.requests()[0].header.Get("webhook-signature"), "v1,") || fresh == "" {
			t.Error("not signed")
		}
	})
}

// A record that cannot be read harms no other.
func TestDamagedRecord(t *testing.T) {
	l := newLab(t)
	h, _ := l.add()
	if err := l.store.Update(t.Context(), func(tx hotspot.Tx) error {
		return errors.Join(tx.PutSecret(recordPrefix+"nonsense", []byte("{}")), tx.PutSecret(recordPrefix+api.NewID().String(), []byte("[")),
			tx.PutSecret(lastPrefix+h.ID.String(), []byte("{")))
	}); err != nil {
		t.Fatal(err)
	}
	l.open()
	if list, err := l.List(t.Context()); err != nil || len(list) != 1 || list[0].ID != h.ID {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestLogIsBounded(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		h, _ := l.add()
		for range maxLog + 20 {
			if _, err := l.Test(t.Context(), h.ID); err != nil {
				t.Fatal(err)
			}
		}
		if list, err := l.Log(t.Context(), h.ID); err != nil || len(list) != maxLog {
			t.Errorf("%d, %v", len(list), err)
		}
		if l.Unstored() {
			t.Error("a test is worth a write of its own")
		}
		l.flush()
		l.open()
		if h, err := l.Get(t.Context(), h.ID); err != nil || h.Last.Type != TestType || h.Last.Status != 204 {
			t.Errorf("%+v, %v", h, err)
		}
	})
}
