package dashboard

import (
	"context"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// pastEvery is how long history is good for. Pages renew themselves more often,
// and reading it takes a router the longer the more guests are online.
const pastEvery = 30 * time.Second

// past remembers what was counted today and on the last days.
type past struct {
	mu    sync.Mutex // guards all below; held while reading, so that one does
	at    time.Time
	today time.Time // its midnight
	hours []hotspot.HistoryPoint
	days  []hotspot.HistoryPoint
}

// get returns today's hours, and the last days with today. Nobody changes them.
func (p *past) get(ctx context.Context, s Service, now time.Time) (hoursToday, lastDays []hotspot.HistoryPoint, err error) {
	year, month, day := now.Date()
	midnight := func(after int) time.Time { return time.Date(year, month, day+after, 0, 0, 0, 0, now.Location()) }
	p.mu.Lock()
	defer p.mu.Unlock()
	if asked := time.Now(); p.at.IsZero() || asked.Sub(p.at) >= pastEvery || !p.today.Equal(midnight(0)) {
		hours, err := s.History(ctx, midnight(0), midnight(1), hotspot.ByHour)
		if err != nil {
			return nil, nil, err
		}
		all, err := s.History(ctx, midnight(1-days), midnight(1), hotspot.ByDay)
		if err != nil {
			return nil, nil, err
		}
		p.hours, p.days, p.at, p.today = hours, all, asked, midnight(0)
	}
	return p.hours, p.days, nil
}
