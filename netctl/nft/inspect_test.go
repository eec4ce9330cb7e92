package nft

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inspected loads rules into a namespace of its own and reads them back.
func inspected(t testing.TB, rules string) *Ruleset {
	t.Helper()
	n := newNamespace(t)
	n.run(t, "nft", rules)
	r, err := Inspect(t.Context(), int(n.h))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// toPortal and outside are first packets of a guest.
func toPortal() Packet {
	return Packet{In: "br-guest", InIndex: 7, Src: netip.MustParseAddr("192.168.0.9"), Dst: netip.MustParseAddr("192.168.0.1"), Proto: unix.IPPROTO_TCP, Port: 2050, ToRouter: true}
}

func outside() Packet {
	p := toPortal()
	p.Out, p.OutIndex, p.Dst, p.Port, p.ToRouter = "wan", 8, netip.MustParseAddr("192.0.2.1"), 443, false
	return p
}

// TestTrace leads packets through the rules that firewalls are made of.
func TestTrace(t *testing.T) {
	six := toPortal()
	six.Src, six.Dst = netip.MustParseAddr("fd00::9"), netip.MustParseAddr("fd00::1")
	const input = "table inet x { chain i { type filter hook input priority 0; policy "
	for _, tc := range []struct {
		name, rules    string
		packet         Packet
		stopped, doubt bool
	}{
		{"nothing", "table inet x { }", toPortal(), false, false},
		{"policy", input + "drop; }; }", toPortal(), true, false},
		{"port", input + "drop; tcp dport 2050 accept; }; }", toPortal(), false, false},
		{"other port", input + "drop; tcp dport 2051 accept; }; }", toPortal(), true, false},
		{"ports", input + "drop; tcp dport { 80, 2000-2100 } accept; }; }", toPortal(), false, false},
		{"ports not", input + "drop; tcp dport != { 80, 2000-2100 } accept; }; }", toPortal(), true, false},
		{"range", input + "accept; tcp dport 2049-2060 drop; }; }", toPortal(), true, false},
		{"interface", input + "accept; iifname \"br-g*\" drop; }; }", toPortal(), true, false},
		{"interfaces", input + "accept; iifname { \"lan\", \"br-guest\" } drop; }; }", toPortal(), true, false},
		{"other interface", input + "accept; iifname \"lan\" drop; }; }", toPortal(), false, false},
		{"no output interface at input", input + "accept; oifname \"wan\" drop; }; }", toPortal(), false, false},
		{"state", input + "drop; ct state established,related accept; }; }", toPortal(), true, false},
		{"state map", input + "drop; ct state vmap { established : accept, new : accept }; }; }", toPortal(), false, false},
		{"state map without", input + "drop; ct state vmap { established : accept, invalid : drop }; }; }", toPortal(), true, false},
		{"subnet", input + "accept; ip saddr 192.168.0.0/24 drop; }; }", toPortal(), true, false},
		{"subnet not", input + "accept; ip saddr != 192.168.0.0/23 drop; }; }", toPortal(), false, false},
		{"IPv4 only", input + "accept; ip saddr 0.0.0.0/0 drop; }; }", six, false, false},
		{"IPv6", input + "accept; meta nfproto ipv6 reject; }; }", six, true, false},
		{"other family's table", "table ip x { chain i { type filter hook input priority 0; policy drop; }; }", six, false, false},
		{"local", input + "drop; fib daddr type local accept; }; }", toPortal(), false, false},
		{"syn limit", input + "accept; tcp flags & (fin|syn|rst|ack) == syn jump s; }; chain s { limit rate 25/second return; drop; }; }", toPortal(), false, false},
		{"over a limit", input + "accept; limit rate over 9/second drop; }; }", toPortal(), false, false},
		{"jump", input + "accept; jump a; }; chain a { jump b; }; chain b { tcp dport 2050 reject with tcp reset; }; }", toPortal(), true, false},
		{"goto and back", input + "drop; goto a; accept; }; chain a { udp dport 1 accept; }; }", toPortal(), true, false},
		{"return", input + "accept; jump a; }; chain a { tcp dport 2050 return; drop; }; }", toPortal(), false, false},
		{"unknown set accepts", "table inet x { set s { type ipv4_addr; elements = { 1.2.3.4 }; }; chain i { type filter hook input priority 0; policy drop; ip saddr @s accept; }; }", toPortal(), false, true},
		{"unknown set drops", "table inet x { set s { type ipv4_addr; elements = { 1.2.3.4 }; }; chain i { type filter hook input priority 0; ip saddr @s drop; }; }", toPortal(), false, true},
		{"mark", input + "accept; meta mark 5 drop; }; }", toPortal(), false, false},
		{"two tables", input + "accept; }; }; table inet y { chain i { type filter hook input priority 9; policy drop; }; }", toPortal(), true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := inspected(t, tc.rules).Trace(HookInput, tc.packet, DefaultTable)
			if (f.Stopped != "") != tc.stopped || (f.Doubt != "") != tc.doubt {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestTraceTranslation(t *testing.T) {
	const nat = "table inet n { chain p { type nat hook postrouting priority srcnat; "
	for rules, want := range map[string]bool{
		nat + "oifname wan masquerade; }; }":                                                          true,
		nat + "oifname lan masquerade; }; }":                                                          false,
		nat + "oifname wan jump w; }; chain w { meta nfproto ipv4 masquerade; }; }":                   true,
		nat + "ip saddr 192.168.0.0/16 oifname wan snat ip to 203.0.113.2; }; }":                      true,
		nat + "ip saddr 10.0.0.0/8 masquerade; }; }":                                                  false,
		"table ip n { chain p { type nat hook postrouting priority 100; oifname wan masquerade; }; }": true,
	} {
		p := outside()
		p.In = ""
		if f := inspected(t, rules).Trace(HookPostrouting, p, DefaultTable); f.Translated != want {
			t.Errorf("%s: %+v", rules, f)
		}
	}
}

// Our own table is left out, and is seen with as many rules as Want tells.
func TestWantAndProbe(t *testing.T) {
	n := newNamespace(t)
	cfg := Config{Log: slog.New(slog.DiscardHandler), GuestInterface: "br-guest", Uplinks: []string{"wan"}, NetNS: int(n.h)}
	missing, err := Probe(t.Context(), cfg)
	if err != nil || len(missing) != 0 {
		t.Fatalf("%v, %v", missing, err)
	}
	if got := strings.TrimSpace(n.run(t, "nft", "list", "ruleset")); got != "" {
		t.Errorf("the trial left something behind: %s", got)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	if err := g.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := Inspect(t.Context(), int(n.h))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Want(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, least := range want {
		if c := r.find(unix.NFPROTO_INET, DefaultTable, name); c == nil || c.Rules < least {
			t.Errorf("chain %s: %+v, want %d rules", name, c, least)
		}
	}
	if f := r.Trace(HookForward, outside(), DefaultTable); f.Stopped != "" {
		t.Errorf("our own table counted: %+v", f)
	}
	if f := r.Trace(HookForward, outside(), ""); f.Stopped == "" && f.Doubt == "" {
		t.Errorf("the gate lets a stranger pass, as traced: %+v", f)
	}
}

// TestProbeNames lets the kernel judge parts that it has not.
func TestProbeNames(t *testing.T) {
	n := newNamespace(t)
	s, err := dial(int(n.h))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	cfg, err := Config{Log: slog.New(slog.DiscardHandler), GuestInterface: "br-guest", Table: "trial"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	odd := rule{"refuse", []expr{{"nosuch", func(*buffer) {}}, accept()}}
	tr := trial{s, cfg, append(chains(), chain{"bad", "nosuch", HookInput, 0}), layout(8), append(allRules(cfg), odd)}
	missing, err := tr.parts(t.Context())
	if err != nil || len(missing) != 2 || missing[0].Name != "chain nosuch" || missing[1].Name != "nosuch" {
		t.Errorf("%v, %v", missing, err)
	}
}

// FuzzTrace leads a packet through rules of any bytes.
func FuzzTrace(f *testing.F) {
	b := &buffer{}
	for _, r := range allRules(Config{GuestInterface: "br-guest", Portal: 2050, DNS: 53}) {
		b.nest(unix.NFTA_RULE_EXPRESSIONS, func() {
			for _, e := range r.exprs {
				b.nest(listElem, func() {
					b.str(unix.NFTA_EXPR_NAME, e.name)
					b.nest(unix.NFTA_EXPR_DATA, func() { e.fill(b) })
				})
			}
		})
		f.Add(bytes.Clone(b.b))
		b.b = b.b[:0]
	}
	f.Fuzz(func(_ *testing.T, d []byte) {
		_, _, rule := decodeRule(d)
		elem := decodeSetElem(d)
		r := &Ruleset{
			Chains: []Chain{{Family: unix.NFPROTO_INET, Table: "t", Name: "catch", Type: "filter", Hook: HookInput, rules: [][]heldExpr{rule, rule}}},
			sets:   map[setName]*heldSet{{unix.NFPROTO_INET, "t", "up4"}: {elems: []setElem{elem}}},
		}
		_ = decodeChain(message{body: d})
		r.Trace(HookInput, toPortal(), "")
	})
}

// Reading ends with its context.
func TestInspectEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if _, err := Inspect(ctx, 0); err == nil {
		t.Error("no error")
	}
	if _, err := Probe(ctx, Config{}); err == nil {
		t.Error("no error")
	}
}
