package hotspot

import (
	"context"
	"fmt"
	"slices"
	"sort"
)

// Voucher returns one voucher by its username.
func (s *Service) Voucher(ctx context.Context, username string) (VoucherView, error) {
	var view VoucherView
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		v, err := r.VoucherByUsername(username)
		if err != nil {
			return err
		}
		view, err = s.view(r, v, s.moment(), s.Settings())
		return err
	})
	if err != nil {
		return view, s.notFound(username, err)
	}
	return view, nil
}

func (s *Service) voucherByID(ctx context.Context, id uint64) (VoucherView, error) {
	var view VoucherView
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		v, err := r.Voucher(id)
		if err != nil {
			return err
		}
		view, err = s.view(r, v, s.moment(), s.Settings())
		return err
	})
	return view, err
}

// Vouchers returns up to limit vouchers with ids above after, ascending.
func (s *Service) Vouchers(ctx context.Context, after uint64, limit int) ([]VoucherView, error) {
	var out []VoucherView
	set, m := s.Settings(), s.moment()
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		vs, err := r.Vouchers(after, limit)
		if err != nil {
			return err
		}
		out = make([]VoucherView, len(vs))
		for i, v := range vs {
			if out[i], err = s.view(r, v, m, set); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list vouchers: %w", err)
	}
	return out, nil
}

// view adds to a voucher what follows from it now.
func (s *Service) view(r Reader, v Voucher, m moment, set Settings) (VoucherView, error) {
	out := VoucherView{Voucher: v}
	s.mu.Lock()
	for _, l := range s.byOwner[v.Account()] {
		if l.ending == "" {
			out.Online++
		}
	}
	counts := s.counts(v.Account()) // also while a session's end is being stored
	s.mu.Unlock()
	if counts {
		more, err := s.unflushed(r, v.Account())
		if err != nil {
			return out, err
		}
		out.Used = out.Used.Add(more)
	}
	if end, ok := out.expiry(set); ok {
		out.ExpiresAt = end
	}
	out.Status = out.Voucher.status(m, set)
	if out.Online > 0 {
		out.Status = VoucherOnline
	}
	return out, nil
}

// status sums up a voucher nobody is on.
func (v *Voucher) status(m moment, set Settings) VoucherStatus {
	if refusal := v.refuse(m, set); refusal != nil {
		switch refusal.Code {
		case CodeDisabled:
			return VoucherDisabled
		case CodeNotYetValid:
			return VoucherPending
		case CodeTimeUsed:
			return VoucherExpired
		}
		return VoucherUsedUp
	}
	if v.FirstUse.IsZero() {
		return VoucherNew
	}
	return VoucherActive
}

// Users returns up to limit users of a method with ids above after, ascending.
func (s *Service) Users(ctx context.Context, m Method, after uint64, limit int) ([]User, error) {
	var out []User
	err := s.cfg.Store.View(ctx, func(r Reader) (err error) {
		out, err = r.Users(m, after, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list %s users: %w", m, err)
	}
	return out, nil
}

// Logins returns up to limit sessions with ids below before (0: the newest),
// newest first, with current usage.
func (s *Service) Logins(ctx context.Context, before uint64, limit int) ([]Session, error) {
	var out []Session
	err := s.cfg.Store.View(ctx, func(r Reader) (err error) {
		out, err = r.Sessions(before, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list logins: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range out {
		s.count(&out[i])
	}
	return out, nil
}

// Guests returns every guest let in, in order of login. Their figures are read
// from the gate now.
func (s *Service) Guests(ctx context.Context) ([]Guest, error) {
	if err := s.readMeters(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	all := make([]live, 0, len(s.sessions))
	for _, l := range s.sessions {
		if l.ending == "" {
			c := *l
			c.Addrs = slices.Clone(l.Addrs)
			all = append(all, c)
		}
	}
	s.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	out := make([]Guest, len(all))
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		for i, l := range all {
			out[i] = s.describe(l)
			if err := s.fill(r, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list guests: %w", err)
	}
	return out, nil
}

// GuestHosts returns every device seen on the guest network.
func (s *Service) GuestHosts(ctx context.Context) ([]GuestHost, error) {
	guests, err := s.Guests(ctx)
	if err != nil {
		return nil, err
	}
	in := make(map[MAC]*Guest, len(guests))
	for i := range guests {
		in[guests[i].MAC] = &guests[i]
	}
	hosts := s.cfg.Hosts.List()
	out := make([]GuestHost, len(hosts))
	for i, h := range hosts {
		out[i] = GuestHost{Host: h, Guest: in[h.MAC]}
		delete(in, h.MAC)
	}
	for _, g := range guests {
		if in[g.MAC] != nil { // let in, and not seen at present
			out = append(out, GuestHost{Host: Host{MAC: g.MAC, Addrs: g.Addrs, Age: g.Uptime, Idle: g.Idle}, Guest: in[g.MAC]})
		}
	}
	return out, nil
}
