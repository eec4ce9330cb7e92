package webhooks

import (
	"context"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// oldSecretFor is how long the secret before signs, too, after a rotation.
const oldSecretFor = 24 * time.Hour

// Add makes an endpoint. It returns its secret, which is shown this once.
func (w *Webhooks) Add(ctx context.Context, n api.NewWebhook) (api.Webhook, string, error) {
	u, err := parseURL(n.URL)
	if err != nil {
		return api.Webhook{}, "", err
	}
	types, err := parseTypes(n.Types)
	if err != nil {
		return api.Webhook{}, "", err
	}
	if err := checkDescription(n.Description); err != nil {
		return api.Webhook{}, "", err
	}
	secret := newSecret()
	if n.Secret != "" {
		if secret, err = parseSecret(n.Secret); err != nil {
			return api.Webhook{}, "", err
		}
	}
	warning, err := w.inspect(ctx, u)
	if err != nil {
		return api.Webhook{}, "", err
	}
	h := &hook{id: api.NewID(), record: record{URL: n.URL, Text: n.Description, Types: types, Enabled: !n.Disabled, Sealed: w.cfg.Sealer.Seal(secret)}}
	h.Created = w.now()
	err = w.inTurn(ctx, func() error {
		w.mu.Lock()
		full := len(w.hooks) >= Max
		w.mu.Unlock()
		if full {
			return hotspot.Invalid("", "there are %d webhooks already, which is the most; remove one first", Max)
		}
		return w.keepAnd(ctx, h, func(tx hotspot.Tx) error {
			return hotspot.StoreReceipt(ctx, tx, w.changed(h, warning))
		}, hotspot.AuditWebhookAdded, change("url", "", h.URL))
	})
	if err != nil {
		return api.Webhook{}, "", err
	}
	return w.changed(h, warning), secretText(secret), nil
}

// now is the house's time as records have it.
func (w *Webhooks) now() int64 {
	t, _ := w.cfg.Events.Now()
	return t.UnixMilli()
}

//go:noinline // it takes much code where it is called
func change(field, old, is string) hotspot.Change {
	return hotspot.Change{Field: field, Old: old, New: is}
}

// keep stores an endpoint as it is from now on, in turn.
func (w *Webhooks) keep(ctx context.Context, h *hook, action hotspot.Action, changes ...hotspot.Change) error {
	return w.keepAnd(ctx, h, func(hotspot.Tx) error { return nil }, action, changes...)
}

// keepAnd is keep with something more to store, or not, in the same step.
func (w *Webhooks) keepAnd(ctx context.Context, h *hook, more func(hotspot.Tx) error, action hotspot.Action, changes ...hotspot.Change) error {
	now, believed := w.cfg.Events.Now()
	h.Modified = now.UnixMilli()
	err := w.cfg.Store.Update(ctx, func(tx hotspot.Tx) error {
		row := hotspot.NewAudit(ctx, now, believed, action, h.URL, changes...)
		if err := tx.PutAudit(&row); err != nil {
			return err
		}
		if err := h.put(tx); err != nil {
			return err
		}
		return more(tx)
	})
	if err != nil {
		return storeError(err)
	}
	w.replace(h)
	w.log.Info("webhook changed", "action", string(action), "webhook", h.id.String(), "url", h.URL)
	return nil
}

// replace puts an endpoint in the place of itself, or behind the others.
func (w *Webhooks) replace(h *hook) {
	w.mu.Lock()
	hooks, found := make([]*hook, 0, len(w.hooks)+1), false
	for _, x := range w.hooks {
		if x.id == h.id {
			x, found = h, true
		}
		hooks = append(hooks, x)
	}
	if !found {
		hooks = append(hooks, h)
	}
	w.hooks = hooks
	if w.state[h.id] == nil {
		w.state[h.id] = newProgress(api.WebhookDelivery{})
	}
	w.mu.Unlock()
	w.subscribe()
}

func (w *Webhooks) changed(h *hook, warning string) api.Webhook {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.describe(h)
	if warning != "" {
		out.Warning = warning
	}
	return out
}

// Edit changes an endpoint. What waits for it goes to the new address.
func (w *Webhooks) Edit(ctx context.Context, id api.ID, e api.WebhookEdit) (api.Webhook, error) {
	warning := ""
	if e.URL != nil {
		u, err := parseURL(*e.URL)
		if err == nil {
			warning, err = w.inspect(ctx, u)
		}
		if err != nil {
			return api.Webhook{}, err
		}
	}
	var h *hook
	err := w.inTurn(ctx, func() error {
		was, err := w.find(id)
		if err != nil {
			return err
		}
		var changes []hotspot.Change
		if h, changes, err = was.edited(e); err != nil {
			return err
		}
		return w.keep(ctx, h, hotspot.AuditWebhookEdited, changes...)
	})
	if err != nil {
		return api.Webhook{}, err
	}
	w.again(id)
	return w.changed(h, warning), nil
}

// edited returns a changed copy, and what was changed.
func (h *hook) edited(e api.WebhookEdit) (*hook, []hotspot.Change, error) {
	c := *h
	var changes []hotspot.Change
	if e.URL != nil && *e.URL != c.URL {
		changes = append(changes, change("url", c.URL, *e.URL))
		c.URL = *e.URL
	}
	if e.Description != nil && *e.Description != c.Text {
		if err := checkDescription(*e.Description); err != nil {
			return nil, nil, err
		}
		changes = append(changes, change("description", c.Text, *e.Description))
		c.Text = *e.Description
	}
	if e.Types != nil {
		types, err := parseTypes(*e.Types)
		if err != nil {
			return nil, nil, err
		}
		was := typeNames(c.types())
		c.Types = types
		changes = append(changes, change("types", was, typeNames(c.types())))
	}
	if e.Enabled != nil {
		if c.Enabled != *e.Enabled {
			changes = append(changes, change("enabled", onOff(c.Enabled), onOff(*e.Enabled)))
		}
		c.Enabled, c.Stopped = *e.Enabled, ""
	}
	return &c, changes, nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Remove deletes an endpoint. Nothing more is sent to it.
func (w *Webhooks) Remove(ctx context.Context, id api.ID) error {
	return w.inTurn(ctx, func() error {
		h, err := w.find(id)
		if err != nil {
			return err
		}
		now, believed := w.cfg.Events.Now()
		err = w.cfg.Store.Update(ctx, func(tx hotspot.Tx) error {
			row := hotspot.NewAudit(ctx, now, believed, hotspot.AuditWebhookRemoved, h.URL)
			if err := tx.PutAudit(&row); err != nil {
				return err
			}
			if err := tx.DeleteSecret(lastPrefix + id.String()); err != nil {
				return err
			}
			return tx.DeleteSecret(recordPrefix + id.String())
		})
		if err != nil {
			return storeError(err)
		}
		w.mu.Lock()
		var rest []*hook
		for _, x := range w.hooks {
			if x.id != id {
				rest = append(rest, x)
			}
		}
		w.hooks = rest
		delete(w.state, id)
		for _, q := range w.queue {
			q.drop(id)
		}
		w.mu.Unlock()
		w.subscribe()
		w.log.Info("webhook removed", "webhook", id.String(), "url", h.URL)
		return nil
	})
}

// Rotate gives an endpoint a new secret and returns it. For a day, the one
// before signs, too.
func (w *Webhooks) Rotate(ctx context.Context, id api.ID, secret string) (api.Webhook, string, error) {
	fresh := newSecret()
	var err error
	if secret != "" {
		if fresh, err = parseSecret(secret); err != nil {
			return api.Webhook{}, "", err
		}
	}
	var c hook
	err = w.inTurn(ctx, func() error {
		h, err := w.find(id)
		if err != nil {
			return err
		}
		c = *h
		c.Old, c.OldUntil = c.Sealed, w.now()+oldSecretFor.Milliseconds()
		if _, err := w.cfg.Sealer.Open(c.Sealed); err != nil {
			c.Old, c.OldUntil = nil, 0 // nobody can sign with it any more
		}
		c.Sealed = w.cfg.Sealer.Seal(fresh)
		if strings.HasPrefix(c.Stopped, sealedAway) {
			c.Stopped = ""
		}
		return w.keep(ctx, &c, hotspot.AuditWebhookRotated)
	})
	if err != nil {
		return api.Webhook{}, "", err
	}
	w.again(id)
	return w.changed(&c, ""), secretText(fresh), nil
}

// again tries an endpoint soon after a change that may have put it right.
func (w *Webhooks) again(id api.ID) {
	w.mu.Lock()
	if p := w.state[id]; p != nil {
		p.failures, p.pause = 0, time.Time{}
	}
	w.mu.Unlock()
	w.raise()
}

// sealedAway begins the text about a secret that cannot be read.
const sealedAway = "its secret cannot be read"

// secrets returns what an endpoint's deliveries are signed with, newest first.
func (w *Webhooks) secrets(h *hook, now time.Time) ([][]byte, error) {
	s, err := w.cfg.Sealer.Open(h.Sealed)
	if err != nil {
		return nil, &hotspot.Error{Code: hotspot.CodeUnavailable, Err: err,
			Text: sealedAway + ", because the device secret that sealed it was lost or replaced: make a new one with `vouchsafe webhook rotate` and give it to the receiver"}
	}
	out := [][]byte{s}
	if len(h.Old) > 0 && now.UnixMilli() < h.OldUntil {
		if old, err := w.cfg.Sealer.Open(h.Old); err == nil {
			out = append(out, old)
		}
	}
	return out, nil
}
