package hotspot

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// forgetEvery is how often users are looked through for those who were not
	// here for long.
	forgetEvery = time.Hour
	// forgetAtOnce bounds how many are deleted together: their logins are found
	// by reading the log once for all of them.
	forgetAtOnce = 200
)

// forgetPeople deletes users who were not here for as long as the settings
// keep them, with what is remembered of their devices, and takes them out of
// the login log. Whoever is online, or whose free period still counts, stays.
func (s *Service) forgetPeople(ctx context.Context) error {
	mono := s.cfg.Clock.Read().Mono
	s.mu.Lock()
	due := !s.forgot || mono-s.forgotAt >= forgetEvery
	s.mu.Unlock()
	set, m := s.Settings(), s.moment()
	if set.PeopleAge == 0 || !due || !s.sure(m) {
		return nil
	}
	t := &traces{users: map[AccountID]User{}, macs: map[MAC]bool{}}
	for _, method := range UserMethods() {
		if err := s.findStale(ctx, t, method, set, m); err != nil {
			return err
		}
	}
	gone := 0
	if len(t.users) > 0 {
		var err error
		if gone, err = s.forgetUsers(ctx, t, set, m); err != nil {
			return err
		}
		s.log.Info("users were deleted whom nobody saw for long", "users", gone)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgot, s.forgotAt = gone < forgetAtOnce, mono
	return nil
}

// sure reports whether the time can be trusted enough to delete something by
// its age: one that was just corrected by weeks may be corrected back.
func (s *Service) sure(m moment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.believed && (s.stepped == 0 || s.cfg.Clock.Read().Mono-s.stepped >= sureAfter)
}

// findStale adds the users of a method who may be deleted, up to a number.
func (s *Service) findStale(ctx context.Context, t *traces, method Method, set Settings, m moment) error {
	from := uint64(0)
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := 0
		err := s.cfg.Store.View(ctx, func(r Reader) error {
			more = false
			return r.ScanUsers(method, from, false, func(u *User) (bool, error) {
				if n++; n > foundAtOnce {
					from, more = u.ID, true
					return false, nil
				}
				stale, err := s.stale(r, u, set, m)
				if stale {
					t.users[u.Account()] = *u
				}
				return len(t.users) < forgetAtOnce, err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stale reports whether a user was not here for long, and nothing is lost by
// its end.
func (s *Service) stale(r Reader, u *User, set Settings, m moment) (bool, error) {
	cut := m.now.Add(-set.PeopleAge)
	for _, at := range []time.Time{u.Created, u.LastLogin, u.Started} {
		if !at.Before(cut) {
			return false, nil
		}
	}
	if m.now.Before(u.Started.Add(set.FreeEvery)) {
		return false, nil // or the next free period would begin too early
	}
	if end, ok := u.Expires(); ok && m.now.Before(end) {
		return false, nil
	}
	if len(s.ofAccount(u.Account())) > 0 {
		return false, nil
	}
	d, err := r.Device(u.MAC)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return d.Account != u.Account() || d.gone(cut), err
}

// gone reports whether a device's last session ended before a time. A session
// may be long; one that goes on has no end.
func (d Device) gone(cut time.Time) bool { return !d.LastEnd.IsZero() && d.LastEnd.Before(cut) }

// forgetUsers deletes those of some users who are still stale. As in an erasure,
// what leads to the rest goes last: the logins lead to the devices.
func (s *Service) forgetUsers(ctx context.Context, t *traces, set Settings, m moment) (gone int, err error) {
	theirs := func(x *Session) bool { _, ok := t.users[x.Account]; return ok }
	err = s.eachLogin(ctx, func(_ Reader, x *Session) error {
		if theirs(x) {
			t.macs[x.MAC] = true
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, u := range t.users {
		t.macs[u.MAC] = true
	}
	for list := range slices.Chunk(t.devices(), eraseAtOnce) {
		err := s.cfg.Store.Update(ctx, func(tx Tx) error { return t.forgetDevices(tx, list, m.now.Add(-set.PeopleAge)) })
		if err != nil {
			return 0, err
		}
	}
	if err := s.anonymise(ctx, theirs); err != nil {
		return 0, err
	}
	accounts := t.accounts()
	for _, a := range accounts {
		defer s.accounts.lock(a.String())()
	}
	err = s.cfg.Store.Update(ctx, func(tx Tx) error {
		gone = 0
		for _, a := range accounts {
			u, err := tx.User(a.Method, a.ID)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			stale, err := s.stale(tx, &u, set, m)
			if err != nil {
				return err
			}
			if !stale {
				continue // back again
			}
			gone++
			if err := tx.DeleteUser(a.Method, a.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return gone, err
}

// forgetDevices deletes the devices that these users had last, and nobody has
// used since a time.
func (t *traces) forgetDevices(tx Tx, list []MAC, cut time.Time) error {
	names := map[string]bool{}
	for _, u := range t.users {
		names[u.Key] = true
	}
	for _, m := range list {
		d, err := old(tx.Device(m))
		if err != nil {
			return err
		}
		if _, theirs := t.users[d.Account]; theirs && d.gone(cut) {
			if err := tx.DeleteDevice(m); err != nil {
				return err
			}
		}
		if err := unnameBlocked(tx, m, func(b *BlockedDevice) bool { return names[b.Login] }); err != nil {
			return err
		}
	}
	return nil
}

// unnameBlocked takes out of what is stored of a blocked device whose it is, if
// that is asked for. It stays blocked, with the operator's note.
func unnameBlocked(tx Tx, m MAC, theirs func(*BlockedDevice) bool) error {
	b, err := tx.Blocked(m)
	if errors.Is(err, ErrNotFound) || err == nil && !theirs(&b) {
		return nil
	}
	if err != nil {
		return err
	}
	b.Login, b.Name = "", ""
	return tx.PutBlocked(b)
}
