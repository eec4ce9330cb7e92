package doctor

import (
	"context"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Run examines the machine and calls report with each finding as it is made,
// in a fixed order. It takes no longer than [Within].
func Run(ctx context.Context, o Options, report func(Finding)) {
	run(ctx, o, newSystem(), report)
}

// exam is one examination.
type exam struct {
	Options
	sys *system
	// facts that several checks need; nil until the check that reads them ran.
	links []link
	// uplinks are the interfaces that lead to the internet.
	uplinks []link
	guest   *link
	rights  rights
	rules   ruleFacts
	net     chan netFacts
}

// check looks at one thing.
type check struct {
	name string
	// guests: it is about the guest network, which the memory backend has not,
	// and of which nothing is known without a valid configuration.
	guests bool
	look   func(*exam, context.Context) []Finding
}

func checks() []check {
	return []check{
		{"configuration", false, (*exam).configuration},
		{"daemon", false, (*exam).daemon},
		{"rights", false, (*exam).checkRights},
		{"guest interface", true, (*exam).guestInterface},
		{"LAN interface", true, (*exam).lanInterface},
		{"uplink", true, (*exam).uplink},
		{"forwarding", true, (*exam).forwarding},
		{"bridge", true, (*exam).bridge},
		{"kernel", true, (*exam).kernel},
		{"connection tracking", true, (*exam).conntrack},
		{"own firewall table", true, (*exam).ownTable},
		{"firewall order", true, (*exam).firewallOrder},
		{"firewall, to the router", true, (*exam).firewallInput},
		{"firewall, to the internet", true, (*exam).firewallForward},
		{"address translation", true, (*exam).masquerade},
		{"DHCP", true, (*exam).dhcp},
		{"ports", false, (*exam).ports},
		{"DNS", true, (*exam).dns},
		{"internet", true, (*exam).internet},
		{"clock", false, (*exam).clock},
		{"time zone", false, (*exam).zone},
		{"data directory", false, (*exam).dataDirectory},
		{"store", false, (*exam).store},
		{"snapshots", false, (*exam).snapshots},
		{"secrets", false, (*exam).secrets},
		{"certificate", false, (*exam).certificate},
		{"memory", false, (*exam).memory},
		{"random numbers", false, (*exam).random},
	}
}

func run(ctx context.Context, o Options, sys *system, report func(Finding)) {
	ctx, cancel := context.WithTimeout(ctx, Within)
	defer cancel()
	if o.Host == "" {
		o.Host = DefaultHost
	}
	x := &exam{Options: o, sys: sys}
	x.links, _ = sys.links() // none: every interface is missing, and is said to be
	x.net = make(chan netFacts, 1)
	if o.guestNetwork() {
		// Names and the internet can be slow to answer; the rest goes on.
		go func() { x.net <- sys.askNetwork(ctx, o) }()
	}
	x.make(ctx, report, func(check) bool { return true })
}

// guestNetwork reports whether there is a guest network that is known of.
func (o *Options) guestNetwork() bool {
	return o.ConfigErr == nil && o.Config.Network.Backend == config.BackendNFTables
}

// make makes the checks that are wanted.
func (x *exam) make(ctx context.Context, report func(Finding), wanted func(check) bool) {
	for _, c := range checks() {
		if !wanted(c) || c.guests && !x.guestNetwork() {
			continue
		}
		for _, f := range c.look(x, ctx) {
			f.Check = c.name
			report(f)
		}
	}
}

// one makes a list of one finding.
//
//go:noinline
func one(v Verdict, remedy, found string, args ...any) []Finding {
	return []Finding{{Verdict: v, Found: hotspot.Textf(found, args...), Remedy: hotspot.Said(remedy)}}
}

// fine is a finding that asks for nothing.
//
//go:noinline
func fine(found string, args ...any) []Finding { return one(OK, "", found, args...) }

// unseen is a finding about what could not be looked at.
//
//go:noinline
func (x *exam) unseen(what string, err error) []Finding {
	if !x.rights.root {
		return one(Unknown, "run it as root, with sudo", "%s: %v", hotspot.Said(what), err)
	}
	return one(Unknown, "", "%s: %v", hotspot.Said(what), err)
}

// do fills in the remedy of the last finding.
//
//go:noinline
func do(found []Finding, args ...any) []Finding {
	last := &found[len(found)-1]
	remedy, _ := last.Remedy.Message()
	last.Remedy = hotspot.Textf(remedy, args...)
	return found
}

// list joins findings; if there are none, all is well.
//
//go:noinline
func list(found []Finding, well string, args ...any) []Finding {
	if len(found) == 0 {
		return fine(well, args...)
	}
	return found
}

// add appends a finding.
//
//go:noinline
func add(all *[]Finding, v Verdict, remedy, found string, args ...any) {
	*all = append(*all, Finding{Verdict: v, Found: hotspot.Textf(found, args...), Remedy: hotspot.Said(remedy)})
}
