package hotspot

import "time"

// ClockState says what the house's time is worth.
type ClockState struct {
	Now      time.Time // the house's time, in the venue's zone
	Wall     time.Time // what the system's clock shows, in the same
	Believed bool
	// Since is when the clock came to be believed; zero: before the daemon
	// started, or not at all.
	Since time.Time
}

// Clock tells the time, and what it is worth.
func (s *Service) Clock() ClockState {
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	m, since := s.momentLocked(r), s.time.since
	s.mu.Unlock()
	st := ClockState{Now: m.now.In(s.Zone()), Wall: r.Wall.In(s.Zone()), Believed: m.believed}
	if m.believed && !since.IsZero() {
		st.Since = since.In(s.Zone())
	}
	return st
}
