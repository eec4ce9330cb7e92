package netctl

import (
	"time"
)

// HeldElement is an element as read from a gate.
type HeldElement struct {
	Key    Key
	Object string
	Left   time.Duration // 0: it has no end
}

// HeldObject is an object as read from a gate.
type HeldObject struct {
	Name     string
	Kind     Kind
	Limit    uint64 // of a quota; 0 = unlimited
	Used     uint64 // what it has counted; of a quota never more than its limit
	Depleted bool   // of a quota
	InUse    bool   // by an element, perhaps one that has ended
}

// Adopt returns the mirror of a gate that holds objs and elems, as read at
// now. Objects that old, a mirror of the same gate, knew as abandoned stay so;
// old may be nil. Objects whose names are none of this project's are ignored.
func Adopt(objs []HeldObject, elems []HeldElement, old *State, now time.Duration) *State {
	s := NewState()
	named := make(map[string]struct{}, len(objs))
	for _, e := range elems {
		named[e.Object] = struct{}{}
	}
	for _, o := range objs {
		if old != nil && old.Abandoned(o.Name) {
			s.trash[o.Name] = o.Kind
			continue
		}
		s.adoptObject(o, named)
	}
	for _, e := range elems {
		if !e.Key.Map.quota() {
			k, _, _ := ParseMeterName(e.Object)
			s.adoptElement(e, k, now)
		}
	}
	for _, e := range elems {
		if e.Key.Map.quota() {
			s.adoptElement(e, s.payer(e), now)
		}
	}
	s.abandonUnused()
	return s
}

// abandonUnused gives up the quotas of accounts without any session: an earlier
// run could not drop them.
func (s *State) abandonUnused() {
	for id, a := range s.accounts {
		if len(a.sessions) > 0 {
			continue
		}
		for _, q := range a.quotas {
			if q.name != "" {
				s.trash[q.name] = Quota
			}
		}
		delete(s.accounts, id)
	}
}

// quota reports whether the map's elements name quotas.
func (m Map) quota() bool {
	return m == Up || m == Down || m == EachUp || m == EachDown || m == Together
}

// payer returns the session to which an element of a quota's map belongs: the
// one that has the address, if it is charged to the quota's account; otherwise
// none.
func (s *State) payer(e HeldElement) SessionKey {
	a, _, _ := ParseQuotaName(e.Object)
	if k, ok := s.owners[e.Key.Addr]; ok && k.Account == a {
		return k
	}
	return SessionKey{Account: a}
}

func (s *State) adoptElement(e HeldElement, k SessionKey, now time.Duration) {
	deadline := time.Duration(0)
	if e.Left > 0 {
		deadline = now + e.Left
	}
	owner, owned := s.owners[e.Key.Addr]
	s.insert(e.Key, element{k, e.Object, deadline})
	if owned && k.ID == 0 {
		s.owners[e.Key.Addr] = owner
	}
}

// adoptObject takes up an object, unless there is a better one of the same name
// but for the suffix: one that elements name, otherwise the newest.
func (s *State) adoptObject(o HeldObject, named map[string]struct{}) {
	place, q := s.place(o)
	if place == nil {
		return
	}
	if old := *place; old != "" {
		if !supersedes(o.Name, old, named) {
			s.trash[o.Name] = o.Kind
			return
		}
		s.trash[old] = o.Kind
	}
	*place = o.Name
	if q == nil {
		return
	}
	// Where the quota started is not known, so only zero tells that the usage
	// was forgotten.
	*q = quota{name: o.Name, limit: o.Limit, base: min(1, o.Used), depleted: o.Depleted}
	if !o.Depleted {
		q.seen = o.Used
	}
}

// place returns where an object's name is kept, or nil if the name is not one
// of ours, and its quota if it is one.
func (s *State) place(o HeldObject) (*string, *quota) {
	if o.Kind == Counter {
		if k, d, ok := ParseMeterName(o.Name); ok && k.ID != 0 {
			return &s.session(k).meters[slot(d)], nil
		}
		return nil, nil
	}
	a, d, ok := ParseQuotaName(o.Name)
	if !ok {
		return nil, nil
	}
	q := &s.account(a).quotas[slot(d)]
	return &q.name, q
}

func supersedes(name, old string, named map[string]struct{}) bool {
	if has(named, name) != has(named, old) {
		return has(named, name)
	}
	return suffix(name) > suffix(old)
}

func has(m map[string]struct{}, k string) bool {
	_, ok := m[k]
	return ok
}

// Orphans returns ops that remove the elements that belong to no session, which
// only somebody else's meddling leaves behind.
func (s *State) Orphans() []Op {
	var ops []Op
	for _, x := range s.sessions[0] {
		for _, k := range x.keys {
			ops = append(ops, Op{Verb: Remove, Key: k, Session: x.key})
		}
	}
	return ops
}
