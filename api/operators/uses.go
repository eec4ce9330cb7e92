package operators

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// seenStep is by how much the use of a session must have gone on to be worth
	// storing: a restart may take that much away from the twelve hours.
	seenStep = 30 * time.Minute
	// driftStep is by how much the time must have been corrected for sessions to
	// be stored anew.
	driftStep = 10 * time.Minute
)

// Uses returns a write that stores when sessions were last used, and removes
// those that are over, for a transaction that takes place anyhow; and what to
// call once that is durable.
func (o *Operators) Uses() (write func(hotspot.Tx) error, stored func()) {
	now, _ := o.now()
	mono := o.cfg.Mono()
	moved := map[*session][2]int64{} // created and last seen
	var over []*session
	o.mu.Lock()
	for _, s := range o.sessions {
		if s.expired(mono) {
			over = append(over, s)
			continue
		}
		created, seen := s.times(now, mono)
		if apart(created, s.Created, driftStep) || apart(seen, s.Seen, seenStep) {
			moved[s] = [2]int64{created, seen}
		}
	}
	o.mu.Unlock()
	write = func(tx hotspot.Tx) error {
		for s, at := range moved {
			if err := touch(tx, s, at); err != nil {
				return err
			}
		}
		return deleteSessions(tx, over)
	}
	return write, func() {
		o.dropSessions(over)
		o.mu.Lock()
		defer o.mu.Unlock()
		for s, at := range moved {
			s.Created, s.Seen = at[0], at[1]
		}
	}
}

// touch changes the times of a session in the store. It may have ended a moment
// ago, or got another cookie.
func touch(tx hotspot.Tx, s *session, at [2]int64) error {
	b, err := tx.Secret(s.secret())
	if errors.Is(err, hotspot.ErrNotFound) {
		return nil
	}
	var rec sessionRecord
	if err == nil {
		err = json.Unmarshal(b, &rec)
	}
	if err != nil {
		return err
	}
	rec.Created, rec.Seen = at[0], at[1]
	return putJSON(tx, s.secret(), rec)
}

// Unstored reports whether [Operators.Uses] would write anything.
func (o *Operators) Unstored() bool {
	now, _ := o.now()
	mono := o.cfg.Mono()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.sessions {
		created, seen := s.times(now, mono)
		if s.expired(mono) || apart(created, s.Created, driftStep) || apart(seen, s.Seen, seenStep) {
			return true
		}
	}
	return false
}

// times returns when a session began and was used, as it is to be stored.
//
//go:noinline // it takes much code where it is called
func (s *session) times(now time.Time, mono time.Duration) (created, seen int64) {
	return now.Add(s.began - mono).UnixMilli(), now.Add(s.seen - mono).UnixMilli()
}

func apart(a, b int64, by time.Duration) bool {
	d := time.Duration(a-b) * time.Millisecond
	return d >= by || d <= -by
}
