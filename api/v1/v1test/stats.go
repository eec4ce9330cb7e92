package v1test

import (
	"context"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Stats are the statistics that a [Service] tells.
type Stats struct {
	Now     hotspot.LiveStats
	Points  []hotspot.RatePoint
	Counted []hotspot.HistoryPoint // whatever is asked for
	Top     []hotspot.TopVoucher
	// Ticks is what a stream waits for; nil: no reading ever.
	Ticks chan struct{}
}

// Live implements v1.Stats.
func (s *Service) Live(most int) hotspot.LiveStats {
	l := s.Stats.Now
	l.Guests = l.Guests[:min(len(l.Guests), most)]
	return l
}

// Series implements v1.Stats.
func (s *Service) Series() []hotspot.RatePoint { return s.Stats.Points }

// Readings implements v1.Stats.
func (s *Service) Readings(context.Context) <-chan struct{} { return s.Stats.Ticks }

// History implements v1.Stats.
func (s *Service) History(_ context.Context, from, to time.Time, _ hotspot.Step) ([]hotspot.HistoryPoint, error) {
	if s.Err != nil {
		return nil, s.Err
	}
	if !from.Before(to) {
		return nil, hotspot.Invalid("from", "it must be before the end")
	}
	return s.Stats.Counted, nil
}

// TopVouchers implements v1.Stats.
func (s *Service) TopVouchers(_ context.Context, _, most int) ([]hotspot.TopVoucher, error) {
	return s.Stats.Top[:min(len(s.Stats.Top), most)], s.Err
}
