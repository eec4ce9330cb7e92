package netctl

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// State mirrors what a gate holds. It is not safe for concurrent use.
type State struct {
	elems    map[Key]element
	owners   map[netip.Addr]SessionKey
	accounts map[hotspot.AccountID]*account
	sessions map[uint64][]*session // nearly always one
	// trash are objects that nothing needs but that the gate would not drop.
	trash map[string]Kind
}

// element is one element of a map.
type element struct {
	session  SessionKey
	object   string
	deadline time.Duration // when it ends; 0: never
}

// account is what is held of an account.
type account struct {
	quotas   [3]quota // by slot
	sessions map[uint64]*session
}

// quota is held if it has a name.
type quota struct {
	name     string
	limit    uint64 // 0 = unlimited
	base     uint64 // the count it started from
	seen     uint64 // the last count read before it was used up
	depleted bool   // as last read
}

// session is a meter, open while it is granted.
type session struct {
	key    SessionKey
	open   bool
	meters [2]string // names of the counters, by slot of the direction
	keys   []Key     // of its elements
}

// directions lists both, each at its slot.
var directions = [2]hotspot.Direction{hotspot.Down, hotspot.Up}

// quotaKinds lists what quotas are of, each at its slot.
var quotaKinds = [3]hotspot.Direction{hotspot.Down, hotspot.Up, hotspot.Total}

func slot(d hotspot.Direction) int {
	switch d {
	case hotspot.Up:
		return 1
	case hotspot.Total:
		return 2
	}
	return 0
}

// NewState returns the mirror of an empty gate.
func NewState() *State {
	return &State{
		elems:    make(map[Key]element),
		owners:   make(map[netip.Addr]SessionKey),
		accounts: make(map[hotspot.AccountID]*account),
		sessions: make(map[uint64][]*session),
		trash:    make(map[string]Kind),
	}
}

// Apply records that the gate has carried out ops. now is the time on the
// clock that deadlines are kept in.
func (s *State) Apply(ops []Op, now time.Duration) {
	for i := range ops {
		op := &ops[i]
		switch op.Verb {
		case Remove:
			s.remove(op.Key)
		case Drop:
			s.drop(op.Object, op.Kind)
		case Create:
			s.create(op)
		case Limit:
			q := &s.account(op.Session.Account).quotas[quotaSlot(op.Object)]
			q.limit = op.Limit
		case Insert:
			deadline := time.Duration(0)
			if op.Left > 0 {
				deadline = now + op.Left
			}
			s.insert(op.Key, element{op.Session, op.Object, deadline})
		}
	}
}

func quotaSlot(name string) int {
	_, d, _ := ParseQuotaName(name)
	return slot(d)
}

func (s *State) account(id hotspot.AccountID) *account {
	a, ok := s.accounts[id]
	if !ok {
		a = &account{sessions: make(map[uint64]*session)}
		s.accounts[id] = a
	}
	return a
}

// find returns a session, or nil.
func (s *State) find(k SessionKey) *session {
	for _, x := range s.sessions[k.ID] {
		if x.key == k {
			return x
		}
	}
	return nil
}

// session returns a session, which is made if there is none.
func (s *State) session(k SessionKey) *session {
	if x := s.find(k); x != nil {
		return x
	}
	x := &session{key: k}
	s.sessions[k.ID] = append(s.sessions[k.ID], x)
	s.account(k.Account).sessions[k.ID] = x
	return x
}

// lapse forgets a session of which nothing is held.
func (s *State) lapse(x *session) {
	if len(x.keys) > 0 || x.meters != [2]string{} || x.open {
		return
	}
	rest := slices.DeleteFunc(s.sessions[x.key.ID], func(y *session) bool { return x == y })
	if s.sessions[x.key.ID] = rest; len(rest) == 0 {
		delete(s.sessions, x.key.ID)
	}
	delete(s.account(x.key.Account).sessions, x.key.ID)
	s.tidy(x.key.Account)
}

func (s *State) insert(k Key, e element) {
	s.elems[k] = e
	x := s.session(e.session)
	x.keys = append(x.keys, k)
	x.open = true
	if k.Map != Device {
		s.owners[k.Addr] = e.session
	}
}

func (s *State) remove(k Key) {
	e, ok := s.elems[k]
	if !ok {
		return
	}
	delete(s.elems, k)
	x := s.find(e.session)
	x.keys = slices.DeleteFunc(x.keys, func(y Key) bool { return y == k })
	if k.Map != Device && !slices.ContainsFunc(x.keys, func(y Key) bool { return y.Addr == k.Addr }) && s.owners[k.Addr] == e.session {
		delete(s.owners, k.Addr)
	}
	if x.key.ID == 0 && len(x.keys) == 0 {
		x.open = false
		s.lapse(x)
	}
}

func (s *State) create(op *Op) {
	if op.Kind == Counter {
		_, d, _ := ParseMeterName(op.Object)
		x := s.session(op.Session)
		x.meters[slot(d)] = op.Object
		x.open = true
		return
	}
	s.account(op.Session.Account).quotas[quotaSlot(op.Object)] = quota{
		name: op.Object, limit: op.Limit, base: op.Used - op.Ahead, seen: op.Used,
	}
}

// drop forgets an object, and what is nothing without it.
func (s *State) drop(name string, kind Kind) {
	if _, ok := s.trash[name]; ok {
		delete(s.trash, name)
		return
	}
	if kind == Counter {
		k, d, _ := ParseMeterName(name)
		if x := s.find(k); x != nil && x.meters[slot(d)] == name {
			x.meters[slot(d)] = ""
			s.lapse(x)
		}
		return
	}
	id, d, _ := ParseQuotaName(name)
	if a, ok := s.accounts[id]; ok && a.quotas[slot(d)].name == name {
		a.quotas[slot(d)] = quota{}
		s.tidy(id)
	}
}

// tidy forgets an account of which nothing is held.
func (s *State) tidy(id hotspot.AccountID) {
	a, ok := s.accounts[id]
	if ok && a.quotas[0].name+a.quotas[1].name+a.quotas[2].name == "" && len(a.sessions) == 0 {
		delete(s.accounts, id)
	}
}

// Close records which sessions the passes do not grant any more.
func (s *State) Close(passes []hotspot.Pass) {
	for _, p := range passes {
		a, ok := s.accounts[p.Account]
		if !ok {
			continue
		}
		granted := grantedIDs(p)
		for id, x := range a.sessions {
			_, x.open = granted[id]
			s.lapse(x)
		}
		s.tidy(p.Account)
	}
}

// Forget returns ops that drop the counters of those sessions that are closed.
func (s *State) Forget(ids []uint64) []Op {
	var ops []Op
	for _, id := range ids {
		for _, x := range s.sessions[id] {
			for _, name := range x.meters {
				if !x.open && name != "" {
					ops = append(ops, Op{Verb: Drop, Object: name, Kind: Counter, Session: x.key})
				}
			}
		}
	}
	return ops
}

// Abandon gives up objects that the gate would not drop, because something in
// it that has ended is not cleared away yet. Trash lists them from now on.
func (s *State) Abandon(ops []Op) {
	for _, op := range ops {
		s.drop(op.Object, op.Kind)
		s.trash[op.Object] = op.Kind
	}
}

// Trash returns ops that drop what was abandoned, in order of name.
func (s *State) Trash() []Op {
	var ops []Op
	for _, name := range slices.Sorted(maps.Keys(s.trash)) {
		ops = append(ops, Op{Verb: Drop, Object: name, Kind: s.trash[name]})
	}
	return ops
}

// Abandoned reports whether an object was abandoned.
func (s *State) Abandoned(name string) bool {
	_, ok := s.trash[name]
	return ok
}

// Elements returns how many elements are held.
func (s *State) Elements() int { return len(s.elems) }

// Counters returns how many counters are held.
func (s *State) Counters() int {
	n := 0
	for _, xs := range s.sessions {
		for _, x := range xs {
			for _, name := range x.meters {
				if name != "" {
					n++
				}
			}
		}
	}
	return n
}

// free returns name, or name with the lowest suffix that is not abandoned.
func (s *State) free(name string) string {
	n := name
	for i := 1; s.Abandoned(n); i++ {
		n = name + "." + strconv.Itoa(i)
	}
	return n
}

// Changing returns the names of the held quotas whose limits passes change or
// whose usage they forget. A plan for these is only right if the gate was read
// just before: see [State.Note].
func (s *State) Changing(passes []hotspot.Pass) []string {
	var names []string
	for _, p := range passes {
		a, ok := s.accounts[p.Account]
		if !ok || len(p.Grants) == 0 {
			continue
		}
		changes, account := func(i int) bool { return changing(&a.quotas[i], p, quotaKinds[i]) }, false
		if p.LimitTotal > 0 {
			// The quotas of such an account are judged together.
			account = changes(0) || changes(1) || changes(2) || a.quotas[2].name == ""
		}
		for i := range a.quotas {
			if a.quotas[i].name != "" && (account || changes(i)) {
				names = append(names, a.quotas[i].name)
			}
		}
	}
	return names
}

// changing reports whether a pass changes a held quota.
func changing(q *quota, p hotspot.Pass, d hotspot.Direction) bool {
	return q.name != "" && (q.limit != limitOf(p, d) || of(p.Used, d) < q.base)
}

// Note records a quota as it was read.
func (s *State) Note(name string, consumed uint64, depleted bool) {
	id, d, ok := ParseQuotaName(name)
	a, held := s.accounts[id]
	if !ok || !held || a.quotas[slot(d)].name != name {
		return
	}
	q := &a.quotas[slot(d)]
	q.depleted = depleted
	if !depleted {
		q.seen = consumed
	}
}

// of returns one direction of an amount, or the sum of both.
func of(u hotspot.Usage, d hotspot.Direction) uint64 {
	switch d {
	case hotspot.Up:
		return u.Up
	case hotspot.Total:
		return u.Down + u.Up
	}
	return u.Down
}

// limitOf returns the limit that a pass sets on a quota.
func limitOf(p hotspot.Pass, d hotspot.Direction) uint64 {
	if d == hotspot.Total {
		return p.LimitTotal
	}
	return of(p.Limit, d)
}

// Shape says which quotas a pass has: one for each direction, one for both
// together, or all three.
func Shape(p hotspot.Pass) (each, total bool) {
	return p.LimitTotal == 0 || !p.Limit.IsZero(), p.LimitTotal > 0
}

func grantedIDs(p hotspot.Pass) map[uint64]struct{} {
	ids := make(map[uint64]struct{}, len(p.Grants))
	for _, g := range p.Grants {
		ids[g.Session] = struct{}{}
	}
	return ids
}
