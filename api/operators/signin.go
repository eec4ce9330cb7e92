package operators

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// halfFor is how long after the password the code may follow.
	halfFor   = 5 * time.Minute
	maxHalves = 64
	maxTries  = 5 // codes per password
)

// half is somebody who has shown the password and must still show a code.
type half struct {
	operator api.ID
	version  uint32
	until    time.Duration
	tries    int
	in       api.SignIn // without the password
	renewed  string     // a hash with as much work as is due now; may be empty
}

// SignIn returns an operator as a principal, for an access token. An unknown
// address and a wrong password are both [api.ErrWrongKey], after the same work;
// so is an operator whom a code is asked of, since nobody is there to enter it:
// such an operator gives programs API keys.
func (o *Operators) SignIn(ctx context.Context, email, password string, from netip.Addr) (*api.Principal, error) {
	p, _, err := o.check(ctx, email, password, from)
	if err != nil {
		return nil, err
	}
	if len(p.TOTP) > 0 {
		o.cfg.Log.Info("an access token was asked for by password, for an operator who must show a code", slog.String("operator", p.id.String()))
		return nil, api.ErrWrongKey
	}
	return p.principal(from), nil
}

// check finds the operator who has an e-mail address and a password. renewed is
// another hash of the password, if more or less work is due by now.
func (o *Operators) check(ctx context.Context, email, password string, from netip.Addr) (p *person, renewed string, err error) {
	if err := o.load(ctx); err != nil {
		return nil, "", err
	}
	email = normalEmail(email)
	o.mu.Lock()
	p = o.byEmail(email)
	decoy := o.decoy()
	o.mu.Unlock()
	settle, err := o.countAttempt(p, email, from)
	if err != nil {
		return nil, "", err
	}
	if err := o.hasher.begin(ctx); err != nil {
		settle()
		if errors.Is(err, errBusy) {
			err = &api.WaitError{For: time.Second}
		}
		return nil, "", err
	}
	defer o.hasher.end()
	hash := decoy
	if p != nil {
		hash = p.Password
	}
	if hash == "" {
		hash = formatHash(o.hasher.work(), make([]byte, saltSize), make([]byte, keySize))
	}
	right := len(password) <= maxPassword && o.hasher.matches(password, hash)
	if p == nil || !right {
		o.cfg.Log.Warn("somebody could not sign in", slog.String("from", from.String()))
		return nil, "", api.ErrWrongKey
	}
	settle()
	target := o.hasher.target(decoy)
	if w, _, err := parseHash(hash); err == nil && w != target {
		renewed = o.hasher.hash(password, target)
	}
	return o.still(p, renewed)
}

// still returns an operator as it is now, if the password that was checked is
// still its own.
func (o *Operators) still(was *person, renewed string) (*person, string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.people[was.id]; p != nil && p.Version == was.Version {
		return p, renewed, nil
	}
	return nil, "", api.ErrWrongKey
}

// decoy returns the hash that the passwords of unknown addresses are compared
// with, so that they take as much work: the oldest operator's. The caller holds
// mu.
func (o *Operators) decoy() string {
	var oldest *person
	for _, p := range o.people {
		if oldest == nil || p.Created < oldest.Created {
			oldest = p
		}
	}
	if oldest == nil {
		return ""
	}
	return oldest.Password
}

// countAttempt holds an attempt against its source and its account, or says to
// wait. settle takes that back.
func (o *Operators) countAttempt(p *person, email string, from netip.Addr) (settle func(), err error) {
	if err := o.limits.attempt(o.limits.bySource, from); err != nil {
		return nil, err
	}
	if p != nil && o.limits.knows(p.id, from) {
		return func() { o.limits.bySource.Forgive(from) }, nil
	}
	account := accountKey(email)
	if err := o.limits.attempt(o.limits.byAccount, account); err != nil {
		o.limits.bySource.Forgive(from)
		return nil, err
	}
	return func() {
		o.limits.bySource.Forgive(from)
		o.limits.byAccount.Forgive(account)
	}, nil
}

// Open signs somebody in to a browser. The cookie is always a new one, so that
// nobody can prepare it; the session of the one that the browser had ends.
func (o *Operators) Open(ctx context.Context, in api.SignIn) (api.Ticket, error) {
	p, renewed, err := o.check(ctx, in.Email, in.Password, in.From)
	if err != nil {
		return api.Ticket{}, err
	}
	in.Password = ""
	if len(p.TOTP) > 0 {
		return api.Ticket{Cookie: o.addHalf(&half{operator: p.id, version: p.Version, in: in, renewed: renewed}), NeedsCode: true}, nil
	}
	return o.open(ctx, p.id, p.Version, in, renewed, nil)
}

// addHalf keeps somebody who must still show a code.
func (o *Operators) addHalf(h *half) string {
	cookie, hash := newCookie()
	o.mu.Lock()
	defer o.mu.Unlock()
	h.until = o.cfg.Mono() + halfFor
	if len(o.halves) >= maxHalves {
		var first [sha256.Size]byte
		for k, other := range o.halves {
			if o.halves[first] == nil || other.until < o.halves[first].until {
				first = k
			}
		}
		delete(o.halves, first)
	}
	o.halves[hash] = h
	return cookie
}

// Code finishes a sign-in with a code of the authenticator app, or a recovery
// code. A wrong one, or a cookie that does not wait for one, is
// [api.ErrWrongKey]; [Operators.AwaitsCode] tells whether another try counts.
func (o *Operators) Code(ctx context.Context, cookie, code string, from netip.Addr) (api.Ticket, error) {
	if err := o.load(ctx); err != nil {
		return api.Ticket{}, err
	}
	h := o.takeTry(cookie)
	if h == nil {
		return api.Ticket{}, api.ErrWrongKey
	}
	settle, err := o.countCode(h.operator, code, from)
	if err != nil {
		return api.Ticket{}, err
	}
	in := h.in
	in.From = from
	t, err := o.open(ctx, h.operator, h.version, in, h.renewed, o.useCode(h.operator, code))
	if err == nil {
		settle()
		o.dropHalf(cookie)
	}
	return t, err
}

// AwaitsCode reports whether a cookie waits for a code.
func (o *Operators) AwaitsCode(cookie string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.halfOf(cookie) != nil
}

// halfOf returns what a cookie waits for, or nil. The caller holds mu.
func (o *Operators) halfOf(cookie string) *half {
	hash, ok := readCookie(cookie)
	h := o.halves[hash]
	if !ok || h == nil {
		return nil
	}
	if h.tries >= maxTries || o.cfg.Mono() >= h.until {
		delete(o.halves, hash)
		return nil
	}
	return h
}

func (o *Operators) takeTry(cookie string) *half {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.halfOf(cookie)
	if h == nil {
		return nil
	}
	h.tries++
	is := *h
	return &is
}

func (o *Operators) dropHalf(cookie string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if hash, ok := readCookie(cookie); ok {
		delete(o.halves, hash)
	}
}

// countCode is countAttempt for codes. Recovery codes cannot be guessed, so they
// open also while somebody guesses at the others.
func (o *Operators) countCode(id api.ID, code string, from netip.Addr) (settle func(), err error) {
	if err := o.limits.attempt(o.limits.bySource, from); err != nil {
		return nil, err
	}
	if _, recovery := recoveryHash(code); recovery {
		return func() { o.limits.bySource.Forgive(from) }, nil
	}
	account := accountKey(id.String())
	if err := o.limits.attempt(o.limits.byCode, account); err != nil {
		return nil, err
	}
	return func() {
		o.limits.bySource.Forgive(from)
		o.limits.byCode.Forgive(account)
	}, nil
}

// useCode returns what uses a code up, in turn.
func (o *Operators) useCode(id api.ID, code string) func(*record) (hotspot.Action, error) {
	return func(rec *record) (hotspot.Action, error) {
		if i := findRecovery(rec.Recovery, code); i >= 0 {
			rec.Recovery = slices.Delete(slices.Clone(rec.Recovery), i, i+1)
			return hotspot.AuditRecoveryUsed, nil
		}
		secret, err := o.unseal(id, rec.TOTP)
		if err != nil {
			o.cfg.Log.Error("the secret of an authenticator app cannot be read; turn it off with vouchsafe operator totp-off", slog.String("operator", id.String()))
			return "", api.ErrWrongKey
		}
		now, _ := o.cfg.Now()
		step, ok := checkTOTP(secret, code, now, rec.Step)
		if !ok {
			return "", api.ErrWrongKey
		}
		rec.Step = step
		return "", nil
	}
}

// open begins a session, in one transaction with all that belongs to it. use
// may change the record, or refuse.
func (o *Operators) open(ctx context.Context, id api.ID, version uint32, in api.SignIn, renewed string, use func(*record) (hotspot.Action, error)) (api.Ticket, error) {
	if err := o.begin(ctx); err != nil {
		return api.Ticket{}, err
	}
	defer o.end()
	o.mu.Lock()
	p := o.people[id]
	previous := o.find(in.Previous)
	o.mu.Unlock()
	if p == nil || p.Version != version {
		return api.Ticket{}, api.ErrWrongKey
	}
	now, _ := o.now()
	next := *p
	next.Seen, next.From = now.UnixMilli(), text(in.From)
	if renewed != "" {
		next.Password = renewed
	}
	actions := []hotspot.Action{hotspot.AuditSignedIn}
	if use != nil {
		also, err := use(&next.record)
		if err != nil {
			return api.Ticket{}, err
		}
		if also != "" {
			actions = append(actions, also)
		}
	}
	s, cookie := o.newSession(p, in.From, in.Agent)
	doomed := o.overflow(id, previous)
	ctx = api.WithPrincipal(ctx, p.principal(in.From))
	err := o.update(ctx, func(tx hotspot.Tx) error {
		if err := errors.Join(deleteSessions(tx, doomed), putJSON(tx, s.secret(), s.sessionRecord), putJSON(tx, p.secret(), next.record)); err != nil {
			return err
		}
		for _, a := range actions {
			if err := o.audit(ctx, tx, a, p.label()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return api.Ticket{}, err
	}
	o.dropSessions(doomed)
	o.limits.remember(id, in.From)
	o.mu.Lock()
	defer o.mu.Unlock()
	s.lifetime = newLifetime(next.ctx)
	o.people[id], o.sessions[s.hash] = &next, s
	return api.Ticket{Cookie: cookie, Principal: o.principalOf(s, in.From)}, nil
}

// overflow returns the sessions that end because another one begins: the one
// that the browser had, those that are over, and those that are too many.
func (o *Operators) overflow(id api.ID, previous *session) (doomed []*session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if previous != nil {
		doomed = append(doomed, previous)
	}
	mono, n := o.cfg.Mono(), 0
	for _, s := range o.sessions {
		if s != previous && s.expired(mono) {
			doomed = append(doomed, s)
		}
	}
	for _, s := range o.sessionsOf(id) {
		if s == previous {
			continue
		}
		if n++; n >= maxSessions {
			doomed = append(doomed, s)
		}
	}
	return doomed
}

// Confirm lets an operator who is signed in enter the password again, for what
// needs that. The cookie is a new one, for the same session.
func (o *Operators) Confirm(ctx context.Context, cookie, password string, from netip.Addr) (api.Ticket, error) {
	if err := o.load(ctx); err != nil {
		return api.Ticket{}, err
	}
	o.mu.Lock()
	s := o.find(cookie)
	var p *person
	if s != nil {
		p = o.people[s.operator]
	}
	o.mu.Unlock()
	if s == nil {
		return api.Ticket{}, api.ErrWrongKey
	}
	checked, _, err := o.check(ctx, p.Email, password, from)
	if err != nil {
		return api.Ticket{}, err
	}
	if checked.id != p.id { // the address is another operator's by now
		return api.Ticket{}, api.ErrWrongKey
	}
	return o.rotate(ctx, cookie, from)
}

// rotate gives a session another cookie, and notes that it is confirmed.
func (o *Operators) rotate(ctx context.Context, cookie string, from netip.Addr) (api.Ticket, error) {
	if err := o.begin(ctx); err != nil {
		return api.Ticket{}, err
	}
	defer o.end()
	o.mu.Lock()
	was := o.find(cookie)
	var next session
	if was != nil {
		next = *was
	}
	o.mu.Unlock()
	if was == nil {
		return api.Ticket{}, api.ErrWrongKey
	}
	fresh, hash := newCookie()
	next.hash, next.Hash = hash, hash[:]
	if err := o.update(ctx, func(tx hotspot.Tx) error { return putJSON(tx, next.secret(), next.sessionRecord) }); err != nil {
		return api.Ticket{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	next.seen = o.cfg.Mono()
	next.Created, next.Seen = was.Created, was.Seen
	next.confirmed = max(next.seen, 1)
	delete(o.sessions, was.hash)
	o.sessions[hash] = &next
	return api.Ticket{Cookie: fresh, Principal: o.principalOf(&next, from)}, nil
}
