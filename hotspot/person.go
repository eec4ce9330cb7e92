package hotspot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Who names a person: a user, or what somebody is known by.
type Who struct {
	User AccountID // zero: by Key
	Key  string    // an e-mail address, a number in digits, or a MAC
}

// ParseWho reads a user, as [Who.String] gives it, an e-mail address, a
// telephone number or a MAC.
func ParseWho(text string) (Who, error) {
	text = strings.TrimSpace(text)
	if m, id, ok := strings.Cut(text, "-"); ok && slices.Contains(UserMethods(), Method(m)) {
		if n, err := strconv.ParseUint(id, 10, 64); err == nil && n > 0 {
			return Who{User: AccountID{Method(m), n}}, nil
		}
	}
	if m, err := ParseMAC(ASCIIDigits(text)); err == nil && !m.IsZero() {
		return Who{Key: m.String()}, nil
	}
	if strings.Contains(text, "@") && len(text) <= maxFindText {
		return Who{Key: text}, nil
	}
	if digits := phoneDigits(text); len(digits) >= 5 && len(digits) <= 20 {
		return Who{Key: digits}, nil
	}
	return Who{}, Invalid("who", "is not a user such as free-12, an e-mail address, a telephone number or a MAC")
}

// phoneDigits are the digits of a telephone number as people write it; "" if the
// text has anything else in it.
func phoneDigits(text string) string {
	digits := strings.NewReplacer(" ", "", "-", "", "/", "", "(", "", ")", "", "+", "").Replace(ASCIIDigits(text))
	if strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

// String gives the form that [ParseWho] reads.
func (w Who) String() string {
	if w.Key != "" {
		return w.Key
	}
	return string(w.User.Method) + "-" + strconv.FormatUint(w.User.ID, 10)
}

// mac is the device that the person is named by, or zero.
func (w Who) mac() MAC {
	m, _ := ParseMAC(w.Key)
	return m
}

// Person is what is known of somebody, but for the single logins.
type Person struct {
	Who      Who
	Users    []User
	Devices  []PersonDevice
	Vouchers []Voucher // that these devices used
	// Others are users by e-mail, number or Facebook who were here with one of
	// these devices. They are persons of their own.
	Others []User
	Logins int // in the login log
	Kept   int // logins of others with these devices
	Events int // that wait to be told by webhooks
	Audit  int // rows of the audit log that name the person; they stay
}

// PersonDevice is a device of somebody.
type PersonDevice struct {
	Device
	Seen time.Time // as remembered for webhooks; zero: it is not
	// Blocked is since when the operator keeps it out; zero: it is not. It stays.
	Blocked time.Time
	Note    string // the operator's, of a blocked device
	Name    string // what it calls itself, if it is on the network now
	Addrs   []netip.Addr
	Online  bool
}

// traces tells what belongs to somebody.
type traces struct {
	users map[AccountID]User
	macs  map[MAC]bool
	// asked are those of the users that lead to all the rest: others are found
	// by the devices.
	asked map[AccountID]bool
}

// owns reports whether something of an account with a device is the person's.
// Somebody else who is known by name may use the same device: that stays
// theirs.
func (t *traces) owns(a AccountID, m MAC) bool {
	if _, ok := t.users[a]; ok {
		return true
	}
	return t.byDevice(a.Method, m)
}

func (t *traces) byDevice(method Method, m MAC) bool {
	return t.macs[m] && (method == MethodVoucher || method == MethodFree || method == "")
}

// devices are the MACs, in order.
func (t *traces) devices() []MAC {
	list := make([]MAC, 0, len(t.macs))
	for m := range t.macs {
		list = append(list, m)
	}
	sort.Slice(list, func(i, j int) bool { return slices.Compare(list[i][:], list[j][:]) < 0 })
	return list
}

// accounts are those of the users, in the order in which they are locked.
func (t *traces) accounts() []AccountID {
	list := make([]AccountID, 0, len(t.users))
	for a := range t.users {
		list = append(list, a)
	}
	sortAccounts(list)
	return list
}

// sortAccounts puts accounts in the order in which their locks are taken.
func sortAccounts(list []AccountID) {
	sort.Slice(list, func(i, j int) bool { return compareAccounts(list[i], list[j]) < 0 })
}

// eachLogin hands the login log to f, from the newest login on, a bounded
// number in each view of the store.
func (s *Service) eachLogin(ctx context.Context, f func(r Reader, x *Session) error) error {
	for before, more := uint64(0), true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.cfg.Store.View(ctx, func(r Reader) error {
			rows, err := r.Sessions(before, loginsAtOnce)
			if err != nil {
				return err
			}
			for i := range rows {
				before = rows[i].ID
				if err := f(r, &rows[i]); err != nil {
					return err
				}
			}
			more = len(rows) == loginsAtOnce
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the login log: %w", err)
		}
	}
	return nil
}

// trace finds out what belongs to a person: the users, the devices that they
// had in the login log, and what is known of these devices alone.
func (s *Service) trace(ctx context.Context, w Who) (*traces, error) {
	t := &traces{users: map[AccountID]User{}, macs: map[MAC]bool{}, asked: map[AccountID]bool{}}
	if m := w.mac(); !m.IsZero() {
		t.macs[m] = true
	}
	err := s.cfg.Store.View(ctx, func(r Reader) error { return t.find(r, w) })
	if err != nil {
		return nil, err
	}
	named := false
	for a, u := range t.users {
		t.asked[a] = true
		named = named || a.Method != MethodFree
		if !u.MAC.IsZero() {
			t.macs[u.MAC] = true
		}
		if m, err := ParseMAC(u.Key); err == nil && a.Method == MethodFree {
			t.macs[m] = true
		}
	}
	if named { // the others have the one device that they are known by
		err := s.eachLogin(ctx, func(_ Reader, x *Session) error {
			if _, ok := t.users[x.Account]; ok && !x.MAC.IsZero() {
				t.macs[x.MAC] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return t, s.cfg.Store.View(ctx, t.freeUsers)
}

// find adds the users that a person is named by.
func (t *traces) find(r Reader, w Who) error {
	if w.Key == "" {
		u, err := r.User(w.User.Method, w.User.ID)
		if errors.Is(err, ErrNotFound) {
			return &Error{Code: CodeNotFound, Text: "there is no such user"}
		}
		t.users[w.User] = u
		return err
	}
	if !w.mac().IsZero() {
		return nil // see freeUsers
	}
	for _, m := range UserMethods() {
		err := r.ScanUsers(m, 0, false, func(u *User) (bool, error) {
			if strings.EqualFold(u.Key, w.Key) || u.Email != "" && strings.EqualFold(u.Email, w.Key) {
				t.users[u.Account()] = *u
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	if len(t.users) == 0 {
		return &Error{Code: CodeNotFound, Field: "who", Text: "nobody is known by that"}
	}
	return nil
}

// freeUsers adds the users that are nothing but one of the devices.
func (t *traces) freeUsers(r Reader) error {
	for m := range t.macs {
		u, err := r.UserByKey(MethodFree, m.String())
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		t.users[u.Account()] = u
	}
	return nil
}

// Person tells what is known of somebody. It reads the login log to its end.
func (s *Service) Person(ctx context.Context, w Who) (Person, error) {
	t, err := s.trace(ctx, w)
	if err != nil {
		return Person{}, err
	}
	return s.person(ctx, w, t)
}

// Bounds of what is listed of one person.
const (
	maxPersonVouchers = 200
	maxOthers         = 20
)

func (s *Service) person(ctx context.Context, w Who, t *traces) (Person, error) {
	p := Person{Who: w}
	for _, a := range t.accounts() {
		p.Users = append(p.Users, t.users[a])
	}
	vouchers, others := map[uint64]bool{}, map[AccountID]bool{}
	err := s.eachLogin(ctx, func(_ Reader, x *Session) error {
		switch {
		case t.owns(x.Account, x.MAC):
			p.Logins++
			if x.Account.Method == MethodVoucher && len(vouchers) < maxPersonVouchers {
				vouchers[x.Account.ID] = true
			}
		case t.macs[x.MAC]:
			p.Kept++
			if len(others) < maxOthers {
				others[x.Account] = true
			}
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	err = s.cfg.Store.View(ctx, func(r Reader) error {
		return errors.Join(s.personDevices(r, t, &p, vouchers), p.addOthers(r, t, others), p.addVouchers(r, vouchers), p.addTraces(r, t))
	})
	if err != nil {
		return p, fmt.Errorf("look up a person: %w", err)
	}
	if len(p.Users)+p.Logins+len(p.Vouchers)+len(p.Others)+p.Events == 0 && !p.deviceKnown() {
		return p, &Error{Code: CodeNotFound, Field: "who", Text: "nobody is known by that"}
	}
	return p, nil
}

// deviceKnown reports whether anything is stored of one of the devices.
func (p *Person) deviceKnown() bool {
	return slices.ContainsFunc(p.Devices, func(d PersonDevice) bool {
		return d.Account != (AccountID{}) || !d.Seen.IsZero() || d.Online || !d.Blocked.IsZero()
	})
}

func (s *Service) personDevices(r Reader, t *traces, p *Person, vouchers map[uint64]bool) error {
	seen, err := r.Sightings()
	if err != nil {
		return err
	}
	for _, m := range t.devices() {
		d, err := old(r.Device(m))
		if err != nil {
			return err
		}
		b, err := old(r.Blocked(m))
		if err != nil {
			return err
		}
		if !t.owns(d.Account, m) {
			d = Device{} // of somebody else, by now
		}
		d.MAC = m
		one := PersonDevice{Device: d, Seen: seen[m], Blocked: b.Since, Note: b.Note}
		if h, ok := s.cfg.Hosts.ByMAC(m); ok {
			one.Name, one.Addrs = h.Name, h.Addrs
		}
		if l, ok := s.ofMAC(m); ok {
			one.Online = t.owns(l.Account, m)
		}
		p.Devices = append(p.Devices, one)
		bound, err := r.VouchersByMAC(m)
		if err != nil {
			return err
		}
		for _, v := range bound {
			vouchers[v.ID] = true
		}
	}
	return nil
}

func (p *Person) addVouchers(r Reader, ids map[uint64]bool) error {
	for id := range ids {
		v, err := r.Voucher(id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		p.Vouchers = append(p.Vouchers, v)
	}
	sort.Slice(p.Vouchers, func(i, j int) bool { return p.Vouchers[i].ID < p.Vouchers[j].ID })
	return nil
}

// addOthers adds those who were here with the person's devices, by the log or
// by what is stored of them.
func (p *Person) addOthers(r Reader, t *traces, ids map[AccountID]bool) error {
	for _, m := range UserMethods() {
		if m == MethodFree {
			continue
		}
		err := r.ScanUsers(m, 0, false, func(u *User) (bool, error) {
			_, own := t.users[u.Account()]
			if !own && (ids[u.Account()] || t.macs[u.MAC]) {
				p.Others = append(p.Others, *u)
			}
			return len(p.Others) < maxOthers, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// addTraces counts what names the person elsewhere.
func (p *Person) addTraces(r Reader, t *traces) error {
	err := t.eachEvent(r, func(uint64) error {
		p.Events++
		return nil
	})
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, u := range p.Users {
		names[u.Key], names[u.Email] = true, true
	}
	for m := range t.macs {
		names[m.String()] = true
	}
	delete(names, "")
	for before := uint64(0); ; {
		rows, err := r.Audit(before, loginsAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			before = row.ID
			if names[row.Subject] || slices.ContainsFunc(row.Changes, func(c Change) bool { return names[c.Old] || names[c.New] }) {
				p.Audit++
			}
		}
	}
}

// eachEvent hands the events that tell of the person to f.
func (t *traces) eachEvent(r Reader, f func(seq uint64) error) error {
	logins := map[string]bool{}
	for a, u := range t.users {
		logins[string(a.Method)+" "+u.Key] = true
	}
	for after := uint64(0); ; {
		events, err := r.Events(after, 64)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			after = e.Seq
			var about struct {
				MAC    string `json:"mac"`
				Login  string `json:"login"`
				Method Method `json:"method"`
			}
			if err := json.Unmarshal(e.Data, &about); err != nil {
				continue // it tells of nobody
			}
			m, _ := ParseMAC(about.MAC)
			if logins[string(about.Method)+" "+about.Login] || t.byDevice(about.Method, m) {
				if err := f(e.Seq); err != nil {
					return err
				}
			}
		}
	}
}
