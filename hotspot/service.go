package hotspot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// maxAddrs bounds the addresses of one session: a device makes a new IPv6
// privacy address every day, and a hostile one as many as it likes.
const maxAddrs = 20

// Config is what a [Service] is made of. No field may be nil.
type Config struct {
	Store Store
	Gate  Gate
	Hosts Hosts
	Clock Clock
	Rand  io.Reader // cryptographic; codes and names are drawn from it
	Log   *slog.Logger
	Zone  *time.Location // the venue's, for messages to guests
}

// Service applies the rules. It is safe for concurrent use.
//
// The store is the truth. Whatever changes is committed there first; then the
// gate is told, by account, what it shall hold ([Service.reconcile]). If that
// fails, the account stays dirty and the next [Service.Poll] tries again.
// Ending a session goes the other way about: the gate stops it, its last bytes
// are read and committed, and only then does the gate forget them, so that a
// power cut at any point loses nothing.
type Service struct {
	cfg Config
	log *slog.Logger

	events     *eventStore                   // cfg.Store is it
	zone       atomic.Pointer[time.Location] // cfg.Zone at first
	settings   atomic.Pointer[Settings]
	logo       atomic.Pointer[Logo] // nil: none
	settingsMu sync.Mutex           // orders SetSetting and SetLogo

	// accounts and devices order changes to one account and to one device. A
	// device's lock is taken first; no account's lock is taken under another's,
	// but those of one bulk change in order of id.
	accounts keyed
	devices  keyed

	undos undos // what can be taken back

	// setting orders what the gate is told: a pass that names an address must
	// not overtake a later one that names it for another device. It is held
	// while a pass is built and set, and nothing is locked under it but mu.
	setting sync.Mutex

	// era is read-held while something is judged by the time and stored, and
	// write-held while the time and all that depends on it move.
	era sync.RWMutex

	mu       sync.Mutex // guards all below; never held during I/O
	time     timekeeper
	sessions map[uint64]*live
	byMAC    map[MAC]*live
	byOwner  map[AccountID]map[uint64]*live
	dirty    map[AccountID]struct{}
	suspect  map[AccountID]struct{} // a quota may be used up: to be judged under the account's lock
	afresh   map[AccountID]struct{} // whose quotas must begin anew in the gate
	stepped  time.Duration          // boot clock when the time was corrected by much
	pending  map[uint64]struct{}    // closed sessions that the gate must still forget
	departed departures
	readAt   time.Duration // boot clock when the meters were read last
	markedAt time.Duration // boot clock when the time was stored last
	through  uint64        // the newest login counted in a day
	forgot   bool          // users were looked through for those to be deleted,
	forgotAt time.Duration // at this time of the boot clock
	meter    meter
}

// live is an open session.
type live struct {
	Session // Used is what the gate counted last
	// ending: the session is over, whatever the gate or the store still say.
	ending     Reason
	endedAt    time.Time
	lastActive time.Duration // boot clock at the last byte seen
	began      time.Duration // boot clock at the login, possibly negative
	audit      *AuditRow     // to be stored with the end; may be nil
	pace       pace
}

// New returns a service; [Service.Start] must run before anything else.
func New(cfg Config) *Service {
	s := &Service{
		cfg:      cfg,
		log:      cfg.Log.With("component", "hotspot"),
		sessions: make(map[uint64]*live),
		byMAC:    make(map[MAC]*live),
		byOwner:  make(map[AccountID]map[uint64]*live),
		dirty:    make(map[AccountID]struct{}),
		suspect:  make(map[AccountID]struct{}),
		afresh:   make(map[AccountID]struct{}),
		pending:  make(map[uint64]struct{}),
		departed: make(departures),
	}
	def := DefaultSettings()
	s.settings.Store(&def)
	s.events = newEventStore(s, countStore{cfg.Store, s})
	s.cfg.Store = s.events
	s.zone.Store(cfg.Zone)
	s.time = newTimekeeper(ClockMark{}, cfg.Clock.Read())
	return s
}

// Zone is the venue's time zone.
func (s *Service) Zone() *time.Location { return s.zone.Load() }

// SetZone changes the venue's time zone. Moments that are stored stay as they
// are.
func (s *Service) SetZone(z *time.Location) { s.zone.Store(z) }

// Now returns the house's time, in the venue's zone, and whether it can be
// believed.
func (s *Service) Now() (t time.Time, believed bool) {
	m := s.moment()
	return m.now.In(s.Zone()), m.believed
}

func (s *Service) moment() moment {
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.momentLocked(r)
}

func (s *Service) momentLocked(r Reading) moment {
	return moment{s.time.now(r).Truncate(time.Microsecond), s.time.believed}
}

// carryThrough is how long a change that was committed may take to reach the
// gate after its caller has gone.
const carryThrough = 30 * time.Second

// detach lets a committed change be carried through although its caller hangs
// up: a phone that closes its page must not leave half a login.
func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), carryThrough)
}

// Identify returns the device on the guest network that holds an address, or
// [ErrUnknownDevice].
func (s *Service) Identify(a netip.Addr) (Host, error) {
	h, ok := s.cfg.Hosts.ByAddr(a.Unmap().WithZone(""))
	if !ok || h.MAC.IsZero() {
		return Host{}, ErrUnknownDevice
	}
	if !slices.Contains(h.Addrs, a) {
		h.Addrs = append(slices.Clone(h.Addrs), a)
	}
	return h, nil
}

// add takes a session among the live ones. The caller holds mu.
func (s *Service) add(l *live) {
	s.sessions[l.ID] = l
	s.byMAC[l.MAC] = l
	own := s.byOwner[l.Account]
	if own == nil {
		own = make(map[uint64]*live)
		s.byOwner[l.Account] = own
	}
	own[l.ID] = l
	s.cfg.Hosts.Keep(l.MAC, true)
}

// drop removes a session from the live ones. The caller holds mu.
func (s *Service) drop(l *live) {
	delete(s.sessions, l.ID)
	if s.byMAC[l.MAC] == l {
		delete(s.byMAC, l.MAC)
		s.cfg.Hosts.Keep(l.MAC, false)
	}
	own := s.byOwner[l.Account]
	delete(own, l.ID)
	if len(own) == 0 {
		delete(s.byOwner, l.Account)
	}
}

// ofAccount returns copies of an account's live sessions, in order of id.
func (s *Service) ofAccount(a AccountID) []live {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ofAccountLocked(a)
}

func (s *Service) ofAccountLocked(a AccountID) []live {
	out := make([]live, 0, len(s.byOwner[a]))
	for _, l := range s.byOwner[a] {
		c := *l
		c.Addrs = slices.Clone(l.Addrs)
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// ofMAC returns a copy of a device's live session that is not ending.
func (s *Service) ofMAC(m MAC) (live, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byMAC[m]
	if l == nil || l.ending != "" {
		return live{}, false
	}
	c := *l
	c.Addrs = slices.Clone(l.Addrs)
	return c, true
}

func compareID(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// allowance reads an account's allowance from the store.
func allowance(r Reader, a AccountID) (Allowance, error) {
	al, _, err := holder(r, a)
	return al, err
}

// holder is allowance with the name of whose it is.
func holder(r Reader, a AccountID) (Allowance, string, error) {
	if a.Method == MethodVoucher {
		v, err := r.Voucher(a.ID)
		return v.Allowance, v.FullName, err
	}
	u, err := r.User(a.Method, a.ID)
	return u.Allowance, u.Name, err
}

// current is an account's allowance with the bytes not yet flushed.
func (s *Service) current(r Reader, a AccountID) (Allowance, error) {
	al, err := allowance(r, a)
	if err != nil {
		return al, err
	}
	more, err := s.unflushed(r, a)
	al.Used = al.Used.Add(more)
	return al, err
}

// reconcile tells the gate what it shall hold of some accounts, whose locks the
// caller holds. On error they are dirty and will be tried again.
func (s *Service) reconcile(ctx context.Context, accounts ...AccountID) error {
	s.setting.Lock()
	defer s.setting.Unlock()
	s.mu.Lock()
	for _, a := range accounts {
		delete(s.dirty, a) // what happens from here on makes it dirty again
	}
	s.mu.Unlock()
	passes, err := s.passes(ctx, accounts)
	if err == nil {
		// A running quota keeps its count; taking the pass away ends it.
		if anew := s.beginAnew(accounts); len(anew) > 0 {
			err = s.cfg.Gate.Set(ctx, anew...)
		}
	}
	if err == nil {
		err = s.cfg.Gate.Set(ctx, passes...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range accounts {
		if err != nil {
			s.dirty[a] = struct{}{}
		} else {
			delete(s.afresh, a)
		}
	}
	if err != nil {
		return &Error{Code: CodeUnavailable, Text: "the network did not take the change; it will be tried again", Err: err}
	}
	return nil
}

// beginAnew returns empty passes of those accounts whose quotas begin anew.
func (s *Service) beginAnew(accounts []AccountID) (empty []Pass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range accounts {
		if _, ok := s.afresh[a]; ok {
			empty = append(empty, Pass{Account: a})
		}
	}
	return empty
}

// passes builds what the gate shall hold of some accounts.
func (s *Service) passes(ctx context.Context, accounts []AccountID) ([]Pass, error) {
	passes := make([]Pass, 0, len(accounts))
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		passes = passes[:0]
		for _, a := range accounts {
			p := Pass{Account: a, Grants: s.grants(a)}
			if len(p.Grants) > 0 {
				al, err := s.current(r, a)
				if errors.Is(err, ErrNotFound) { // nobody may be on what is not there
					for _, g := range p.Grants {
						s.markEnding(EndRemoved, g.Session)
					}
					p.Grants, err = nil, nil
				}
				if err != nil {
					return fmt.Errorf("account %s: %w", a, err)
				}
				p.Limit, p.LimitTotal, p.Used = al.Limit, al.LimitTotal, al.Used
			}
			passes = append(passes, p)
		}
		return nil
	})
	return passes, err
}

// grants are an account's grants now. Deadlines and the time that they are
// measured by move together, so they are read together.
func (s *Service) grants(a AccountID) (out []Grant) {
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.momentLocked(r)
	for _, l := range s.ofAccountLocked(a) {
		if g, ok := l.grant(m); ok {
			out = append(out, g)
		}
	}
	return out
}

// grant is what the gate is told of a session; ok is false if it must not pass.
func (l *live) grant(m moment) (g Grant, ok bool) {
	g = Grant{Session: l.ID, MAC: l.MAC, Addrs: l.Addrs, Used: l.Used}
	if l.ending != "" {
		return g, false
	}
	if !l.Deadline.IsZero() {
		g.Left = l.Deadline.Sub(m.now)
		if g.Left <= 0 {
			return g, false
		}
	}
	return g, true
}
