package v1

import (
	"context"
	"net/http"
)

// APIKeys lists the API keys, in order of creation.
func (c *Client) APIKeys(ctx context.Context) ([]APIKey, error) {
	list, err := call[List[APIKey]](ctx, c, http.MethodGet, "/keys", nil)
	return list.Items, err
}

// CreateAPIKey makes an API key.
func (c *Client) CreateAPIKey(ctx context.Context, n NewAPIKey) (MadeAPIKey, error) {
	return call[MadeAPIKey](ctx, c, http.MethodPost, "/keys", n)
}

// APIKey describes an API key.
func (c *Client) APIKey(ctx context.Context, id string) (APIKey, error) {
	return call[APIKey](ctx, c, http.MethodGet, "/keys/"+segment(id), nil)
}

// ViewAPIKey returns an API key that was made to be viewable.
func (c *Client) ViewAPIKey(ctx context.Context, id string) (string, error) {
	k, err := call[APIKeySecret](ctx, c, http.MethodGet, "/keys/"+segment(id)+"/secret", nil)
	return k.Secret, err
}

// RenameAPIKey gives an API key another label.
func (c *Client) RenameAPIKey(ctx context.Context, id, label string) (APIKey, error) {
	return call[APIKey](ctx, c, http.MethodPatch, "/keys/"+segment(id), APIKeyEdit{label})
}

// RemoveAPIKey removes an API key. It and its access tokens are refused at
// once.
func (c *Client) RemoveAPIKey(ctx context.Context, id string) error {
	_, err := call[none](ctx, c, http.MethodDelete, "/keys/"+segment(id), nil)
	return err
}

// CreateToken issues an access token for an API key; without an id, for the
// device key.
func (c *Client) CreateToken(ctx context.Context, id string) (AccessToken, error) {
	return call[AccessToken](ctx, c, http.MethodPost, tokensOf(id)+"/token", nil)
}

// EndTokens makes every access token refused that was issued for an API key;
// without an id, for the device key.
func (c *Client) EndTokens(ctx context.Context, id string) error {
	_, err := call[none](ctx, c, http.MethodDelete, tokensOf(id)+"/tokens", nil)
	return err
}

func tokensOf(id string) string {
	if id == "" {
		return "/device-key"
	}
	return "/keys/" + segment(id)
}
