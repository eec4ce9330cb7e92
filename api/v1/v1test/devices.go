package v1test

import (
	"context"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Extend implements v1.Service for the devices of guests.
func (s *Service) Extend(_ context.Context, m hotspot.MAC, by hotspot.Extension) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.Err != nil:
		return s.Err
	case by.IsZero():
		return hotspot.Invalid("time", "give some time or some data")
	case !slices.ContainsFunc(s.Guest, func(g hotspot.Guest) bool { return g.MAC == m }):
		return hotspot.ErrNotFound
	}
	return nil
}

// Block implements v1.Service.
func (s *Service) Block(_ context.Context, m hotspot.MAC, note string) (hotspot.BlockedDevice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := hotspot.BlockedDevice{MAC: m, Since: s.Time, By: "command line", Note: note, Login: "anna", Name: "phone"}
	if s.Err == nil {
		s.blocked = append(s.blocked, b)
	}
	return b, s.Err
}

// Unblock implements v1.Service.
func (s *Service) Unblock(_ context.Context, m hotspot.MAC) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.blocked, func(b hotspot.BlockedDevice) bool { return b.MAC == m })
	if s.Err == nil && i < 0 {
		return hotspot.ErrNotFound
	}
	if s.Err == nil {
		s.blocked = slices.Delete(s.blocked, i, i+1)
	}
	return s.Err
}

// BlockedDevices implements v1.Service.
func (s *Service) BlockedDevices(context.Context) ([]hotspot.BlockedDevice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.blocked), s.Err
}
