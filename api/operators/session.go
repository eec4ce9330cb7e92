package operators

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// idleMax is how long a session lasts without use.
	idleMax = 12 * time.Hour
	// freshFor is how long after a sign-in, or after the password was entered
	// again, a session may do what needs that.
	freshFor = 15 * time.Minute
	// maxSessions bounds the sessions of one operator; beyond it the one that was
	// not used for longest ends.
	maxSessions = 20
	maxAgent    = 120 // characters

	cookieBytes = 32
)

// sessionRecord is a session as it is stored. Times are milliseconds.
type sessionRecord struct {
	Operator string `json:"operator"`
	Hash     []byte `json:"hash"` // SHA-256 of what the cookie holds
	Version  uint32 `json:"version"`
	Created  int64  `json:"created"`
	Seen     int64  `json:"seen"`
	From     string `json:"from,omitzero"`
	Agent    string `json:"agent,omitzero"`
}

// session is a session as it is in use.
type session struct {
	id       api.ID
	operator api.ID
	hash     [sha256.Size]byte
	from     netip.Addr
	sessionRecord
	lifetime

	// On the clock that nobody sets; guarded by the mutex of Operators.
	began, seen time.Duration
	confirmed   time.Duration // zero: not in this run
}

//go:noinline // it takes much code where it is called
func (s *session) secret() string { return sessionSecret + s.id.String() }

func (s *session) expired(mono time.Duration) bool {
	return mono-s.seen >= idleMax || mono-s.began >= api.SessionMax
}

func (s *session) fresh(mono time.Duration) bool {
	return s.confirmed != 0 && mono-s.confirmed < freshFor
}

func readSession(name string, b []byte, now time.Time, mono time.Duration) (*session, error) {
	id, err := api.ParseID(strings.TrimPrefix(name, sessionSecret))
	if err != nil {
		return nil, err
	}
	s := &session{id: id}
	if err := json.Unmarshal(b, &s.sessionRecord); err != nil {
		return nil, err
	}
	if s.operator, err = api.ParseID(s.Operator); err != nil {
		return nil, err
	}
	if len(s.Hash) != len(s.hash) {
		return nil, fmt.Errorf("a hash of %d bytes", len(s.Hash))
	}
	copy(s.hash[:], s.Hash)
	s.from, _ = netip.ParseAddr(s.From)
	// A time in the future was read from a clock that was wrong.
	ago := func(ms int64) time.Duration { return max(0, now.Sub(time.UnixMilli(ms))) }
	s.began, s.seen = mono-ago(s.Created), mono-ago(s.Seen)
	return s, nil
}

// newCookie returns the value of a new cookie, and its hash.
func newCookie() (string, [sha256.Size]byte) {
	b := make([]byte, cookieBytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b), sha256.Sum256(b)
}

// readCookie returns the hash of what a cookie holds.
func readCookie(value string) (hash [sha256.Size]byte, ok bool) {
	if len(value) != base64.RawURLEncoding.EncodedLen(cookieBytes) {
		return hash, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(b) != cookieBytes {
		return hash, false
	}
	return sha256.Sum256(b), true
}

// newSession makes a session of an operator, not kept yet.
func (o *Operators) newSession(p *person, from netip.Addr, agent string) (*session, string) {
	cookie, hash := newCookie()
	now, _ := o.now()
	mono := o.cfg.Mono()
	return &session{
		id: api.NewID(), operator: p.id, hash: hash, from: from, began: mono, seen: mono, confirmed: max(mono, 1),
		sessionRecord: sessionRecord{Operator: p.id.String(), Hash: hash[:], Version: p.Version, Created: now.UnixMilli(),
			Seen: now.UnixMilli(), From: text(from), Agent: clipAgent(agent)},
	}, cookie
}

func clipAgent(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > maxAgent {
		s = string(r[:maxAgent-1]) + "…"
	}
	return s
}

// find returns the session that a cookie opens, or nil. The caller holds mu.
func (o *Operators) find(cookie string) *session {
	hash, ok := readCookie(cookie)
	if !ok {
		return nil
	}
	s := o.sessions[hash]
	if s == nil || s.expired(o.cfg.Mono()) || o.people[s.operator] == nil {
		return nil
	}
	return s
}

// Session returns who is signed in with a cookie. used says that somebody does
// something, so that the session goes on. A cookie that opens nothing is
// [api.ErrWrongKey].
func (o *Operators) Session(ctx context.Context, cookie string, from netip.Addr, used bool) (*api.Principal, error) {
	if err := o.load(ctx); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.find(cookie)
	if s == nil {
		return nil, api.ErrWrongKey
	}
	if used {
		s.seen = o.cfg.Mono()
	}
	return o.principalOf(s, from), nil
}

// principalOf returns who is signed in with a session. The caller holds mu.
func (o *Operators) principalOf(s *session, from netip.Addr) *api.Principal {
	p := o.people[s.operator].principal(from)
	p.Session, p.Life = s.id, s.ctx
	return p
}

// Fresh reports whether a caller has entered the password a short while ago.
func (o *Operators) Fresh(by *api.Principal) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.sessionByID(by.Session)
	return s != nil && s.operator == by.ID && s.fresh(o.cfg.Mono())
}

// sessionByID returns a session, or nil. The caller holds mu.
func (o *Operators) sessionByID(id api.ID) *session {
	for _, s := range o.sessions {
		if s.id == id {
			return s
		}
	}
	return nil
}

// sessionsOf returns an operator's sessions that go on, the one used last
// first. The caller holds mu.
func (o *Operators) sessionsOf(id api.ID) []*session {
	var out []*session
	mono := o.cfg.Mono()
	for _, s := range o.sessions {
		if s.operator == id && !s.expired(mono) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *session) int {
		return cmp.Or(cmp.Compare(b.seen, a.seen), cmp.Compare(b.began, a.began), strings.Compare(a.id.String(), b.id.String()))
	})
	return out
}

// Sessions lists an operator's sessions, the one used last first.
func (o *Operators) Sessions(ctx context.Context, by *api.Principal, id api.ID) ([]api.Session, error) {
	if _, err := o.person(ctx, id); err != nil {
		return nil, hidden(by, id, err)
	}
	if err := o.mayEnd(by, id); err != nil {
		return nil, err
	}
	now, _ := o.now()
	mono := o.cfg.Mono()
	o.mu.Lock()
	defer o.mu.Unlock()
	out := []api.Session{}
	for _, s := range o.sessionsOf(id) {
		out = append(out, api.Session{
			ID: s.id, Operator: id, Created: now.Add(s.began - mono), LastSeen: now.Add(s.seen - mono),
			From: s.from, Agent: s.Agent, Current: by.Session == s.id,
		})
	}
	return out, nil
}

// EndSession ends one of an operator's sessions; the zero id stands for all but
// the one that asks. It returns how many ended.
func (o *Operators) EndSession(ctx context.Context, by *api.Principal, id, which api.ID) (int, error) {
	p, err := o.person(ctx, id)
	if err != nil {
		return 0, hidden(by, id, err)
	}
	if err := o.mayEnd(by, id); err != nil {
		return 0, err
	}
	if err := o.begin(ctx); err != nil {
		return 0, err
	}
	defer o.end()
	o.mu.Lock()
	doomed := slices.DeleteFunc(o.sessionsOf(id), func(s *session) bool {
		if which == (api.ID{}) {
			return s.id == by.Session
		}
		return s.id != which
	})
	o.mu.Unlock()
	ctx = api.WithPrincipal(ctx, by)
	if len(doomed) == 0 && which != (api.ID{}) {
		return 0, &hotspot.Error{Code: hotspot.CodeNotFound, Field: "session", Text: "the operator has no such session"}
	}
	if len(doomed) == 0 {
		return 0, nil
	}
	err = o.update(ctx, func(tx hotspot.Tx) error {
		if err := deleteSessions(tx, doomed); err != nil {
			return err
		}
		return o.audit(ctx, tx, hotspot.AuditSessionsEnded, p.label(), hotspot.Change{Field: "sessions", New: fmt.Sprint(len(doomed))})
	})
	if err != nil {
		return 0, err
	}
	o.dropSessions(doomed)
	return len(doomed), nil
}

// SignOut ends the session of a cookie. One that opens nothing is no error.
func (o *Operators) SignOut(ctx context.Context, cookie string) error {
	if err := o.load(ctx); err != nil {
		return err
	}
	if err := o.begin(ctx); err != nil {
		return err
	}
	defer o.end()
	o.mu.Lock()
	s := o.find(cookie)
	o.mu.Unlock()
	if s == nil {
		return nil
	}
	p, err := o.person(ctx, s.operator)
	if err != nil {
		return err
	}
	if api.PrincipalOf(ctx).Kind == "" {
		ctx = api.WithPrincipal(ctx, p.principal(s.from))
	}
	err = o.update(ctx, func(tx hotspot.Tx) error {
		if err := deleteSessions(tx, []*session{s}); err != nil {
			return err
		}
		return o.audit(ctx, tx, hotspot.AuditSignedOut, p.label())
	})
	if err == nil {
		o.dropSessions([]*session{s})
	}
	return err
}

//go:noinline // it takes much code where it is called
func deleteSessions(tx hotspot.Tx, list []*session) error {
	for _, s := range list {
		if err := tx.DeleteSecret(s.secret()); err != nil {
			return err
		}
	}
	return nil
}

// dropSessions forgets sessions that were deleted, and ends what goes on under
// them.
func (o *Operators) dropSessions(list []*session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range list {
		delete(o.sessions, s.hash)
		s.finish()
	}
}
