package v1test

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// FindLogins implements v1.Service.
func (s *Service) FindLogins(_ context.Context, q hotspot.LoginQuery) (found hotspot.LoginsFound, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, x := range s.Sessions {
		switch {
		case q.Before != 0 && x.ID >= q.Before, !q.Since.IsZero() && x.Started.Before(q.Since), !q.Until.IsZero() && !x.Started.Before(q.Until),
			q.Method != "" && x.Account.Method != q.Method, !q.MAC.IsZero() && x.MAC != q.MAC, q.Text != "" && x.Login != q.Text, q.Match != nil && !q.Match(&x):
			continue
		}
		if len(found.Logins) == q.Limit {
			found.Next = found.Logins[q.Limit-1].ID
			break
		}
		found.Logins = append(found.Logins, hotspot.Login{Session: s.Sessions[i]})
	}
	return found, s.Err
}

// FindUsers implements v1.Service, in order of creation.
func (s *Service) FindUsers(_ context.Context, q hotspot.UserQuery) (found []hotspot.UserView, next *hotspot.VoucherPlace, err error) {
	all := slices.DeleteFunc(slices.Clone(s.Known), func(u hotspot.User) bool {
		return u.Method != q.Method || u.ID <= q.After.ID || q.Text != "" && u.Key != q.Text
	})
	if len(all) > q.Limit {
		all = all[:q.Limit]
		next = &hotspot.VoucherPlace{ID: all[q.Limit-1].ID}
	}
	for _, u := range all {
		found = append(found, hotspot.UserView{User: u})
	}
	return found, next, s.Err
}

// Person implements v1.Service: of each user that is named by its key or id.
func (s *Service) Person(_ context.Context, w hotspot.Who) (hotspot.Person, error) {
	p := hotspot.Person{Who: w}
	for _, u := range s.Known {
		if u.Account() == w.User || u.Key == w.Key {
			p.Users = append(p.Users, u)
			p.Devices = append(p.Devices, hotspot.PersonDevice{Device: hotspot.Device{MAC: u.MAC}})
		}
	}
	if len(p.Users) == 0 {
		return p, hotspot.ErrNotFound
	}
	return p, s.Err
}

// Erase implements v1.Service.
func (s *Service) Erase(ctx context.Context, w hotspot.Who) (hotspot.Person, error) {
	p, err := s.Person(ctx, w)
	if err == nil {
		s.Known = slices.DeleteFunc(s.Known, func(u hotspot.User) bool { return u.Account() == w.User || u.Key == w.Key })
	}
	return p, err
}

// ExportPerson implements v1.Service.
func (s *Service) ExportPerson(ctx context.Context, w hotspot.Who, out io.Writer) error {
	p, err := s.Person(ctx, w)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "{\"asked_for\": %q, \"users\": %d}\n", w, len(p.Users))
	return err
}
