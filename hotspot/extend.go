package hotspot

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Extension is what a guest is given beyond what its account has. A time or a
// limit that is not there stays away.
type Extension struct {
	Time time.Duration
	Data Usage
	// Total is for a voucher's limit of both directions together. Free access
	// has none.
	Total uint64
}

// maxExtension bounds the time that is given at once.
const maxExtension = 366 * day

// IsZero reports whether nothing is given.
func (e Extension) IsZero() bool { return e.Time == 0 && e.Data.IsZero() && e.Total == 0 }

func (e Extension) check() error {
	switch {
	case e.Time < 0 || e.Time > maxExtension:
		return Invalid("time", "must be from 0 to %d days", maxExtension/day)
	case e.Data.Down > MaxLimitMB*MB:
		return Invalid("download", "must be at most %d MB", MaxLimitMB)
	case e.Data.Up > MaxLimitMB*MB:
		return Invalid("upload", "must be at most %d MB", MaxLimitMB)
	case e.Total > MaxLimitMB*MB:
		return Invalid("total", "must be at most %d MB", MaxLimitMB)
	case e.IsZero():
		return Invalid("time", "give some time or some data")
	}
	return nil
}

// Extend gives the account of a device more: that of the guest that is online
// with it, or that it logged in with last. A voucher is topped up as by
// [Service.EditVoucher]. A person's own allowance lasts longer until its next
// period. Whoever may then return by itself is let in. A device without an account
// is [ErrNotFound].
func (s *Service) Extend(ctx context.Context, m MAC, by Extension) error {
	if err := by.check(); err != nil {
		return err
	}
	id, err := s.accountOf(ctx, m)
	if err != nil {
		return err
	}
	if id.Method != MethodVoucher {
		if by.Total > 0 {
			return Invalid("total", "only vouchers can have a limit of both directions together: give download or upload")
		}
		if err := s.extendUser(ctx, id, m, by); err != nil {
			return err
		}
		s.letInAgain(ctx, []MAC{m})
		return nil
	}
	edited, err := s.EditVouchers(ctx, []uint64{id.ID}, nil, VoucherEdit{Extend: by.Time, TopUp: &by.Data, TopUpTotal: by.Total})
	if err == nil && len(edited) == 0 {
		return errNoAccount(m)
	}
	return err
}

func errNoAccount(m MAC) error {
	return &Error{Code: CodeNotFound, Field: "mac", Text: fmt.Sprintf("the device %s has no voucher and no free access to extend", m)}
}

// accountOf returns the account that a device is on, or was on last.
func (s *Service) accountOf(ctx context.Context, m MAC) (AccountID, error) {
	if l, ok := s.ofMAC(m); ok {
		return l.Account, nil
	}
	var d Device
	err := s.cfg.Store.View(ctx, func(r Reader) (err error) {
		d, err = r.Device(m)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return AccountID{}, errNoAccount(m)
	}
	if err != nil {
		return AccountID{}, fmt.Errorf("look up device %s: %w", m, err)
	}
	return d.Account, nil
}

// extendUser gives a person's own allowance more.
func (s *Service) extendUser(ctx context.Context, id AccountID, m MAC, by Extension) error {
	defer s.accounts.lock(id.String())()
	open := s.ofAccount(id)
	if len(open) > 0 {
		if err := s.readMeters(ctx); err != nil {
			return err
		}
		open = s.ofAccount(id)
	}
	s.era.RLock()
	at, set := s.moment(), s.Settings()
	var moved []Session
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		for _, l := range open {
			if _, err := charge(tx, l.ID, l.Used); err != nil {
				return err
			}
		}
		u, err := tx.User(id.Method, id.ID)
		if errors.Is(err, ErrNotFound) {
			return errNoAccount(m)
		}
		if err != nil {
			return err
		}
		if err := u.extend(by, at, set); err != nil {
			return err
		}
		row := s.audit(ctx, at, AuditGuestExtended, u.Key, by.changes(m)...)
		if err := errors.Join(tx.PutUser(&u), tx.PutAudit(&row)); err != nil {
			return err
		}
		moved, err = s.moveDeadlines(tx, id, u.Allowance)
		return err
	})
	if err == nil {
		s.takeMoved(moved, false)
		s.log.Info("guest extended", "mac", m, "type", string(id.Method))
	}
	s.era.RUnlock()
	if err != nil {
		return storeError("extend a guest", err)
	}
	return s.finish(ctx, id)
}

// extend adds to the period of free access that runs, or ran last.
func (u *User) extend(by Extension, m moment, s Settings) error {
	if end, ok := u.Expires(); ok && by.Time > 0 {
		u.ExtraTime += by.Time
		if m.now.After(end) {
			u.ExtraTime += m.now.Sub(end)
		}
	}
	u.Extra = u.Extra.Add(by.Data)
	u.ValidFor = u.freeFor(s)
	limit := topUp(s.FreeLimit, u.Extra)
	u.setLimit(limit, 0)
	return errors.Join(checkLimit(limit, 0), checkLimit(u.Extra, 0), checkValidity(&u.ValidFor))
}

// freeFor is how long the period of free access that runs lasts.
func (u *User) freeFor(s Settings) Validity {
	if s.FreeFor == 0 {
		return Always
	}
	return Validity(s.FreeFor + u.ExtraTime)
}

// extended reports whether the period that runs was made longer.
func (u *User) extended() bool { return u.ExtraTime > 0 || !u.Extra.IsZero() }

// changes tells the audit log what was given.
func (e Extension) changes(m MAC) []Change {
	list := []Change{{"mac", "", m.String()}}
	if e.Time > 0 {
		list = append(list, Change{"time", "", shortDuration(e.Time) + " more"})
	}
	for _, d := range []struct {
		field string
		bytes uint64
	}{{"download_limit", e.Data.Down}, {"upload_limit", e.Data.Up}} {
		if d.bytes > 0 {
			list = append(list, Change{d.field, "", auditBytes(d.bytes) + " more"})
		}
	}
	return list
}
