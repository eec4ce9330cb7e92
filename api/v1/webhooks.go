package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Webhooks keeps the endpoints that are told of events.
type Webhooks interface {
	List(ctx context.Context) ([]surface.Webhook, error)
	Get(ctx context.Context, id surface.ID) (surface.Webhook, error)
	// Add and Rotate return also the secret.
	Add(ctx context.Context, n surface.NewWebhook) (surface.Webhook, string, error)
	Edit(ctx context.Context, id surface.ID, e surface.WebhookEdit) (surface.Webhook, error)
	Rotate(ctx context.Context, id surface.ID, secret string) (surface.Webhook, string, error)
	Remove(ctx context.Context, id surface.ID) error
	// Test sends a test event, once.
	Test(ctx context.Context, id surface.ID) (surface.WebhookDelivery, error)
	// Log returns the newest deliveries, newest first; the zero id: to all.
	Log(ctx context.Context, id surface.ID) ([]surface.WebhookDelivery, error)
}

// Webhook is an endpoint that is told of events.
type Webhook struct {
	ID             string           `json:"id" doc:"24 hexadecimal digits"`
	URL            string           `json:"url"`
	Description    string           `json:"description"`
	Types          []string         `json:"types" nullable:"false" doc:"the types of events that it is told of"`
	Enabled        bool             `json:"enabled"`
	Stopped        string           `json:"stopped" doc:"why it was disabled by itself; empty: it was not"`
	Created        *time.Time       `json:"created"`
	Modified       *time.Time       `json:"modified"`
	OldSecretUntil *time.Time       `json:"old_secret_until" doc:"until then, the secret before signs, too; null: there is none"`
	Waiting        int              `json:"waiting" format:"int64" doc:"events that it is still to be told of"`
	Last           *WebhookDelivery `json:"last" doc:"the last delivery; null: none yet"`
	Warning        string           `json:"warning" doc:"what its operator should know"`
}

// WebhookDelivery is one attempt to tell an endpoint of an event.
type WebhookDelivery struct {
	Webhook      string     `json:"webhook" doc:"the id of the endpoint"`
	Event        string     `json:"event" doc:"the id of the event"`
	Type         string     `json:"type"`
	At           *time.Time `json:"at"`
	Attempt      int        `json:"attempt" format:"int64" doc:"1: the first"`
	OK           bool       `json:"ok"`
	Status       int        `json:"status" format:"int64" doc:"of the answer; 0: none came"`
	Milliseconds int64      `json:"milliseconds"`
	Error        string     `json:"error" doc:"why it failed"`
	Next         *time.Time `json:"next" doc:"when it is tried again; null: it is not"`
}

// NewWebhook says what endpoint to make.
type NewWebhook struct {
	URL         string   `json:"url" doc:"https://…, or http://… to a private address"`
	Description string   `json:"description,omitempty"`
	Types       []string `json:"types,omitempty" nullable:"false" doc:"some of guest.login, guest.logout, voucher.created, voucher.exhausted and device.seen; missing: all"`
	Secret      string   `json:"secret,omitempty" doc:"whsec_ and the base64 of 24 to 64 bytes; missing: a random one"`
	Disabled    bool     `json:"disabled,omitempty"`
}

// WebhookEdit changes what is not null.
type WebhookEdit struct {
	URL         *string   `json:"url,omitempty"`
	Description *string   `json:"description,omitempty"`
	Types       *[]string `json:"types,omitempty" doc:"empty: all"`
	Enabled     *bool     `json:"enabled,omitempty"`
}

// WebhookSecret is what deliveries are signed with.
type WebhookSecret struct {
	Secret string `json:"secret,omitempty" doc:"whsec_ and the base64 of 24 to 64 bytes; missing: a random one"`
}

// MadeWebhook is an endpoint with its secret, which is shown this once.
type MadeWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"it is shown this once"`
}

type (
	webhookIn struct {
		ID string `path:"id" doc:"24 hexadecimal digits"`
	}
	newWebhookIn struct {
		Body NewWebhook
	}
	editWebhookIn struct {
		ID   string `path:"id"`
		Body WebhookEdit
	}
	rotateWebhookIn struct {
		ID   string `path:"id"`
		Body WebhookSecret
	}
)

// webhooks registers the operations on endpoints.
func (s *server) webhooks() {
	defer s.orNull("last", "Webhook", "MadeWebhook")
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "list-webhooks", Method: http.MethodGet, Path: "/webhooks",
		Summary: "List the webhooks, in order of creation"}, (*server).listWebhooks)
	registerOnce(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "create-webhook", Method: http.MethodPost, Path: "/webhooks",
		Summary: "Make a webhook", DefaultStatus: http.StatusCreated}, s.madeWebhook, (*server).createWebhook)
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "list-webhook-deliveries", Method: http.MethodGet, Path: "/webhook-deliveries",
		Summary: "List the newest deliveries to all webhooks since the daemon started, newest first"}, (*server).listDeliveries)
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "get-webhook", Method: http.MethodGet, Path: "/webhooks/{id}",
		Summary: "Describe a webhook"}, (*server).getWebhook)
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "edit-webhook", Method: http.MethodPatch, Path: "/webhooks/{id}",
		Summary: "Change a webhook; what waits for it goes to its new address"}, (*server).editWebhook)
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "remove-webhook", Method: http.MethodDelete, Path: "/webhooks/{id}",
		Summary: "Remove a webhook; nothing more is sent to it", DefaultStatus: http.StatusNoContent}, (*server).removeWebhook)
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "test-webhook", Method: http.MethodPost, Path: "/webhooks/{id}/test",
		Summary: "Send an event of the type test.ping to a webhook, once, and tell what became of it"}, (*server).testWebhook)
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "rotate-webhook", Method: http.MethodPost, Path: "/webhooks/{id}/rotate",
		Summary: "Give a webhook a new secret; for a day, the one before signs, too"}, (*server).rotateWebhook)
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "list-deliveries", Method: http.MethodGet, Path: "/webhooks/{id}/deliveries",
		Summary: "List the newest deliveries to a webhook since the daemon started, newest first"}, (*server).listDeliveriesTo)
}

func (s *server) webhookOf(h surface.Webhook) Webhook {
	zone := s.Service.Zone()
	out := Webhook{ID: h.ID.String(), URL: h.URL, Description: h.Description, Types: h.Types, Enabled: h.Enabled, Stopped: h.Stopped,
		Created: in(zone, h.Created), Modified: in(zone, h.Modified), OldSecretUntil: in(zone, h.OldSecretUntil),
		Waiting: h.Waiting, Warning: h.Warning}
	if !h.Last.At.IsZero() {
		d := s.deliveryOf(h.Last)
		out.Last = &d
	}
	return out
}

func (s *server) deliveryOf(d surface.WebhookDelivery) WebhookDelivery {
	zone := s.Service.Zone()
	return WebhookDelivery{Webhook: d.Webhook.String(), Event: d.Event, Type: d.Type, At: in(zone, d.At), Attempt: d.Attempt,
		OK: d.OK, Status: d.Status, Milliseconds: d.Took.Milliseconds(), Error: d.Error.String(), Next: in(zone, d.Next)}
}

func (s *server) deliveries(list []surface.WebhookDelivery, err error) (*item[List[WebhookDelivery]], error) {
	out := List[WebhookDelivery]{Items: make([]WebhookDelivery, 0, len(list))}
	for _, d := range list {
		out.Items = append(out.Items, s.deliveryOf(d))
	}
	return &item[List[WebhookDelivery]]{out}, err
}

// webhookID reads the id of a webhook.
func webhookID(text string) (surface.ID, error) {
	id, err := surface.ParseID(text)
	if err != nil || id == (surface.ID{}) {
		return id, &hotspot.Error{Code: hotspot.CodeNotFound, Field: "id", Text: "no webhook has this id"}
	}
	return id, nil
}

func (s *server) listWebhooks(ctx context.Context, _ *struct{}) (*item[List[Webhook]], error) {
	hooks, err := s.Webhooks.List(ctx)
	out := List[Webhook]{Items: make([]Webhook, 0, len(hooks))}
	for _, h := range hooks {
		out.Items = append(out.Items, s.webhookOf(h))
	}
	return &item[List[Webhook]]{out}, err
}

func (s *server) createWebhook(ctx context.Context, in *newWebhookIn) (*item[MadeWebhook], error) {
	h, secret, err := s.Webhooks.Add(ctx, surface.NewWebhook(in.Body))
	return &item[MadeWebhook]{MadeWebhook{s.webhookOf(h), secret}}, err
}

// madeWebhook describes a webhook that was made. Its secret is not told again.
func (s *server) madeWebhook(made any) any {
	h, _ := made.(surface.Webhook)
	return MadeWebhook{s.webhookOf(h), ""}
}

func (s *server) getWebhook(ctx context.Context, in *webhookIn) (*item[Webhook], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	h, err := s.Webhooks.Get(ctx, id)
	return &item[Webhook]{s.webhookOf(h)}, err
}

func (s *server) editWebhook(ctx context.Context, in *editWebhookIn) (*item[Webhook], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	h, err := s.Webhooks.Edit(ctx, id, surface.WebhookEdit(in.Body))
	return &item[Webhook]{s.webhookOf(h)}, err
}

func (s *server) removeWebhook(ctx context.Context, in *webhookIn) (*none, error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.Webhooks.Remove(ctx, id)
}

func (s *server) rotateWebhook(ctx context.Context, in *rotateWebhookIn) (*item[MadeWebhook], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	h, secret, err := s.Webhooks.Rotate(ctx, id, in.Body.Secret)
	return &item[MadeWebhook]{MadeWebhook{s.webhookOf(h), secret}}, err
}

func (s *server) testWebhook(ctx context.Context, in *webhookIn) (*item[WebhookDelivery], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	d, err := s.Webhooks.Test(ctx, id)
	return &item[WebhookDelivery]{s.deliveryOf(d)}, err
}

func (s *server) listDeliveries(ctx context.Context, _ *struct{}) (*item[List[WebhookDelivery]], error) {
	return s.deliveries(s.Webhooks.Log(ctx, surface.ID{}))
}

func (s *server) listDeliveriesTo(ctx context.Context, in *webhookIn) (*item[List[WebhookDelivery]], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	return s.deliveries(s.Webhooks.Log(ctx, id))
}
