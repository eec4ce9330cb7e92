package netctl

import (
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Slack is by how much a held element may end earlier or later than wanted.
const Slack = 2 * time.Second

// late is by how much the gate's clock may differ from the mirror's.
const late = 50 * time.Millisecond

// Plan returns the changes after which the gate holds passes, which must come
// from [Clean]. When they are carried out, [State.Apply] and [State.Close]
// record them. Quotas named by [State.Changing] must be fresh.
func (s *State) Plan(passes []hotspot.Pass, now time.Duration) Plan {
	p := planner{
		state:   s,
		now:     now,
		devices: make(map[hotspot.MAC]uint64),
		removed: make(map[Key]struct{}),
		renewed: make(map[string]struct{}),
		gone:    make(map[netip.Addr]struct{}),
	}
	for _, pass := range passes {
		for _, g := range pass.Grants {
			p.devices[g.MAC] = max(p.devices[g.MAC], g.Session)
		}
	}
	for _, pass := range passes {
		p.shed(pass)
	}
	for _, pass := range passes {
		names := p.quotas(pass)
		for _, g := range pass.Grants {
			p.grant(SessionKey{g.Session, pass.Account}, g, names)
		}
	}
	return p.finish()
}

// planner collects the changes, by verb.
type planner struct {
	state *State
	now   time.Duration

	devices map[hotspot.MAC]uint64 // the newest session of each device in this call
	removed map[Key]struct{}
	gone    map[netip.Addr]struct{}
	renewed map[string]struct{} // quotas that are new objects, so that every element must be pointed at them

	removes, drops, creates, limits, inserts []Op
}

func (p *planner) finish() Plan {
	var plan Plan
	plan.Ops = slices.Concat(p.removes, p.drops, p.creates, p.limits, p.inserts)
	for a := range p.gone {
		plan.Gone = append(plan.Gone, a)
	}
	sort.Slice(plan.Gone, func(i, j int) bool { return plan.Gone[i].Less(plan.Gone[j]) })
	return plan
}

// shed removes what a pass does not grant any more.
func (p *planner) shed(pass hotspot.Pass) {
	a, ok := p.state.accounts[pass.Account]
	if !ok {
		return
	}
	granted := make(map[uint64]hotspot.Grant, len(pass.Grants))
	for _, g := range pass.Grants {
		granted[g.Session] = g
	}
	for _, id := range sortedIDs(a.sessions) {
		g, ok := granted[id]
		for _, k := range a.sessions[id].keys {
			if (!ok || !p.wants(pass, g, k)) && p.remove(k, a.sessions[id].key) && !slices.Contains(g.Addrs, k.Addr) && k.Map != Device {
				p.gone[k.Addr] = struct{}{}
			}
		}
	}
}

// wants reports whether a grant of a pass has an element at k.
func (p *planner) wants(pass hotspot.Pass, g hotspot.Grant, k Key) bool {
	each, total := Shape(pass)
	switch k.Map {
	case Device:
		return k.MAC == g.MAC && p.devices[g.MAC] == g.Session
	case Up, Down:
		if each && total {
			return false
		}
	case EachUp, EachDown, Together:
		if !each || !total {
			return false
		}
	}
	return (k.MAC.IsZero() || k.MAC == g.MAC) && slices.Contains(g.Addrs, k.Addr)
}

func sortedIDs(m map[uint64]*session) []uint64 {
	ids := make([]uint64, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

// remove reports whether the element had still been there.
func (p *planner) remove(k Key, owner SessionKey) bool {
	if _, ok := p.removed[k]; ok {
		return false
	}
	p.removed[k] = struct{}{}
	e := p.state.elems[k]
	ended := e.deadline != 0 && p.now > e.deadline+late
	p.removes = append(p.removes, Op{Verb: Remove, Key: k, Session: owner, Ended: ended})
	return true
}

// quotas plans an account's quotas, and returns their names by slot.
func (p *planner) quotas(pass hotspot.Pass) (names [3]string) {
	held := [3]quota{}
	if a, ok := p.state.accounts[pass.Account]; ok {
		held = a.quotas
	}
	each, total := Shape(pass)
	refilled := false
	for _, i := range [...]int{2, 0, 1} { // that of both first
		d, q := quotaKinds[i], &held[i]
		op := Op{Object: q.name, Kind: Quota, Session: SessionKey{Account: pass.Account}}
		if wanted := i < 2 && each || i == 2 && total; !wanted || len(pass.Grants) == 0 {
			if q.name != "" {
				op.Verb = Drop
				p.drops = append(p.drops, op)
			}
			refilled = refilled || i == 2 && q.believes(of(pass.Used, d))
			continue
		}
		op.Limit, op.Used = limitOf(pass, d), of(pass.Used, d)
		if i == 2 && q.name == "" {
			// What the quotas of the directions saw is newer than what the caller knows.
			if counted := held[0].seen + held[1].seen; counted > op.Used {
				op.Used, op.Ahead = counted, counted-op.Used
			}
		}
		if refilled && q.name != "" {
			// What the quota of both refused was counted here.
			names[i] = p.renew(op)
			continue
		}
		names[i] = p.quota(*q, op, d)
		// Its figure was believed, so those of the directions can be.
		_, renewed := p.renewed[names[i]]
		refilled = refilled || i == 2 && renewed && q.believes(op.Used)
	}
	return names
}

// believes reports whether a used-up quota would go on from a figure.
func (q *quota) believes(used uint64) bool {
	return q.depleted && Refill(used, q.limit, q.base, q.seen) == used
}

// renew plans a quota's replacement by one that starts from what was used.
func (p *planner) renew(op Op) string {
	drop := op
	drop.Verb, drop.Limit, drop.Used = Drop, 0, 0
	p.drops = append(p.drops, drop)
	return p.make(op)
}

func (p *planner) make(op Op) string {
	op.Verb = Create
	p.creates = append(p.creates, op)
	p.renewed[op.Object] = struct{}{}
	return op.Object
}

// quota plans one quota: op has what is wanted, held what there is.
func (p *planner) quota(held quota, op Op, d hotspot.Direction) (name string) {
	raised := held.limit != 0 && (op.Limit == 0 || op.Limit > held.limit)
	switch {
	case held.name == "":
		op.Object = p.state.free(QuotaName(op.Session.Account, d))
		return p.make(op)
	case held.depleted && (raised || op.Used < held.base):
		op.Used = Refill(op.Used, held.limit, held.base, held.seen)
		return p.renew(op)
	case held.limit != op.Limit:
		op.Verb = Limit
		p.limits = append(p.limits, op)
	}
	return op.Object
}

// grant plans one session's counters and elements.
func (p *planner) grant(k SessionKey, g hotspot.Grant, quotas [3]string) {
	var meters [2]string
	if x := p.state.find(k); x != nil {
		meters = x.meters
	}
	for i, d := range directions {
		if meters[i] == "" {
			meters[i] = p.state.free(MeterName(k, d))
			p.creates = append(p.creates, Op{Verb: Create, Object: meters[i], Kind: Counter, Session: k, Used: of(g.Used, d)})
		}
	}
	for _, op := range p.elements(k, g, quotas, meters) {
		p.element(op)
	}
}

// elements lists all that a grant wants in the maps.
func (p *planner) elements(k SessionKey, g hotspot.Grant, quotas [3]string, meters [2]string) []Op {
	down, up := slot(hotspot.Down), slot(hotspot.Up)
	mapDown, mapUp, total := Down, Up, quotas[slot(hotspot.Total)]
	ops := make([]Op, 0, 5*len(g.Addrs)+1)
	switch {
	case total != "" && quotas[down] == "":
		quotas[down], quotas[up] = total, total
	case total != "":
		mapDown, mapUp = EachDown, EachUp
		for _, a := range g.Addrs {
			ops = append(ops, Op{Verb: Insert, Key: Key{Map: Together, Addr: a}, Object: total, Session: k})
		}
	}
	for _, a := range g.Addrs {
		ops = append(ops,
			Op{Verb: Insert, Key: Key{Map: MeterDown, Addr: a}, Object: meters[down], Session: k},
			Op{Verb: Insert, Key: Key{Map: MeterUp, Addr: a}, Object: meters[up], Session: k},
			Op{Verb: Insert, Key: Key{Map: mapDown, Addr: a}, Object: quotas[down], Session: k, Left: g.Left},
			Op{Verb: Insert, Key: Key{Map: mapUp, MAC: g.MAC, Addr: a}, Object: quotas[up], Session: k, Left: g.Left})
	}
	key := Key{Map: Device, MAC: g.MAC}
	e, held := p.state.elems[key]
	other := p.state.find(e.session)
	newer := held && other.open && e.session.ID > k.ID && !p.isRemoved(key)
	if p.devices[g.MAC] == k.ID && !newer {
		ops = append(ops, Op{Verb: Insert, Key: key, Object: meters[up], Session: k, Left: g.Left})
	}
	return ops
}

func (p *planner) isRemoved(k Key) bool {
	_, ok := p.removed[k]
	return ok
}

// element plans one element.
func (p *planner) element(op Op) {
	e, held := p.state.elems[op.Key]
	if op.Key.Map != Device {
		p.takeOver(op.Key.Addr, op.Session)
	}
	_, fresh := p.renewed[op.Object]
	if held && !p.isRemoved(op.Key) {
		if !fresh && e.object == op.Object && e.session == op.Session && p.inTime(op, e) {
			return
		}
		p.remove(op.Key, e.session)
	}
	p.inserts = append(p.inserts, op)
}

// takeOver removes an address from another session that has it.
func (p *planner) takeOver(a netip.Addr, k SessionKey) {
	owner, ok := p.state.owners[a]
	if !ok || owner == k {
		return
	}
	for _, y := range p.state.find(owner).keys {
		if y.Map != Device && y.Addr == a && p.remove(y, owner) {
			p.gone[a] = struct{}{}
		}
	}
}

// inTime reports whether an element ends when it should.
func (p *planner) inTime(op Op, e element) bool {
	if !op.Key.Map.Timed() {
		return true
	}
	if op.Left == 0 || e.deadline == 0 {
		return op.Left == 0 && e.deadline == 0
	}
	left := e.deadline - p.now
	return left > 0 && (left-op.Left).Abs() <= Slack
}
