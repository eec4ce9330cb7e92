package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

const forwardHow = `A router in a namespace masquerades for a bridge of guests. "Plain" is that router
with the gate's table dormant, which takes its hooks off the packets' way and
changes nothing else; beside it, in turns of a fraction of a second, the same
packets with the table in force. Small packets are UDP datagrams of 64 bytes with
their IP header, no two merged, sent from a ring in kernel memory on one
processor while the other does the router's work, so that the router is what
limits the rate; both go before whatever else runs on the machine. Each of the
guests has a MAC, an address, an account with quotas in both directions and meters
of its own.

"One" is the traffic of one guest. "All" is 16 packets of each guest in turn, as
many as a small aggregate of Wi-Fi has. "Each" is a single packet of each guest in
turn: with many guests nothing of a guest is in the processor's cache when its
packet comes, which is the worst case. What nftables itself costs then is stated
for comparison: a table with one lookup among as many addresses, and nothing else.
TCP is a connection of one guest ("one"), or connections of 256 KiB from each guest
in turn, four at a time ("all"), downloads, with the kernel's segmentation offload
as it is.`

// load is one kind of traffic.
type forwardLoad struct {
	name  string
	train int // how many packets of a guest follow one another; 0: there is but one guest
	up    bool
	tcp   bool
}

// train is how many packets of a guest come together where guests take turns.
const train = 16

func forwardLoads() []forwardLoad {
	return []forwardLoad{
		{name: "small, up, one", up: true}, {name: "small, up, all", up: true, train: train}, {name: "small, up, each", up: true, train: 1},
		{name: "small, down, one"}, {name: "small, down, all", train: train}, {name: "small, down, each", train: 1},
		{name: "TCP, one", tcp: true}, {name: "TCP, all", tcp: true, train: 1},
	}
}

// forwardResult are the rates of one load at one number of guests.
type forwardResult struct {
	plain, gate Sample
	// What a single lookup costs, for comparison.
	lookupPlain, lookup Sample
}

// compared reports whether the load is also measured with a single lookup.
func (l forwardLoad) compared() bool { return l.train == 1 && !l.up && !l.tcp }

// forwarding compares forwarding through the gate with forwarding.
func forwarding(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "Forwarding", How: forwardHow}
	t, err := newTrack(ctx, r)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	crowds := pick(r, []int{10, 1000, 10000}, []int{10, 1000})
	blocks := pick(r, 2, 1)
	results := map[string]*forwardResult{}
	for range blocks {
		for _, n := range crowds {
			if err := t.block(ctx, r, n, results); err != nil {
				return s, fmt.Errorf("%d guests: %w", n, err)
			}
		}
	}
	for _, l := range forwardLoads() {
		l.report(&s, crowds, results)
	}
	s.note("Ratios are of neighbours: each turn through the gate over the plain turn beside it.")
	if v := t.bridgeHooks(); v != "0" {
		s.note("This kernel also shows bridged packets to the IP hooks (net.bridge.bridge-nf-call-iptables = " + v +
			"). That slows both sides alike, and so makes the ratios kinder than on a router, where it is off as a rule.")
	}
	return s, nil
}

func resultKey(l forwardLoad, n int) string { return fmt.Sprint(l.name, n) }

// block measures every load with n guests in.
func (t *track) block(ctx context.Context, r *run, n int, results map[string]*forwardResult) (err error) {
	if err := t.admit(ctx, n); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.expel(ctx)) }()
	if err := t.addLookup(ctx, n); err != nil {
		return err
	}
	macs, err := t.giveMACs(ctx, n)
	if err != nil {
		return err
	}
	defer macs()
	prime, err := newRing(t.Guest(1).Host, t.frames(n, true))
	if err != nil {
		return err
	}
	defer prime.close()
	for _, l := range forwardLoads() {
		res := results[resultKey(l, n)]
		if res == nil {
			res = &forwardResult{}
			results[resultKey(l, n)] = res
		}
		if err := t.alternate(ctx, r, l, n, prime, res); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

// alternate takes turns of one load: plain, gate, gate, plain and so on.
func (t *track) alternate(ctx context.Context, r *run, l forwardLoad, n int, prime *ring, res *forwardResult) error {
	measure, done, err := t.meter(ctx, r, l, n)
	if err != nil {
		return err
	}
	defer done()
	if err := t.turns(ctx, r, gateTable, prime, measure, &res.plain, &res.gate); err != nil {
		return err
	}
	if l.compared() {
		if err := t.enforce(ctx, gateTable, false); err != nil {
			return err
		}
		if err := t.turns(ctx, r, lookupTable, prime, measure, &res.lookupPlain, &res.lookup); err != nil {
			return err
		}
		if err := t.enforce(ctx, lookupTable, false); err != nil {
			return err
		}
	}
	return t.enforce(ctx, gateTable, true)
}

// turns measures with and without a table in force.
func (t *track) turns(ctx context.Context, r *run, table string, prime *ring, measure func() (float64, error), plain, with *Sample) error {
	for i := range pick(r, 8, 1) {
		for _, on := range []bool{i%2 == 1, i%2 == 0} {
			if err := t.enforce(ctx, table, on); err != nil {
				return err
			}
			// Every flow is known to the router before it is measured.
			if err := prime.send(ctx, 0); err != nil {
				return err
			}
			rate, err := measure()
			if err != nil {
				return err
			}
			if on {
				*with = append(*with, rate)
			} else {
				*plain = append(*plain, rate)
			}
		}
	}
	return nil
}

// meter returns a function that measures a load once.
func (t *track) meter(ctx context.Context, r *run, l forwardLoad, n int) (measure func() (float64, error), done func(), err error) {
	turn := pick(r, 150*time.Millisecond, 50*time.Millisecond)
	if l.tcp {
		clients := 1
		if l.train > 0 {
			clients = 4
		}
		far, err := newSource(ctx, t.Upstream())
		if err != nil {
			return nil, nil, err
		}
		return func() (float64, error) { return t.downloads(ctx, far, clients, n, l.train > 0, 2*turn) }, far.close, nil
	}
	if l.train == 0 {
		n = 1
	}
	from, to := t.Guest(1).Host, t.Upstream()
	if !l.up {
		from, to = to, from
	}
	ring, err := newRing(from, inTrains(t.frames(n, l.up), l.train))
	if err != nil {
		return nil, nil, err
	}
	return func() (float64, error) { return t.passing(ctx, ring, to, turn) }, func() { _ = ring.close() }, nil
}

// passing measures a turn in thousands a second. On a machine that is busy with
// something else, the router can be kept waiting for a whole turn; that is no
// measurement, and a table that lets nothing pass shows in every one.
func (t *track) passing(ctx context.Context, ring *ring, to *netlab.Host, turn time.Duration) (float64, error) {
	const attempts, least = 10, 1000
	for range attempts {
		pps, err := t.rate(ctx, ring, to, turn)
		if err != nil || pps >= least {
			return pps / 1000, err
		}
		turn = min(2*turn, longTurn)
	}
	return 0, errBlocked
}

// longTurn is how long a turn may get when nothing passes in shorter ones.
const longTurn = 5 * time.Second

var errBlocked = errors.New("the traffic does not pass")

// noise says how far apart plain turns lay: what a ratio can be trusted to.
func (l forwardLoad) noise(crowds []int, results map[string]*forwardResult) string {
	var apart Sample
	for _, n := range crowds {
		p := results[resultKey(l, n)].plain
		for _, v := range p {
			apart = append(apart, v/p.Median())
		}
	}
	low, high := apart.Quantile(0.25), apart.Quantile(0.75)
	text := fmt.Sprintf("%s: half of the plain turns lay between %.2f and %.2f of their median.", l.name, low, high)
	if high-low > 0.1 {
		text += " **That is too far apart: other work disturbed this run, and these ratios should be measured again on a quiet machine.**"
	}
	return text
}

// report states a load's figures.
func (l forwardLoad) report(s *Section, crowds []int, results map[string]*forwardResult) {
	s.note(l.noise(crowds, results))
	goal, goalText, u := 0.88, "≥ 0.88 (aim 0.95)", kppsUnit()
	if l.tcp {
		goal, goalText, u = 0.95, "≥ 0.95", gbitUnit()
	}
	p := Plot{Name: "forward-" + fileName(l.name), Title: "Forwarding: " + l.name, Unit: u.name}
	ratios := map[int]Sample{}
	for _, n := range crowds {
		res := results[resultKey(l, n)]
		ratios[n] = res.gate.Over(res.plain)
		s.figure(fmt.Sprintf("forwarding, %s, %d guests", l.name, n),
			"ratio "+ratioUnit().spread(ratios[n]), fmt.Sprintf("plain %s, gate %s", u.with(res.plain.Median()), u.with(res.gate.Median())),
			goalText, atLeast(ratios[n].Median(), goal))
		p.Rows = append(p.Rows, PlotRow{fmt.Sprintf("plain, %d flows", n), res.plain, true},
			PlotRow{fmt.Sprintf("%d guests in", n), res.gate, false})
		if l.compared() {
			one := res.lookup.Over(res.lookupPlain)
			s.figure(fmt.Sprintf("for comparison: %s, no gate, one lookup among %d addresses", l.name, n),
				"ratio "+ratioUnit().spread(one), fmt.Sprintf("plain %s, lookup %s", u.with(res.lookupPlain.Median()), u.with(res.lookup.Median())), "", NoGoal)
			p.Rows = append(p.Rows, PlotRow{fmt.Sprintf("one lookup among %d", n), res.lookup, false})
		}
	}
	first, last := crowds[0], crowds[len(crowds)-1]
	v := ratios[last].Median() / ratios[first].Median()
	s.figure(fmt.Sprintf("forwarding, %s, %d guests over %d", l.name, last, first), ratioUnit().with(v),
		"both over plain", "≥ 0.90", atLeast(v, 0.9))
	s.Plots = append(s.Plots, p)
}

// newSource listens for downloads on the internet's side.
func newSource(ctx context.Context, h *netlab.Host) (*source, error) {
	ln, err := h.Listen(ctx, "tcp4", netlab.Upstream4+":0")
	if err != nil {
		return nil, err
	}
	src := &source{ln: ln}
	go src.serve()
	return src, nil
}
