package netctl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// render writes ops as short lines.
func render(p Plan) []string {
	lines := []string{}
	for _, op := range p.Ops {
		switch op.Verb {
		case Remove:
			lines = append(lines, fmt.Sprintf("- %s", renderKey(op.Key)))
		case Insert:
			lines = append(lines, strings.TrimSuffix(fmt.Sprintf("+ %s: %s %v", renderKey(op.Key), op.Object, op.Left), " 0s"))
		case Drop:
			lines = append(lines, "drop "+op.Object)
		case Create, Limit:
			lines = append(lines, fmt.Sprintf("%v %s %d/%d", op.Verb, op.Object, op.Used, op.Limit))
		}
	}
	for _, a := range p.Gone {
		lines = append(lines, "gone "+a.String())
	}
	return lines
}

func renderKey(k Key) string {
	parts := []string{k.Map.String()}
	if !k.MAC.IsZero() {
		parts = append(parts, fmt.Sprint(k.MAC[5]))
	}
	if k.Addr.IsValid() {
		parts = append(parts, k.Addr.String())
	}
	return strings.Join(parts, " ")
}

// g makes a grant: the last byte of the MAC is the device's number.
func g(session uint64, device byte, left time.Duration, addrs ...string) hotspot.Grant {
	gr := hotspot.Grant{Session: session, MAC: hotspot.MAC{2, 5: device}, Left: left}
	for _, a := range addrs {
		gr.Addrs = append(gr.Addrs, netip.MustParseAddr(a))
	}
	return gr
}

func pass(account uint64, limitDown, usedDown uint64, grants ...hotspot.Grant) hotspot.Pass {
	return hotspot.Pass{
		Account: voucher(account), Limit: hotspot.Usage{Down: limitDown}, Used: hotspot.Usage{Down: usedDown}, Grants: grants,
	}
}

// planStep is one call in a series on the same gate.
type planStep struct {
	what   string
	passes []hotspot.Pass
	// before changes the mirror, as reading the gate would.
	before func(*State)
	want   []string
}

func TestPlan(t *testing.T) {
	const a, b = "10.0.0.1", "10.0.0.2"
	admitted := []string{
		"create v1d 100/1000", "create v1u 0/0", "create s11v1d 0/0", "create s11v1u 0/0",
		"+ meter down 10.0.0.1: s11v1d", "+ meter up 10.0.0.1: s11v1u",
		"+ down 10.0.0.1: v1d 1h0m0s", "+ up 1 10.0.0.1: v1u 1h0m0s", "+ device 1: s11v1u 1h0m0s",
	}
	first := planStep{"let in", []hotspot.Pass{pass(1, 1000, 100, g(11, 1, time.Hour, a))}, nil, admitted}
	for name, steps := range map[string][]planStep{
		"unchanged": {first,
			{"again", []hotspot.Pass{pass(1, 1000, 0, g(11, 1, time.Hour, a))}, nil, []string{}},
			{"within the slack", []hotspot.Pass{pass(1, 1000, 0, g(11, 1, time.Hour-Slack, a))}, nil, []string{}}},
		"another end": {first,
			{"later", []hotspot.Pass{pass(1, 1000, 0, g(11, 1, 0, a))}, nil, []string{
				"- down 10.0.0.1", "- up 1 10.0.0.1", "- device 1",
				"+ down 10.0.0.1: v1d", "+ up 1 10.0.0.1: v1u", "+ device 1: s11v1u"}}},
		"limits": {first,
			{"raised", []hotspot.Pass{pass(1, 2000, 100, g(11, 1, time.Hour, a))}, nil, []string{"limit v1d 100/2000"}},
			{"raised again, used up", []hotspot.Pass{pass(1, 3000, 1950, g(11, 1, time.Hour, a))},
				func(s *State) { s.Note("v1d", 2000, true) }, []string{
					"- down 10.0.0.1", "drop v1d", "create v1d 1950/3000", "+ down 10.0.0.1: v1d 1h0m0s"}}},
		"removed": {first,
			{"out", []hotspot.Pass{pass(1, 1000, 0)}, nil, []string{
				"- meter down 10.0.0.1", "- meter up 10.0.0.1", "- down 10.0.0.1", "- up 1 10.0.0.1", "- device 1",
				"drop v1d", "drop v1u", "gone 10.0.0.1"}},
			{"out again", []hotspot.Pass{pass(1, 1000, 0)}, nil, []string{}}},
		"another address": {first,
			{"one more", []hotspot.Pass{pass(1, 1000, 0, g(11, 1, time.Hour, a, b))}, nil, []string{
				"+ meter down 10.0.0.2: s11v1d", "+ meter up 10.0.0.2: s11v1u",
				"+ down 10.0.0.2: v1d 1h0m0s", "+ up 1 10.0.0.2: v1u 1h0m0s"}},
			{"one less", []hotspot.Pass{pass(1, 1000, 0, g(11, 1, time.Hour, b))}, nil, []string{
				"- meter down 10.0.0.1", "- meter up 10.0.0.1", "- down 10.0.0.1", "- up 1 10.0.0.1", "gone 10.0.0.1"}}},
		"taken over": {first,
			{"by another", []hotspot.Pass{pass(2, 0, 0, g(12, 2, 0, a))}, nil, []string{
				"- meter down 10.0.0.1", "- meter up 10.0.0.1", "- down 10.0.0.1", "- up 1 10.0.0.1",
				"create v2d 0/0", "create v2u 0/0", "create s12v2d 0/0", "create s12v2u 0/0",
				"+ meter down 10.0.0.1: s12v2d", "+ meter up 10.0.0.1: s12v2u",
				"+ down 10.0.0.1: v2d", "+ up 2 10.0.0.1: v2u", "+ device 2: s12v2u", "gone 10.0.0.1"}}},
		"a name that the gate holds on to": {first,
			{"out", []hotspot.Pass{pass(1, 1000, 0)}, nil, []string{
				"- meter down 10.0.0.1", "- meter up 10.0.0.1", "- down 10.0.0.1", "- up 1 10.0.0.1", "- device 1",
				"drop v1d", "drop v1u", "gone 10.0.0.1"}},
			{"in again", []hotspot.Pass{pass(1, 1000, 0, g(11, 1, 0))},
				func(s *State) {
					s.Abandon([]Op{{Verb: Drop, Kind: Quota, Object: "v1d"}, {Verb: Drop, Kind: Quota, Object: "v1d.1"}})
				}, []string{"create v1d.2 0/1000", "create v1u 0/0", "+ device 1: s11v1u"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewState()
			for _, step := range steps {
				if step.before != nil {
					step.before(s)
				}
				passes, err := Clean(step.passes)
				if err != nil {
					t.Fatal(err)
				}
				p := s.Plan(passes, 0)
				if d := cmp.Diff(step.want, render(p)); d != "" {
					t.Errorf("%s (-want +got):\n%s", step.what, d)
				}
				s.Apply(p.Ops, 0)
				s.Close(passes)
			}
		})
	}
}

func TestForget(t *testing.T) {
	s := NewState()
	in, _ := Clean([]hotspot.Pass{pass(1, 0, 0, g(11, 1, 0, "10.0.0.1"), g(12, 2, 0))})
	s.Apply(s.Plan(in, 0).Ops, 0)
	s.Close(in)
	if ops := s.Forget([]uint64{11, 12, 13}); len(ops) != 0 {
		t.Errorf("open sessions are forgotten: %v", ops)
	}
	out, _ := Clean([]hotspot.Pass{pass(1, 0, 0)})
	s.Apply(s.Plan(out, 0).Ops, 0)
	s.Close(out)
	if n := s.Counters(); n != 4 {
		t.Errorf("%d counters are left, want 4", n)
	}
	got := render(Plan{Ops: s.Forget([]uint64{12, 11, 13})})
	slices.Sort(got)
	if d := cmp.Diff([]string{"drop s11v1d", "drop s11v1u", "drop s12v1d", "drop s12v1u"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	s.Apply(s.Forget([]uint64{11, 12}), 0)
	if d := cmp.Diff(NewState(), s, cmp.AllowUnexported(State{})); d != "" {
		t.Errorf("something is left:\n%s", d)
	}
}
