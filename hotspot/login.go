package hotspot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"time"
)

// entry is one attempt to let a device in.
type entry struct {
	host    Host
	claim   Claim
	set     Settings
	at      moment
	session Session // made by the transaction
	out     []MAC   // devices that lost their place
	already bool    // the device is on this account now
	renewed bool    // the account began a new period
}

// Login lets a device in on a claim. A refusal is an [Error] whose code says
// why; [CodeUnavailable] means that the store or the gate failed.
func (s *Service) Login(ctx context.Context, h Host, c Claim) (GuestStatus, error) {
	unlock := s.devices.lock(h.MAC.String())
	defer unlock()
	return s.login(ctx, h, c)
}

func (s *Service) login(ctx context.Context, h Host, c Claim) (GuestStatus, error) {
	id, _, err := s.resolve(ctx, c)
	if err != nil {
		return GuestStatus{}, err
	}
	if l, ok := s.ofMAC(h.MAC); ok && l.Account != id {
		// The device changes accounts: its stay on the other one is over.
		if err := s.endOne(ctx, l, EndLogout); err != nil {
			return GuestStatus{}, err
		}
	}
	e := entry{host: h, claim: c}
	if err := s.enter(ctx, &e); err != nil {
		return GuestStatus{}, err
	}
	return s.Status(ctx, h)
}

// enter commits the login and opens the gate, under the account's lock.
func (s *Service) enter(ctx context.Context, e *entry) error {
	unlock, known, err := s.lockClaim(ctx, e.claim)
	if err != nil {
		return err
	}
	defer unlock()
	s.era.RLock()
	e.set, e.at = s.Settings(), s.moment()
	err = s.cfg.Store.Update(ctx, func(tx Tx) error { return s.commitLogin(tx, e) })
	if err != nil {
		s.era.RUnlock()
		return storeError(fmt.Sprintf("store login of %s", e.host.MAC), err)
	}
	id := e.session.Account
	if !known {
		defer s.accounts.lock(id.String())() // new → its id: the only nesting
	}
	s.mu.Lock()
	if !e.already {
		r := s.cfg.Clock.Read()
		s.add(&live{Session: e.session, lastActive: r.Mono, began: r.Mono})
	}
	if e.renewed {
		s.afresh[id] = struct{}{}
	}
	at := s.sessions[e.session.ID]
	at.Deadline, at.DeadlineReason = e.session.Deadline, e.session.DeadlineReason
	s.claimAddrs(at, e.host.Addrs)
	var gone []uint64
	for _, l := range s.byOwner[id] {
		if slices.Contains(e.out, l.MAC) {
			gone = append(gone, l.ID)
		}
	}
	s.mu.Unlock()
	s.era.RUnlock()
	s.markEnding(EndReplaced, gone...)
	if !e.already {
		s.log.Info("guest logged in", "login", e.session.Login, "type", string(id.Method), "mac", e.session.MAC,
			"address", e.session.Addr(), "session", e.session.ID)
	}
	return s.finish(ctx, id)
}

// commitLogin is the login's transaction. It may run more than once.
func (s *Service) commitLogin(tx Tx, e *entry) error {
	e.out, e.already, e.renewed = nil, false, false
	if err := refuseBlocked(tx, e.host.MAC); err != nil {
		return err
	}
	var id AccountID
	var al Allowance
	var err error
	if e.claim.Method == MethodVoucher {
		id, al, err = s.useVoucher(tx, e)
	} else {
		id, al, err = s.useUser(tx, e)
	}
	if err != nil {
		return err
	}
	if l, ok := s.ofMAC(e.host.MAC); ok && l.Account == id {
		e.already = true
		return s.stay(tx, e, l.ID, al)
	}
	e.session = Session{
		Account: id, Login: e.claim.Login, MAC: e.host.MAC, Addrs: orderAddrs(e.host.Addrs),
		Started: e.at.now, Provisional: !e.at.believed, Timeout: e.set.SessionMax,
	}
	e.session.Deadline, e.session.DeadlineReason = e.session.deadline(al)
	if err := tx.PutSession(&e.session); err != nil {
		return err
	}
	return tx.PutDevice(Device{MAC: e.host.MAC, Account: id, Login: e.claim.Login, Returning: true})
}

// stay goes on with an open session, whose account may last longer by now.
func (s *Service) stay(tx Tx, e *entry, id uint64, al Allowance) (err error) {
	if e.session, err = tx.Session(id); err != nil {
		return err
	}
	e.session.Deadline, e.session.DeadlineReason = e.session.deadline(al)
	return tx.PutSession(&e.session)
}

// useVoucher applies a voucher's rules and begins its use.
func (s *Service) useVoucher(tx Tx, e *entry) (AccountID, Allowance, error) {
	v, err := tx.Voucher(e.claim.Voucher)
	if errors.Is(err, ErrNotFound) {
		return AccountID{}, Allowance{}, ErrUnknownCode
	}
	if err != nil {
		return AccountID{}, Allowance{}, err
	}
	more, err := s.unflushed(tx, v.Account())
	if err != nil {
		return AccountID{}, Allowance{}, err
	}
	judged := v
	judged.Used = judged.Used.Add(more)
	if refusal := judged.refuse(e.at, e.set); refusal != nil {
		return AccountID{}, Allowance{}, refusal
	}
	out, refusal := v.bind(e.host.MAC, e.set)
	if refusal != nil {
		return AccountID{}, Allowance{}, refusal
	}
	e.out = out
	v.begin(e.at, e.set)
	if v.FirstUse.IsZero() {
		v.FirstUse = e.at.now
	}
	v.LastUse = e.at.now
	for _, m := range out {
		// A device that lost its place must not take it back by itself.
		if err := forgetReturning(tx, m, v.Account()); err != nil {
			return AccountID{}, Allowance{}, err
		}
	}
	return v.Account(), v.Allowance, tx.PutVoucher(&v)
}

// useUser applies the rules of a person's own allowance and begins its use.
func (s *Service) useUser(tx Tx, e *entry) (AccountID, Allowance, error) {
	c := e.claim.User
	if e.claim.Method == MethodEmail {
		if err := refuseNext(tx, e); err != nil {
			return AccountID{}, Allowance{}, err
		}
	}
	u, err := tx.UserByKey(e.claim.Method, c.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		u = User{Method: e.claim.Method, Key: c.Key, Created: e.at.now}
	case err != nil:
		return AccountID{}, Allowance{}, err
	default:
		// What was used until now belongs to the period that may end now.
		for _, l := range s.ofAccount(u.Account()) {
			if _, err := charge(tx, l.ID, l.Used); err != nil {
				return AccountID{}, Allowance{}, err
			}
		}
		if u, err = tx.UserByKey(e.claim.Method, c.Key); err != nil {
			return AccountID{}, Allowance{}, err
		}
	}
	began := u.Started
	if refusal := u.renew(e.at, e.set); refusal != nil {
		return AccountID{}, Allowance{}, refusal
	}
	e.renewed = !began.IsZero() && !u.Started.Equal(began)
	u.Name, u.Email, u.Comments = c.Name, c.Email, c.Comments
	u.Marketing, u.Verified = c.Marketing, u.Verified || c.Verified
	u.MAC, u.LastLogin, u.Modified = e.host.MAC, e.at.now, e.at.now
	u.Visits++
	err = tx.PutUser(&u)
	return u.Account(), u.Allowance, err
}

func forgetReturning(tx Tx, m MAC, a AccountID) error {
	d, err := tx.Device(m)
	if errors.Is(err, ErrNotFound) || err == nil && d.Account != a {
		return nil
	}
	if err != nil {
		return err
	}
	d.Returning = false
	return tx.PutDevice(d)
}

// resolve returns the account that a claim is about; ok is false if it does
// not exist yet.
func (s *Service) resolve(ctx context.Context, c Claim) (id AccountID, ok bool, err error) {
	if c.Method == MethodVoucher {
		return AccountID{MethodVoucher, c.Voucher}, true, nil
	}
	err = s.cfg.Store.View(ctx, func(r Reader) error {
		u, err := r.UserByKey(c.Method, c.User.Key)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		id, ok = u.Account(), err == nil
		return err
	})
	if err != nil {
		return id, false, fmt.Errorf("look up %s user: %w", c.Method, err)
	}
	return id, ok, nil
}

// lockClaim locks the account that a claim is about. One that does not exist
// yet is locked by its future key, so that it is made once.
func (s *Service) lockClaim(ctx context.Context, c Claim) (unlock func(), known bool, err error) {
	key := ""
	for {
		id, ok, err := s.resolve(ctx, c)
		if err != nil {
			if unlock != nil {
				unlock()
			}
			return nil, false, err
		}
		want := "new " + string(c.Method) + " " + c.User.Key
		if ok {
			want = id.String()
		}
		if unlock != nil && want == key {
			return unlock, ok, nil
		}
		if unlock != nil {
			unlock() // it was made meanwhile
		}
		key = want
		unlock = s.accounts.lock(key)
	}
}

// Return lets a known device in again without the form. ok is false, without
// error, when the device must log in.
func (s *Service) Return(ctx context.Context, h Host) (st GuestStatus, ok bool, err error) {
	unlock := s.devices.lock(h.MAC.String())
	defer unlock()
	if _, online := s.ofMAC(h.MAC); online {
		st, err = s.Status(ctx, h)
		return st, err == nil, err
	}
	c, ok, err := s.returning(ctx, h.MAC)
	if err != nil || !ok {
		return GuestStatus{}, false, err
	}
	st, err = s.login(ctx, h, c)
	if code := CodeOf(err); err != nil && code != CodeInternal && code != CodeUnavailable {
		return GuestStatus{}, false, nil
	}
	return st, err == nil, err
}

// returning makes the claim of a device that may return by itself.
func (s *Service) returning(ctx context.Context, m MAC) (c Claim, ok bool, err error) {
	if s.wantsForm(m) {
		return c, false, nil
	}
	set := s.Settings()
	err = s.cfg.Store.View(ctx, func(r Reader) error {
		if err := refuseBlocked(r, m); err != nil {
			return err
		}
		d, err := r.Device(m)
		if errors.Is(err, ErrNotFound) || err == nil && !d.Returning {
			return nil
		}
		if err != nil {
			return err
		}
		c = Claim{Method: d.Account.Method, Login: d.Login}
		switch d.Account.Method {
		case MethodVoucher:
			c.Voucher, ok = d.Account.ID, set.VoucherReturn
		case MethodFree, MethodEmail:
			u, err := r.User(d.Account.Method, d.Account.ID)
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			// Only what is left of a period is given without a click: a new
			// one is asked for.
			if end, limited := u.Expires(); limited && !s.moment().now.Before(end) {
				return nil
			}
			offered := set.LoginFree
			if u.Method == MethodEmail {
				offered = set.LoginEmail
			}
			c.User, ok = u, set.FreeReturn && offered
			return err
		}
		return nil
	})
	if errors.Is(err, ErrBlocked) {
		return Claim{}, false, nil
	}
	if err != nil {
		return Claim{}, false, fmt.Errorf("look up device %s: %w", m, err)
	}
	return c, ok, nil
}

// wantsForm reports whether a session of the device is about to end for a
// reason after which it must log in again, though the store may not know yet.
func (s *Service) wantsForm(m MAC) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.sessions {
		if l.MAC == m && l.ending.wantsForm() {
			return true
		}
	}
	return false
}

// Logout ends a device's session at the guest's wish. Not being logged in is
// no error.
func (s *Service) Logout(ctx context.Context, m MAC) error {
	unlock := s.devices.lock(m.String())
	defer unlock()
	l, ok := s.ofMAC(m)
	if !ok {
		return nil
	}
	return s.endOne(ctx, l, EndLogout)
}

// Kick ends a device's session; it has to log in again. A device that is not
// online is [ErrNotFound].
func (s *Service) Kick(ctx context.Context, m MAC) error {
	unlock := s.devices.lock(m.String())
	defer unlock()
	l, ok := s.ofMAC(m)
	if !ok {
		return &Error{Code: CodeNotFound, Text: fmt.Sprintf("no guest with MAC %s is online", m)}
	}
	at := s.moment()
	row := s.audit(ctx, at, AuditGuestKicked, l.Login, Change{"mac", "", m.String()}, Change{"session", "", strconv.FormatUint(l.ID, 10)})
	s.mu.Lock()
	// One whose end is decided by now was not kicked.
	if now := s.sessions[l.ID]; now != nil && now.ending == "" {
		now.ending, now.endedAt, now.audit = EndKicked, at.now, &row
	}
	s.mu.Unlock()
	return s.endOne(ctx, l, EndKicked)
}

// Status tells a guest how it stands.
func (s *Service) Status(ctx context.Context, h Host) (GuestStatus, error) {
	m := s.moment()
	if _, ok := s.ofMAC(h.MAC); ok {
		s.freshen(ctx)
	}
	if l, ok := s.ofMAC(h.MAC); ok {
		g, err := s.guest(ctx, l, m)
		if err != nil {
			return GuestStatus{}, err
		}
		st := GuestStatus{Online: true, Guest: g, TimeLimited: !l.Deadline.IsZero()}
		if st.TimeLimited {
			st.TimeLeft = max(l.Deadline.Sub(m.now), 0)
		}
		return st, nil
	}
	var st GuestStatus
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		if err := refuseBlocked(r, h.MAC); err != nil {
			return err
		}
		d, err := old(r.Device(h.MAC))
		st.Why = d.why()
		return err
	})
	if errors.Is(err, ErrBlocked) {
		st.Why, err = ErrBlocked, nil
	}
	if err != nil {
		return GuestStatus{}, fmt.Errorf("look up device %s: %w", h.MAC, err)
	}
	return st, nil
}

// endErrors tell a guest why its last session ended. A logout needs no telling.
var endErrors = map[Reason]Error{
	EndIdle:        {Code: CodeIdle, Text: "nothing was sent or received for a while"},
	EndTimeout:     {Code: CodeTimeout, Text: "the session was as long as a session may be"},
	EndExpired:     {Code: CodeTimeUsed, Text: "your time is used up"},
	EndDownload:    {Code: CodeDownloadUsed, Text: "the download limit is used up"},
	EndUpload:      {Code: CodeUploadUsed, Text: "the upload limit is used up"},
	EndData:        {Code: CodeDataUsed, Text: "the data limit is used up"},
	EndKicked:      {Code: CodeKicked, Text: "the operator ended the session"},
	EndRemoved:     {Code: CodeRemoved, Text: "the voucher was removed"},
	EndDisabled:    {Code: CodeDisabled, Text: "the voucher was disabled"},
	EndReplaced:    {Code: CodeReplaced, Text: "another device took over the voucher"},
	EndNotYetValid: {Code: CodeNotYetValid, Text: "the voucher is not valid yet"},
}

func (d Device) why() *Error {
	e, ok := endErrors[d.LastReason]
	if !ok {
		return nil
	}
	e.When = d.LastEnd
	return &e
}

// orderAddrs puts IPv4 first, as lists show one address, and bounds the number.
func orderAddrs(addrs []netip.Addr) []netip.Addr {
	out := slices.Clone(addrs)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Is4() && !out[j].Is4() })
	return slices.Clip(out[:min(len(out), maxAddrs)])
}

// guest describes a live session.
func (s *Service) guest(ctx context.Context, l live, m moment) (Guest, error) {
	g := s.describe(l)
	if err := s.cfg.Store.View(ctx, func(r Reader) error { return s.fill(r, &g) }); err != nil {
		return Guest{}, err
	}
	return g, nil
}

func (s *Service) describe(l live) Guest {
	mono := s.cfg.Clock.Read().Mono
	g := Guest{Session: l.Session, Uptime: max(mono-l.began, 0).Truncate(time.Second), Idle: max(mono-l.lastActive, 0).Truncate(time.Second), Rate: l.pace.rate()}
	if h, ok := s.cfg.Hosts.ByMAC(l.MAC); ok {
		g.Host, g.Name = h, h.Name
	} else {
		g.Host.MAC = l.MAC
	}
	return g
}
