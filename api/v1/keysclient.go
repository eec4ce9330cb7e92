package v1

import (
	"context"
	"net/http"
)

// APIKeys lists the API keys, in order of creation.
func (c *Client) APIKeys(ctx context.Context) ([]APIKey, error) {
	var list List[APIKey]
	err := c.call(ctx, http.MethodGet, "/keys", nil, &list)
	return list.Items, err
}

// CreateAPIKey makes an API key.
func (c *Client) CreateAPIKey(ctx context.Context, n NewAPIKey) (MadeAPIKey, error) {
	var got MadeAPIKey
	err := c.call(ctx, http.MethodPost, "/keys", n, &got)
	return got, err
}

// APIKey describes an API key.
func (c *Client) APIKey(ctx context.Context, id string) (APIKey, error) {
	var got APIKey
	err := c.call(ctx, http.MethodGet, "/keys/"+segment(id), nil, &got)
	return got, err
}

// ViewAPIKey returns an API key that was made to be viewable.
func (c *Client) ViewAPIKey(ctx context.Context, id string) (string, error) {
	var k APIKeySecret
	err := c.call(ctx, http.MethodGet, "/keys/"+segment(id)+"/secret", nil, &k)
	return k.Secret, err
}

// RenameAPIKey gives an API key another label.
func (c *Client) RenameAPIKey(ctx context.Context, id, label string) (APIKey, error) {
	var got APIKey
	err := c.call(ctx, http.MethodPatch, "/keys/"+segment(id), APIKeyEdit{label}, &got)
	return got, err
}

// RemoveAPIKey removes an API key. It and its access tokens are refused at
// once.
func (c *Client) RemoveAPIKey(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/keys/"+segment(id), nil, &none{})
}

// CreateToken issues an access token for an API key; without an id, for the
// device key.
func (c *Client) CreateToken(ctx context.Context, id string) (AccessToken, error) {
	var got AccessToken
	err := c.call(ctx, http.MethodPost, tokensOf(id)+"/token", nil, &got)
	return got, err
}

// EndTokens makes every access token refused that was issued for an API key;
// without an id, for the device key.
func (c *Client) EndTokens(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, tokensOf(id)+"/tokens", nil, &none{})
}

func tokensOf(id string) string {
	if id == "" {
		return "/device-key"
	}
	return "/keys/" + segment(id)
}
