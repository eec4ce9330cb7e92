package v1test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Webhooks is a v1.Webhooks in memory. It checks nothing, and sends nothing.
type Webhooks struct {
	Deliveries []api.WebhookDelivery // what Log returns

	mu    sync.Mutex // guards what follows
	hooks []api.Webhook
}

// NewWebhooks returns one without endpoints.
func NewWebhooks() *Webhooks { return &Webhooks{} }

// at is when everything is made.
func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// List implements v1.Webhooks.
func (w *Webhooks) List(context.Context) ([]api.Webhook, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.hooks), nil
}

func (w *Webhooks) find(id api.ID) (int, error) {
	i := slices.IndexFunc(w.hooks, func(h api.Webhook) bool { return h.ID == id })
	if i < 0 {
		return i, &hotspot.Error{Code: hotspot.CodeNotFound, Field: "id", Text: "no webhook has this id"}
	}
	return i, nil
}

// Get implements v1.Webhooks.
func (w *Webhooks) Get(_ context.Context, id api.ID) (api.Webhook, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.find(id)
	if err != nil {
		return api.Webhook{}, err
	}
	return w.hooks[i], nil
}

// Add implements v1.Webhooks. Ids count up.
func (w *Webhooks) Add(_ context.Context, n api.NewWebhook) (api.Webhook, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := api.Webhook{ID: api.ID{11: byte(len(w.hooks) + 1)}, URL: n.URL, Description: n.Description, Types: n.Types, Enabled: !n.Disabled, Created: at(), Modified: at()}
	if len(h.Types) == 0 {
		for _, t := range hotspot.EventTypes() {
			h.Types = append(h.Types, string(t))
		}
	}
	w.hooks = append(w.hooks, h)
	return h, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", nil
}

// Edit implements v1.Webhooks.
func (w *Webhooks) Edit(_ context.Context, id api.ID, e api.WebhookEdit) (api.Webhook, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.find(id)
	if err != nil {
		return api.Webhook{}, err
	}
	h := &w.hooks[i]
	if e.URL != nil {
		h.URL = *e.URL
	}
	if e.Description != nil {
		h.Description = *e.Description
	}
	if e.Types != nil {
		h.Types = *e.Types
	}
	if e.Enabled != nil {
		h.Enabled = *e.Enabled
	}
	return *h, nil
}

// Rotate implements v1.Webhooks.
func (w *Webhooks) Rotate(ctx context.Context, id api.ID, secret string) (api.Webhook, string, error) {
	h, err := w.Get(ctx, id)
	if secret == "" {
		secret = "whsec_new"
	}
	return h, secret, err
}

// Remove implements v1.Webhooks.
func (w *Webhooks) Remove(_ context.Context, id api.ID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.find(id)
	if err != nil {
		return err
	}
	w.hooks = slices.Delete(w.hooks, i, i+1)
	return nil
}

// Test implements v1.Webhooks.
func (w *Webhooks) Test(ctx context.Context, id api.ID) (api.WebhookDelivery, error) {
	h, err := w.Get(ctx, id)
	d := api.WebhookDelivery{Webhook: id, Event: "evt_1", Type: "test.ping", At: at(), Attempt: 1, OK: h.Enabled, Status: 200, Took: 42 * time.Millisecond}
	if !d.OK {
		d.Status, d.Error = 0, hotspot.Textf("connection refused")
	}
	return d, err
}

// Log implements v1.Webhooks.
func (w *Webhooks) Log(_ context.Context, id api.ID) ([]api.WebhookDelivery, error) {
	var out []api.WebhookDelivery
	for _, d := range w.Deliveries {
		if id == (api.ID{}) || d.Webhook == id {
			out = append(out, d)
		}
	}
	return out, nil
}
