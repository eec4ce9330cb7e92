package hotspot

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// departedFor is how long what an ended session used is remembered: longer than
// anybody reads one state of the store.
const departedFor = 10 * time.Second

// departed is a session whose end was stored a moment ago. Who began to read the
// store before that finds it open there, with what was flushed last; without this
// its usage would be seen to run backwards.
type departed struct {
	id   uint64
	used Usage
	at   time.Duration // boot clock
}

type departures map[AccountID][]departed

// note remembers a session that ended.
func (d departures) note(l *live, mono time.Duration) {
	d[l.Account] = append(d[l.Account], departed{l.ID, l.Used, mono})
}

// clean forgets those that nobody can take for open any more.
func (d departures) clean(mono time.Duration) {
	for a, all := range d {
		old := 0
		for old < len(all) && mono-all[old].at > departedFor {
			old++
		}
		if old == len(all) {
			delete(d, a)
		} else if old > 0 {
			d[a] = slices.Clone(all[old:]) // an account may come and go without end
		}
	}
}

// counts reports whether [Service.unflushed] may find something of an account. The
// caller holds mu.
func (s *Service) counts(a AccountID) bool { return len(s.byOwner[a]) > 0 || len(s.departed[a]) > 0 }

// count gives a session that was read as open what it has used by now. The caller
// holds mu.
func (s *Service) count(x *Session) {
	if !x.Open() {
		return
	}
	if l := s.sessions[x.ID]; l != nil {
		x.Used = l.Used
		return
	}
	for _, d := range s.departed[x.Account] {
		if d.id == x.ID {
			x.Used = d.used
		}
	}
}

// unflushed is what an account's sessions used beyond what the store says at the
// moment that r shows.
func (s *Service) unflushed(r Reader, a AccountID) (Usage, error) {
	s.mu.Lock()
	var sum Usage
	all := make([]departed, 0, len(s.byOwner[a])+len(s.departed[a]))
	all = append(all, s.departed[a]...)
	ended := len(all)
	for _, l := range s.byOwner[a] {
		all = append(all, departed{id: l.ID, used: l.Used})
	}
	s.mu.Unlock()
	for i, x := range all {
		stored, err := r.Session(x.id)
		switch {
		case errors.Is(err, ErrNotFound) && i < ended: // it has left the login log
		case errors.Is(err, ErrNotFound): // it began since then
			sum = sum.Add(x.used)
		case err != nil:
			return Usage{}, fmt.Errorf("session %d: %w", x.id, err)
		case stored.Open():
			sum = sum.Add(x.used.Sub(stored.Used))
		}
	}
	return sum, nil
}
