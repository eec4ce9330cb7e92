package v1

import (
	"context"
	"net/http"
)

// Webhooks lists the webhooks, in order of creation.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	list, err := call[List[Webhook]](ctx, c, http.MethodGet, "/webhooks", nil)
	return list.Items, err
}

// CreateWebhook makes a webhook.
func (c *Client) CreateWebhook(ctx context.Context, n NewWebhook) (MadeWebhook, error) {
	return call[MadeWebhook](ctx, c, http.MethodPost, "/webhooks", n)
}

// EditWebhook changes a webhook.
func (c *Client) EditWebhook(ctx context.Context, id string, e WebhookEdit) (Webhook, error) {
	return call[Webhook](ctx, c, http.MethodPatch, "/webhooks/"+segment(id), e)
}

// RemoveWebhook removes a webhook.
func (c *Client) RemoveWebhook(ctx context.Context, id string) error {
	_, err := call[none](ctx, c, http.MethodDelete, "/webhooks/"+segment(id), nil)
	return err
}

// TestWebhook sends a test event to a webhook, once.
func (c *Client) TestWebhook(ctx context.Context, id string) (WebhookDelivery, error) {
	return call[WebhookDelivery](ctx, c, http.MethodPost, "/webhooks/"+segment(id)+"/test", nil)
}

// RotateWebhook gives a webhook a new secret; an empty one: a random one.
func (c *Client) RotateWebhook(ctx context.Context, id, secret string) (MadeWebhook, error) {
	return call[MadeWebhook](ctx, c, http.MethodPost, "/webhooks/"+segment(id)+"/rotate", WebhookSecret{secret})
}

// WebhookDeliveries lists the newest deliveries, newest first; without an id, to
// all webhooks.
func (c *Client) WebhookDeliveries(ctx context.Context, id string) ([]WebhookDelivery, error) {
	path := "/webhook-deliveries"
	if id != "" {
		path = "/webhooks/" + segment(id) + "/deliveries"
	}
	list, err := call[List[WebhookDelivery]](ctx, c, http.MethodGet, path, nil)
	return list.Items, err
}
