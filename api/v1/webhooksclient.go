package v1

import (
	"context"
	"net/http"
)

// Webhooks lists the webhooks, in order of creation.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	var list List[Webhook]
	err := c.call(ctx, http.MethodGet, "/webhooks", nil, &list)
	return list.Items, err
}

// CreateWebhook makes a webhook.
func (c *Client) CreateWebhook(ctx context.Context, n NewWebhook) (MadeWebhook, error) {
	var got MadeWebhook
	err := c.call(ctx, http.MethodPost, "/webhooks", n, &got)
	return got, err
}

// EditWebhook changes a webhook.
func (c *Client) EditWebhook(ctx context.Context, id string, e WebhookEdit) (Webhook, error) {
	var got Webhook
	err := c.call(ctx, http.MethodPatch, "/webhooks/"+segment(id), e, &got)
	return got, err
}

// RemoveWebhook removes a webhook.
func (c *Client) RemoveWebhook(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/webhooks/"+segment(id), nil, &none{})
}

// TestWebhook sends a test event to a webhook, once.
func (c *Client) TestWebhook(ctx context.Context, id string) (WebhookDelivery, error) {
	var got WebhookDelivery
	err := c.call(ctx, http.MethodPost, "/webhooks/"+segment(id)+"/test", nil, &got)
	return got, err
}

// RotateWebhook gives a webhook a new secret; an empty one: a random one.
func (c *Client) RotateWebhook(ctx context.Context, id, secret string) (MadeWebhook, error) {
	var got MadeWebhook
	err := c.call(ctx, http.MethodPost, "/webhooks/"+segment(id)+"/rotate", WebhookSecret{secret}, &got)
	return got, err
}

// WebhookDeliveries lists the newest deliveries, newest first; without an id, to
// all webhooks.
func (c *Client) WebhookDeliveries(ctx context.Context, id string) ([]WebhookDelivery, error) {
	path := "/webhook-deliveries"
	if id != "" {
		path = "/webhooks/" + segment(id) + "/deliveries"
	}
	var list List[WebhookDelivery]
	err := c.call(ctx, http.MethodGet, path, nil, &list)
	return list.Items, err
}
