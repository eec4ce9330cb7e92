package v1test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// keyList is the stand-in's named keys, in order of creation.
type keyList struct {
	keys  []api.Key
	made  byte
	ended []api.ID // whose tokens were ended
}

// EndedTokens returns for what keys tokens were ended, in order.
func (s *Service) EndedTokens() []api.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.named.ended)
}

// DeviceUse implements v1.Keys.
func (s *Service) DeviceUse(context.Context) (time.Time, netip.Addr, error) {
	return s.Time.Add(-time.Minute), netip.MustParseAddr("192.168.10.7"), s.Err
}

// List implements v1.Keys.
func (s *Service) List(_ context.Context, _ *api.Principal) ([]api.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.named.keys), s.Err
}

// Get implements v1.Keys.
func (s *Service) Get(_ context.Context, _ *api.Principal, id api.ID) (api.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.keyAt(id)
	if err != nil {
		return api.Key{}, err
	}
	return s.named.keys[i], nil
}

func (s *Service) keyAt(id api.ID) (int, error) {
	i := slices.IndexFunc(s.named.keys, func(k api.Key) bool { return k.ID == id })
	if s.Err != nil {
		return i, s.Err
	}
	if i < 0 {
		return i, hotspot.ErrNotFound
	}
	return i, nil
}

// View implements v1.Keys.
func (s *Service) View(ctx context.Context, by *api.Principal, id api.ID) (string, error) {
	k, err := s.Get(ctx, by, id)
	if err == nil && !k.Viewable {
		err = hotspot.ErrForbidden
	}
	return k.Prefix + strings.Repeat("A", 47), err
}

// Create implements v1.Keys with numbered keys; the label "bad" is refused.
func (s *Service) Create(_ context.Context, by *api.Principal, n api.NewKey) (api.Key, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return api.Key{}, "", s.Err
	}
	if n.Label == "bad" {
		return api.Key{}, "", hotspot.Invalid("label", "must not be bad")
	}
	if slices.ContainsFunc(s.named.keys, func(k api.Key) bool { return k.Label == n.Label }) {
		return api.Key{}, "", hotspot.ErrNameTaken
	}
	s.named.made++
	k := api.Key{
		ID: api.ID{11: s.named.made}, Label: n.Label, Prefix: fmt.Sprintf("vs_KEY%02d", s.named.made), Viewable: n.Viewable,
		Scopes: n.Scopes, Created: s.Time, CreatedBy: by.Name, Modified: s.Time,
	}
	if k.Scopes == nil {
		k.Scopes = []api.Scope{api.ScopeVouchers}
	}
	if n.Expires != "Never" {
		k.Expires = s.Time.AddDate(0, 0, 30)
	}
	s.named.keys = append(s.named.keys, k)
	return k, k.Prefix + strings.Repeat("A", 47), nil
}

// Used sets when a key was last used.
func (s *Service) Used(label string, at time.Time, from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.named.keys {
		if k := &s.named.keys[i]; k.Label == label {
			k.LastUsed, k.LastFrom = at, from
		}
	}
}

// Rename implements v1.Keys.
func (s *Service) Rename(_ context.Context, _ *api.Principal, id api.ID, label string) (api.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.keyAt(id)
	if err != nil {
		return api.Key{}, err
	}
	s.named.keys[i].Label = label
	return s.named.keys[i], nil
}

// Remove implements v1.Keys.
func (s *Service) Remove(_ context.Context, _ *api.Principal, id api.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.keyAt(id)
	if err == nil {
		s.named.keys = slices.Delete(s.named.keys, i, i+1)
	}
	return err
}

// TokenFor implements v1.Keys with a token that names the key.
func (s *Service) TokenFor(ctx context.Context, by *api.Principal, id api.ID) (string, time.Time, error) {
	if id != (api.ID{}) {
		if _, err := s.Get(ctx, by, id); err != nil {
			return "", time.Time{}, err
		}
	}
	return "token-" + id.String(), s.Time.Add(time.Hour), s.Err
}

// EndTokens implements v1.Keys and records the key.
func (s *Service) EndTokens(_ context.Context, _ *api.Principal, id api.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named.ended = append(s.named.ended, id)
	return s.Err
}
