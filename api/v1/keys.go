package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Scope is a part of the API that a key opens.
type Scope = surface.Scope

// APIKey is a named key of the API. What it opens with is not in it.
type APIKey struct {
	ID           string     `json:"id" doc:"24 hexadecimal digits"`
	Owner        string     `json:"owner" doc:"the operator to whom it belongs; zeros: the house"`
	Label        string     `json:"label"`
	Prefix       string     `json:"prefix" doc:"its first characters"`
	Scopes       []Scope    `json:"scopes" nullable:"false"`
	Viewable     bool       `json:"viewable" doc:"it can be shown again"`
	Created      *time.Time `json:"created"`
	CreatedBy    string     `json:"created_by" doc:"who made it"`
	Modified     *time.Time `json:"modified"`
	Expires      *time.Time `json:"expires" doc:"null: never"`
	Expired      bool       `json:"expired" doc:"it opens nothing any more"`
	LastUsed     *time.Time `json:"last_used" doc:"null: never"`
	LastUsedFrom string     `json:"last_used_from" doc:"the address it was last used from; empty: none is known"`
}

// NewAPIKey says what key to make.
type NewAPIKey struct {
	Label    string  `json:"label" doc:"1 to 64 characters, unique among the owner's keys"`
	Expires  string  `json:"expires,omitempty" doc:"One Day, One Week, One Month, Three Months, Six Months, One Year, Never, or a number of days from 1 to 365; missing: One Month"`
	Scopes   []Scope `json:"scopes,omitempty" nullable:"false" doc:"some of vouchers, users, live, keys and settings; missing: vouchers, users and live"`
	Viewable bool    `json:"viewable,omitempty" doc:"keep it encrypted, so that it can be shown again, instead of its hash only"`
}

// MadeAPIKey is a key that was just made.
type MadeAPIKey struct {
	APIKey
	Secret string `json:"secret" doc:"the key itself; it is shown this once, unless it is viewable. Empty in the answer to a request that was sent again with the same Idempotency-Key"`
}

// APIKeyEdit changes a key.
type APIKeyEdit struct {
	Label string `json:"label"`
}

// APIKeySecret is a key itself.
type APIKeySecret struct {
	Secret string `json:"secret"`
}

// AccessToken is an access token.
type AccessToken struct {
	Token   string     `json:"access_token"`
	Expires *time.Time `json:"expires"`
}

type (
	apiKeyIn struct {
		ID string `path:"id" doc:"24 hexadecimal digits"`
	}
	newAPIKeyIn struct {
		Body NewAPIKey
	}
	editAPIKeyIn struct {
		ID   string `path:"id"`
		Body APIKeyEdit
	}
)

// apiKeys registers the operations on named keys and on access tokens.
func (s *server) apiKeys() {
	register(s, reads(surface.ScopeKeys), &huma.Operation{OperationID: "list-keys", Method: http.MethodGet, Path: "/keys",
		Summary: "List the API keys, in order of creation"}, (*server).listKeys)
	registerOnce(s, writes(surface.ScopeKeys), &huma.Operation{OperationID: "create-key", Method: http.MethodPost, Path: "/keys",
		Summary: "Make an API key", DefaultStatus: http.StatusCreated}, s.madeKey, (*server).createKey)
	register(s, reads(surface.ScopeKeys), &huma.Operation{OperationID: "get-key", Method: http.MethodGet, Path: "/keys/{id}",
		Summary: "Describe an API key"}, (*server).getKey)
	register(s, writes(surface.ScopeKeys), &huma.Operation{OperationID: "get-key-secret", Method: http.MethodGet, Path: "/keys/{id}/secret",
		Summary: "Show an API key that was made to be viewable"}, (*server).getKeySecret)
	register(s, writes(surface.ScopeKeys), &huma.Operation{OperationID: "edit-key", Method: http.MethodPatch, Path: "/keys/{id}",
		Summary: "Give an API key another label"}, (*server).editKey)
	register(s, writes(surface.ScopeKeys), &huma.Operation{OperationID: "remove-key", Method: http.MethodDelete, Path: "/keys/{id}",
		Summary: "Remove an API key; it and its access tokens are refused at once", DefaultStatus: http.StatusNoContent}, (*server).removeKey)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "create-token", Method: http.MethodPost, Path: "/keys/{id}/token",
		Summary: "Issue an access token for an API key", DefaultStatus: http.StatusCreated}, (*server).createToken)
	register(s, writes(surface.ScopeKeys), &huma.Operation{OperationID: "end-tokens", Method: http.MethodDelete, Path: "/keys/{id}/tokens",
		Summary: "Refuse every access token issued so far for an API key; the key stays", DefaultStatus: http.StatusNoContent}, (*server).endTokens)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "create-device-token", Method: http.MethodPost, Path: "/device-key/token",
		Summary: "Issue an access token for the device key", DefaultStatus: http.StatusCreated}, (*server).createDeviceToken)
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "end-device-tokens", Method: http.MethodDelete, Path: "/device-key/tokens",
		Summary: "Refuse every access token issued so far for the device key; the key stays", DefaultStatus: http.StatusNoContent}, (*server).endDeviceTokens)
}

func (s *server) keyOf(k surface.Key) APIKey {
	zone := s.Service.Zone()
	out := APIKey{
		ID: k.ID.String(), Owner: k.Owner.String(), Label: k.Label, Prefix: k.Prefix, Scopes: k.Scopes, Viewable: k.Viewable,
		Created: in(zone, k.Created), CreatedBy: k.CreatedBy, Modified: in(zone, k.Modified),
		Expires: in(zone, k.Expires), Expired: k.Expired, LastUsed: in(zone, k.LastUsed),
	}
	if k.LastFrom.IsValid() {
		out.LastUsedFrom = k.LastFrom.String()
	}
	return out
}

// keyID reads the id of a named key. The zero id is that of none.
func keyID(s string) (surface.ID, error) {
	id, err := surface.ParseID(s)
	if err != nil || id == (surface.ID{}) {
		return id, &hotspot.Error{Code: hotspot.CodeNotFound, Field: "id", Text: "no API key has this id"}
	}
	return id, nil
}

func (s *server) listKeys(ctx context.Context, _ *struct{}) (*item[List[APIKey]], error) {
	keys, err := s.Keys.List(ctx, surface.PrincipalOf(ctx))
	list := List[APIKey]{Items: make([]APIKey, 0, len(keys))}
	for _, k := range keys {
		list.Items = append(list.Items, s.keyOf(k))
	}
	return &item[List[APIKey]]{list}, err
}

func (s *server) createKey(ctx context.Context, in *newAPIKeyIn) (*item[MadeAPIKey], error) {
	k, secret, err := s.Keys.Create(ctx, surface.PrincipalOf(ctx), surface.NewKey(in.Body))
	return &item[MadeAPIKey]{MadeAPIKey{s.keyOf(k), secret}}, err
}

// madeKey describes a key that was made. What it opens with is kept nowhere
// but where the key is, so it is not told again.
func (s *server) madeKey(made any) any {
	k, _ := made.(surface.Key)
	return MadeAPIKey{s.keyOf(k), ""}
}

func (s *server) getKey(ctx context.Context, in *apiKeyIn) (*item[APIKey], error) {
	id, err := keyID(in.ID)
	if err != nil {
		return nil, err
	}
	k, err := s.Keys.Get(ctx, surface.PrincipalOf(ctx), id)
	return &item[APIKey]{s.keyOf(k)}, err
}

func (s *server) getKeySecret(ctx context.Context, in *apiKeyIn) (*item[APIKeySecret], error) {
	id, err := keyID(in.ID)
	if err != nil {
		return nil, err
	}
	text, err := s.Keys.View(ctx, surface.PrincipalOf(ctx), id)
	return &item[APIKeySecret]{APIKeySecret{text}}, err
}

func (s *server) editKey(ctx context.Context, in *editAPIKeyIn) (*item[APIKey], error) {
	id, err := keyID(in.ID)
	if err != nil {
		return nil, err
	}
	k, err := s.Keys.Rename(ctx, surface.PrincipalOf(ctx), id, in.Body.Label)
	return &item[APIKey]{s.keyOf(k)}, err
}

func (s *server) removeKey(ctx context.Context, in *apiKeyIn) (*none, error) {
	id, err := keyID(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.Keys.Remove(ctx, surface.PrincipalOf(ctx), id)
}

func (s *server) createToken(ctx context.Context, in *apiKeyIn) (*item[AccessToken], error) {
	id, err := keyID(in.ID)
	if err != nil {
		return nil, err
	}
	return s.tokenFor(ctx, id)
}

func (s *server) createDeviceToken(ctx context.Context, _ *struct{}) (*item[AccessToken], error) {
	return s.tokenFor(ctx, surface.ID{})
}

func (s *server) tokenFor(ctx context.Context, id surface.ID) (*item[AccessToken], error) {
	token, expires, err := s.Keys.TokenFor(ctx, surface.PrincipalOf(ctx), id)
	return &item[AccessToken]{AccessToken{token, in(s.Service.Zone(), expires)}}, err
}

func (s *server) endTokens(ctx context.Context, in *apiKeyIn) (*none, error) {
	id, err := keyID(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.Keys.EndTokens(ctx, surface.PrincipalOf(ctx), id)
}

func (s *server) endDeviceTokens(ctx context.Context, _ *struct{}) (*none, error) {
	return nil, s.Keys.EndTokens(ctx, surface.PrincipalOf(ctx), surface.ID{})
}
