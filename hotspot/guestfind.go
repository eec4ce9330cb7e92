package hotspot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// GuestOrder names what guests are put in order by.
type GuestOrder string

// The orders. Guests that are equal by one are in order of login.
const (
	GuestsByStart GuestOrder = "since"
	GuestsByLogin GuestOrder = "login" // without regard to case
	GuestsByUsage GuestOrder = "used"  // in this session
	GuestsByRate  GuestOrder = "rate"
	GuestsByEnd   GuestOrder = "ends" // no end: after all others
)

// GuestOrders lists the orders.
func GuestOrders() []GuestOrder {
	return []GuestOrder{GuestsByStart, GuestsByLogin, GuestsByUsage, GuestsByRate, GuestsByEnd}
}

// GuestQuery says which guests are asked for, and in which order.
type GuestQuery struct {
	// Text is what the login, the MAC, an address or the device's name must have
	// in it, without regard to case; empty: anything.
	Text       string
	Method     Method     // empty: any
	Order      GuestOrder // empty: GuestsByStart
	Descending bool
	Offset     int // of the first guest in this order
	Limit      int // from 1 to MaxFind
}

// check reports what cannot be asked for.
func (q *GuestQuery) check() error {
	switch {
	case q.Order != "" && !slices.Contains(GuestOrders(), q.Order):
		return Invalid("sort", "%q is not since, login, used, rate or ends", string(q.Order))
	case q.Limit < 1 || q.Limit > MaxFind:
		return Invalid("limit", "must be from 1 to %d", MaxFind)
	case len(q.Text) > maxFindText || !utf8.ValidString(q.Text):
		return Invalid("q", "must be valid UTF-8 of at most %d bytes", maxFindText)
	}
	return nil
}

// guestPlace is a guest, and where it stands in an order.
type guestPlace struct {
	id    uint64
	num   int64 // of orders by number
	mac   MAC
	login string
	addrs []netip.Addr // never changed
}

// FindGuests returns a part of the guests let in that a query asks for, and how
// many there are of them in all. However many are online, only those that are
// returned are looked up in the store.
func (s *Service) FindGuests(ctx context.Context, q GuestQuery) (found []Guest, total int, err error) {
	if err := q.check(); err != nil {
		return nil, 0, err
	}
	s.freshen(ctx)
	places := s.guestPlaces(&q)
	if q.Text != "" {
		text := lookFor(q.Text)
		places = slices.DeleteFunc(places, func(p *guestPlace) bool {
			return !text.device(p.login, p.mac, p.addrs) && !text.in(s.hostName(p.mac))
		})
	}
	slices.SortFunc(places, func(a, b *guestPlace) int {
		c := cmp.Compare(a.num, b.num)
		if c == 0 && q.Order == GuestsByLogin {
			c = compareFold(a.login, b.login)
		}
		if c == 0 {
			c = compareID(a.id, b.id)
		}
		if q.Descending {
			return -c
		}
		return c
	})
	from := min(max(q.Offset, 0), len(places))
	part := places[from:min(from+q.Limit, len(places))]
	found, err = s.guestsAt(ctx, part)
	return found, len(places), err
}

// guestPlaces are all guests let in, with what they are put in order by.
func (s *Service) guestPlaces(q *GuestQuery) []*guestPlace {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]guestPlace, 0, len(s.sessions))
	places := make([]*guestPlace, 0, len(s.sessions))
	for _, l := range s.sessions {
		if l.ending != "" || q.Method != "" && l.Account.Method != q.Method {
			continue
		}
		all = append(all, guestPlace{l.ID, l.orderedBy(q.Order), l.MAC, l.Login, l.Addrs})
		places = append(places, &all[len(all)-1])
	}
	return places
}

// orderedBy is the number by which a session is put in order.
func (l *live) orderedBy(o GuestOrder) int64 {
	switch o {
	case GuestsByUsage:
		return int64(min(l.Used.sum(), math.MaxInt64))
	case GuestsByRate:
		return int64(l.pace.down + l.pace.up)
	case GuestsByEnd:
		if l.Deadline.IsZero() {
			return math.MaxInt64
		}
		return micros(l.Deadline)
	}
	return 0
}

// guestsAt describes guests. One whose session ended meanwhile is left out.
func (s *Service) guestsAt(ctx context.Context, places []*guestPlace) ([]Guest, error) {
	some := make([]live, 0, len(places))
	s.mu.Lock()
	for _, p := range places {
		if l := s.sessions[p.id]; l != nil && l.ending == "" {
			some = append(some, *l)
		}
	}
	s.mu.Unlock()
	out := make([]Guest, len(some))
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		for i, l := range some {
			l.Addrs = slices.Clone(l.Addrs)
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

// fill adds to a guest what the store knows of its account.
func (s *Service) fill(r Reader, g *Guest) (err error) {
	if g.Allowance, g.FullName, err = holder(r, g.Account); err == nil {
		var more Usage
		more, err = s.unflushed(r, g.Account)
		g.Allowance.Used = g.Allowance.Used.Add(more)
	}
	if err != nil {
		return fmt.Errorf("account %s: %w", g.Account, err)
	}
	return nil
}

// Waiting returns a part of the devices seen on the guest network that are not
// let in and have a text in their name or addresses, and how many there are of
// them in all. They are in order of MAC.
func (s *Service) Waiting(text string, offset, limit int) (found []Host, total int, err error) {
	q := GuestQuery{Text: text, Limit: limit}
	if err := q.check(); err != nil {
		return nil, 0, err
	}
	hosts := s.cfg.Hosts.List()
	s.mu.Lock()
	hosts = slices.DeleteFunc(hosts, func(h Host) bool {
		l := s.byMAC[h.MAC]
		return l != nil && l.ending == ""
	})
	s.mu.Unlock()
	if text != "" {
		f := lookFor(text)
		hosts = slices.DeleteFunc(hosts, func(h Host) bool { return !f.device(h.Name, h.MAC, h.Addrs) })
	}
	from := min(max(offset, 0), len(hosts))
	return hosts[from:min(from+limit, len(hosts))], len(hosts), nil
}

// DeviceView is what is known of one device.
type DeviceView struct {
	MAC  MAC
	Host *Host // nil: not seen on the guest network
	// Guest is the session that it has; nil: it is not let in.
	Guest *Guest
	// Last is what is remembered of its sessions; nil: it had none.
	Last *Device
	// Allowance is that of the account that it is on, or was on last; nil: there
	// is none any more.
	Allowance *Allowance
	Blocked   *BlockedDevice // nil: it is not
}

// Device tells what is known of a device. One that is not known at all is
// [ErrNotFound].
func (s *Service) Device(ctx context.Context, m MAC) (DeviceView, error) {
	v := DeviceView{MAC: m}
	if h, ok := s.cfg.Hosts.ByMAC(m); ok {
		v.Host = &h
	}
	if _, ok := s.ofMAC(m); ok {
		s.freshen(ctx)
	}
	l, online := s.ofMAC(m)
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		b, err := r.Blocked(m)
		if v.Blocked = nil; err == nil {
			v.Blocked = &b
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		d, err := r.Device(m)
		if v.Last = nil; err == nil {
			v.Last = &d
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		return s.fillDevice(r, &v, l, online)
	})
	if err != nil {
		return v, fmt.Errorf("look up device %s: %w", m, err)
	}
	if v.Host == nil && v.Guest == nil && v.Last == nil && v.Blocked == nil {
		return v, &Error{Code: CodeNotFound, Field: "mac", Text: fmt.Sprintf("no device with the address %s is known", m)}
	}
	return v, nil
}

// fillDevice adds the guest that a device is, or the allowance that it had last.
func (s *Service) fillDevice(r Reader, v *DeviceView, l live, online bool) error {
	if online {
		g := s.describe(l)
		v.Guest, v.Allowance = &g, &g.Allowance
		return s.fill(r, v.Guest)
	}
	v.Allowance = nil
	if v.Last == nil {
		return nil
	}
	al, err := s.current(r, v.Last.Account)
	if err == nil {
		v.Allowance = &al
	} else if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return err
}

// looked bounds the rows of the login log in which a device's sessions are
// looked for, and lookedAtOnce those that are in memory at one time.
const (
	looked       = 5000
	lookedAtOnce = 250
)

// DeviceSessions returns up to most of a device's sessions, newest first, as far
// as they are among the newest of the log.
func (s *Service) DeviceSessions(ctx context.Context, m MAC, most int) (found []Session, err error) {
	before := uint64(0)
	for n := 0; n < looked; n += lookedAtOnce {
		rows, err := s.Logins(ctx, before, lookedAtOnce)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			before = rows[i].ID
			if rows[i].MAC != m {
				continue
			}
			if found = append(found, rows[i]); len(found) >= most {
				return found, nil
			}
		}
		if len(rows) < lookedAtOnce {
			break
		}
	}
	return found, nil
}

// hostName is what a device calls itself.
func (s *Service) hostName(m MAC) string {
	h, _ := s.cfg.Hosts.ByMAC(m)
	return h.Name
}

// lookFor is a text that is looked for, also in MAC addresses, which some people
// write with hyphens.
func lookFor(text string) folded {
	if len(text) > 2 && text[2] == '-' {
		text = strings.ReplaceAll(text, "-", ":")
	}
	return fold(text)
}

// device reports whether a device's name or addresses have the text in them.
func (f folded) device(name string, m MAC, addrs []netip.Addr) bool {
	return f.in(name) || f.in(m.String()) || slices.ContainsFunc(addrs, func(a netip.Addr) bool { return f.in(a.String()) })
}

// compareFold compares texts without regard to the case of ASCII.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lowerByte(a[i]), lowerByte(b[i]); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}
