package hotspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// AuditPersonErased is what is written when somebody is deleted. It does not say
// who: that is what is deleted.
const AuditPersonErased Action = "person.erased"

const (
	// eraseAtOnce bounds what one transaction of an erasure changes.
	eraseAtOnce = 256
	// eraseFor is how long an erasure may take, whether its caller waits or not.
	eraseFor = 10 * time.Minute
)

// Erase deletes a person everywhere: the users, what is remembered of their
// devices, the bindings of vouchers to these, and the events that wait to tell
// of them. A blocked device stays blocked: that is the operator's decision, and
// the MAC is what it is about. Logins stay, for the statistics, without anything that identifies
// somebody. Sessions end. It returns what was known of the person.
//
// It works in transactions of a bounded size. What leads to a person goes last,
// so an erasure that is cut short can be done again, and finds all that is left.
func (s *Service) Erase(ctx context.Context, w Who) (Person, error) {
	for try := 1; ; try++ {
		p, err := s.erase(ctx, w)
		if !errors.Is(err, errDeviceCame) {
			return p, err
		}
		if try == eraseTries {
			return p, stillOn()
		}
	}
}

// eraseTries bounds how often an erasure begins anew, because the person came
// with another device meanwhile.
const eraseTries = 5

var errDeviceCame = errors.New("the person came with another device")

func stillOn() error {
	return &Error{Code: CodeUnavailable, Text: "a session of this person could not be ended yet; try again"}
}

func (s *Service) erase(ctx context.Context, w Who) (Person, error) {
	t, err := s.trace(ctx, w)
	if err != nil {
		return Person{}, err
	}
	p, err := s.person(ctx, w, t)
	if err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseFor)
	defer cancel()
	// Nobody logs in with these devices or as these users meanwhile.
	for _, m := range t.devices() {
		defer s.devices.lock(m.String())()
	}
	if err := s.endDevices(ctx, t); err != nil {
		return p, err
	}
	accounts := t.accounts()
	for _, a := range accounts {
		defer s.accounts.lock(a.String())()
	}
	for _, a := range accounts {
		for _, l := range s.ofAccount(a) {
			if !t.macs[l.MAC] {
				return p, errDeviceCame // its lock comes before those of accounts
			}
			if err := s.endLocked(ctx, a, EndRemoved, l.ID); err != nil {
				return p, err
			}
		}
	}
	if err := s.eraseStored(ctx, t, &p); err != nil {
		return p, fmt.Errorf("delete a person: %w", err)
	}
	s.undos.clear() // they hold bindings to the person's devices
	s.log.Info("a person was deleted", "users", len(p.Users), "devices", len(p.Devices), "logins", p.Logins)
	return p, nil
}

// endDevices ends the sessions of the person's devices, whose locks the caller
// holds.
func (s *Service) endDevices(ctx context.Context, t *traces) error {
	for _, m := range t.devices() {
		if l, ok := s.ofMAC(m); ok && t.owns(l.Account, m) {
			if err := s.endOne(ctx, l, EndRemoved); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseStored deletes what is stored, in an order that can be repeated: the
// users that were asked for lead to their logins, these to the devices, and
// these to all the rest.
func (s *Service) eraseStored(ctx context.Context, t *traces, p *Person) error {
	if err := s.anonymise(ctx, func(x *Session) bool { return !t.asked[x.Account] && t.owns(x.Account, x.MAC) }); err != nil {
		return err
	}
	for list := range slices.Chunk(t.devices(), eraseAtOnce) {
		if err := s.eraseDevices(ctx, t, list); err != nil {
			return err
		}
	}
	if err := s.cfg.Store.Update(ctx, t.eraseEvents); err != nil {
		return err
	}
	if err := s.anonymise(ctx, func(x *Session) bool { return t.owns(x.Account, x.MAC) }); err != nil {
		return err
	}
	m := s.moment()
	return s.cfg.Store.Update(ctx, func(tx Tx) error {
		if err := t.eraseAsked(tx); err != nil {
			return err
		}
		row := s.audit(ctx, m, AuditPersonErased, p.subject(), p.counts()...)
		return tx.PutAudit(&row)
	})
}

// subject names the person in the audit log by nothing that outlives it.
func (p *Person) subject() string {
	if len(p.Users) == 0 {
		return "a device"
	}
	return (Who{User: p.Users[0].Account()}).String()
}

func (p *Person) counts() (list []Change) {
	for _, c := range []struct {
		field string
		n     int
	}{{"users", len(p.Users)}, {"devices", len(p.Devices)}, {"logins", p.Logins}, {"vouchers", len(p.Vouchers)}, {"events", p.Events}} {
		list = append(list, Change{c.field, strconv.Itoa(c.n), "0"})
	}
	return list
}

// anonymise takes out of logins what identifies somebody. Those that go on are
// left alone.
func (s *Service) anonymise(ctx context.Context, match func(*Session) bool) error {
	var ids []uint64
	write := func() error {
		err := s.cfg.Store.Update(ctx, func(tx Tx) error {
			for _, id := range ids {
				x, err := tx.Session(id)
				if errors.Is(err, ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if x.Open() || !match(&x) {
					continue
				}
				x.Login, x.MAC, x.Addrs, x.Account.ID = "", MAC{}, nil, 0
				if err := tx.PutSession(&x); err != nil {
					return err
				}
			}
			return nil
		})
		ids = ids[:0]
		return err
	}
	for before, more := uint64(0), true; more; {
		err := s.cfg.Store.View(ctx, func(r Reader) error {
			rows, err := r.Sessions(before, eraseAtOnce)
			for i := range rows {
				before = rows[i].ID
				if !rows[i].Open() && match(&rows[i]) {
					ids = append(ids, before)
				}
			}
			more = len(rows) == eraseAtOnce
			return err
		})
		if err != nil {
			return err
		}
		if len(ids) >= eraseAtOnce || !more && len(ids) > 0 {
			if err := write(); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseDevices forgets devices, and what they are bound to. The watch of the
// network must not store again what it remembers of them.
func (s *Service) eraseDevices(ctx context.Context, t *traces, list []MAC) error {
	watch := &s.events.device
	watch.turn.Lock()
	defer watch.turn.Unlock()
	err := s.cfg.Store.Update(ctx, func(tx Tx) error { return t.eraseDevices(tx, list) })
	if err != nil {
		return err
	}
	for _, m := range list {
		delete(watch.seen, m)
	}
	return nil
}

func (t *traces) eraseDevices(tx Tx, list []MAC) error {
	for _, m := range list {
		if err := tx.DeleteSighting(m); err != nil {
			return err
		}
		if u, err := tx.UserByKey(MethodFree, m.String()); err == nil && !t.asked[u.Account()] {
			if err := tx.DeleteUser(MethodFree, u.ID); err != nil {
				return err
			}
		} else if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		d, err := old(tx.Device(m))
		if err != nil {
			return err
		}
		if t.owns(d.Account, m) {
			if err := tx.DeleteDevice(m); err != nil {
				return err
			}
		}
		if err := unnameBlocked(tx, m, func(*BlockedDevice) bool { return true }); err != nil {
			return err
		}
		bound, err := tx.VouchersByMAC(m)
		if err != nil {
			return err
		}
		for _, v := range bound {
			v.Bound = slices.DeleteFunc(v.Bound, func(b MAC) bool { return b == m })
			if err := tx.PutVoucher(&v); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseAsked deletes what leads to the person, once nobody is on it.
func (t *traces) eraseAsked(tx Tx) error {
	open, err := tx.OpenSessions()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(open, func(x Session) bool { return t.owns(x.Account, x.MAC) }) {
		return stillOn()
	}
	for a := range t.asked {
		if err := tx.DeleteUser(a.Method, a.ID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// eraseEvents deletes the events that wait to tell of the person.
func (t *traces) eraseEvents(tx Tx) error {
	var told []uint64
	err := t.eachEvent(tx, func(seq uint64) error {
		told = append(told, seq)
		return nil
	})
	if err != nil {
		return err
	}
	for _, seq := range told {
		if err := tx.DeleteEvent(seq); err != nil {
			return err
		}
	}
	return nil
}
