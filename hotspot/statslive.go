package hotspot

import (
	"context"
	"slices"
	"time"
)

const (
	// seriesSpan is how far back the series of rates goes, seriesStep the least
	// time between two of its points. Together they bound it to 1,801 points of
	// 32 bytes.
	seriesSpan = 30 * time.Minute
	seriesStep = time.Second
	// smoothing is the time constant of rates: a change shows to two thirds
	// after it.
	smoothing = 15 * time.Second
)

// Rate is traffic in bytes per second.
type Rate struct {
	Down uint64 // to the guest
	Up   uint64 // from the guest
}

// GuestRate is the traffic of one guest.
type GuestRate struct {
	Session uint64
	MAC     MAC
	Login   string
	Rate    Rate
}

// RatePoint is a reading of the past.
type RatePoint struct {
	Time   time.Time
	Online int
	Rate   Rate // of the time since the reading before, not smoothed
}

// LiveStats is what goes on now.
type LiveStats struct {
	Time   time.Time // when the counters were read last; zero: not yet
	Online int
	Rate   Rate        // of all guests
	Guests []GuestRate // those with the most traffic first
}

// pace is a smoothed rate of what a meter counts.
type pace struct {
	used     Usage   // at the last reading
	down, up float32 // bytes per second
}

// advance takes a reading of what passed in a time.
func (p *pace) advance(passed Usage, took time.Duration) {
	weight := float32(took) / float32(took+smoothing)
	p.down += (perSecond(passed.Down, took) - p.down) * weight
	p.up += (perSecond(passed.Up, took) - p.up) * weight
}

// rate rounds to bytes; what is left of a rate that was is none.
func (p *pace) rate() Rate { return Rate{uint64(p.down + 0.5), uint64(p.up + 0.5)} }

func perSecond(bytes uint64, took time.Duration) float32 {
	return float32(float64(bytes) / took.Seconds())
}

// meter keeps the rates of all guests together.
type meter struct {
	passed   Usage // since the last reading, by sessions that are over, too
	pace     pace
	begun    bool          // there was a reading
	at       time.Duration // boot clock at the last one
	series   []reading     // a ring, once it is full
	next     int           // where the oldest is then
	watchers map[chan struct{}]struct{}
}

// reading is a point of the series.
type reading struct {
	at     time.Duration // boot clock
	down   uint64        // bytes per second
	up     uint64
	online uint32
}

// takeReading turns what was counted since the last reading into rates.
func (s *Service) takeReading() {
	mono := s.cfg.Clock.Read().Mono
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.meter
	took := mono - m.at
	if m.begun && took < seriesStep {
		return // its bytes count towards the next
	}
	if m.begun {
		m.pace.advance(m.passed, took)
		m.add(reading{mono, uint64(perSecond(m.passed.Down, took)), uint64(perSecond(m.passed.Up, took)), uint32(len(s.sessions))})
	}
	for _, l := range s.sessions {
		if m.begun {
			l.pace.advance(l.Used.Sub(l.pace.used), took)
		}
		l.pace.used = l.Used
	}
	// What passed before the first reading took a time that nobody knows.
	m.passed, m.at, m.begun = Usage{}, mono, true
	for w := range m.watchers {
		select {
		case w <- struct{}{}:
		default: // it has not looked since the last one, and will
		}
	}
}

// add puts a reading into the series, in the place of one that is too old.
func (m *meter) add(r reading) {
	switch {
	case len(m.series) > 0 && r.at-m.series[m.next%len(m.series)].at > seriesSpan:
		m.series[m.next] = r
		m.next = (m.next + 1) % len(m.series)
	case m.next == 0:
		m.series = append(m.series, r)
	default:
		m.series = append(m.series, r)
		copy(m.series[m.next+1:], m.series[m.next:])
		m.series[m.next] = r
		m.next++
	}
}

// Readings is raised after each reading of the counters, until ctx ends. Who does
// not look in time misses some: [Service.Live] always tells the newest.
func (s *Service) Readings(ctx context.Context) <-chan struct{} {
	w := make(chan struct{}, 1)
	s.mu.Lock()
	if s.meter.watchers == nil {
		s.meter.watchers = make(map[chan struct{}]struct{})
	}
	s.meter.watchers[w] = struct{}{}
	s.mu.Unlock()
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.meter.watchers, w)
	})
	return w
}

// Live tells what went on at the last reading of the counters, with up to most
// guests. It reads nothing by itself.
func (s *Service) Live(most int) LiveStats {
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := LiveStats{Rate: s.meter.pace.rate()}
	if s.meter.begun {
		out.Time = s.time.now(r).Add(s.meter.at - r.Mono).In(s.Zone())
	}
	// Pointers are sorted by code that is there anyway; values by 14 kB more.
	var guests []*live
	for _, l := range s.sessions {
		if l.ending == "" {
			guests = append(guests, l)
		}
	}
	out.Online = len(guests)
	slices.SortFunc(guests, func(a, b *live) int {
		switch x, y := a.pace.down+a.pace.up, b.pace.down+b.pace.up; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return compareID(a.ID, b.ID)
	})
	for _, l := range guests[:min(len(guests), max(most, 0))] {
		out.Guests = append(out.Guests, GuestRate{l.ID, l.MAC, l.Login, l.pace.rate()})
	}
	return out
}

// Series returns the readings of the last 30 minutes, oldest first.
func (s *Service) Series() []RatePoint {
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.meter
	out := make([]RatePoint, 0, len(m.series))
	for i := range m.series {
		p := m.series[(m.next+i)%len(m.series)]
		if age := r.Mono - p.at; age <= seriesSpan {
			out = append(out, RatePoint{Time: s.time.now(r).Add(-age).In(s.Zone()), Online: int(p.online), Rate: Rate{p.down, p.up}})
		}
	}
	return out
}
