package nft

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

var updateGolden = flag.Bool("update", false, "write the golden files")

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *updateGolden {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// TestRuleset compares the rules, as nft(8) reads them, with the golden files,
// opening twice: the second time must change nothing.
func TestRuleset(t *testing.T) {
	n := newNamespace(t)
	for range 2 {
		g := openIn(t, n, nil)
		golden(t, "ruleset.nft", n.run(t, "nft", "-y", "-s", "list", "ruleset"))
		_ = g.Close()
	}
	n.run(t, "ip", "link", "add", "guest", "index", "101", "type", "veth", "peer", "name", "wan", "index", "102")
	for range 2 {
		g := openIn(t, n, func(c *Config) { c.Indexes = map[string]uint32{"guest": 101, "wan": 102, "other": 1} })
		golden(t, "ruleset-indexes.nft", n.run(t, "nft", "-y", "-s", "list", "ruleset"))
		_ = g.Close()
	}
	for range 2 {
		g := openIn(t, n, func(c *Config) {
			c.Uplinks, c.Protected, c.DNS, c.Portal = nil, []string{"lan", "office"}, 5353, 8080
		})
		golden(t, "ruleset-any-uplink.nft", n.run(t, "nft", "-y", "-s", "list", "ruleset"))
		_ = g.Close()
	}
}

var (
	expires  = regexp.MustCompile(`expires \w+`)
	elements = regexp.MustCompile(`(?s)elements = \{.*?\}`)
)

// bare returns a listing without the chains and without what changes.
func bare(list string) string {
	list, _, _ = strings.Cut(list, "\tchain ")
	return sortElements(expires.ReplaceAllString(list, "expires …"))
}

// sortElements sorts the lists of elements, whose order is the kernel's whim.
func sortElements(list string) string {
	return elements.ReplaceAllStringFunc(list, func(s string) string {
		s = strings.TrimSuffix(strings.TrimPrefix(s, "elements = {"), "}")
		parts := strings.Split(s, ",")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		slices.Sort(parts)
		return "elements = {\n\t\t\t" + strings.Join(parts, ",\n\t\t\t") + "\n\t\t}"
	})
}

// TestGuests compares a series of states with golden files.
func TestGuests(t *testing.T) {
	n := newNamespace(t)
	g := openIn(t, n, nil)
	show := func(name string) {
		t.Helper()
		golden(t, name, bare(n.run(t, "nft", "-y", "list", "ruleset")))
	}
	grant := labGrant(0, 17)
	grant.Left, grant.Used = time.Hour, hotspot.Usage{Down: 5, Up: 6}
	pass := hotspot.Pass{
		Account: voucher(43), Limit: hotspot.Usage{Down: 1000000}, Used: hotspot.Usage{Down: 1000, Up: 2000},
		Grants: []hotspot.Grant{grant, labGrant(1, 18)},
	}
	mustSet(t, g, pass)
	show("two-guests.nft")
	mustSet(t, g, pass)
	show("two-guests.nft")
	pass.Grants = pass.Grants[:1]
	pass.Limit.Down *= 2
	mustSet(t, g, pass)
	show("one-guest-more.nft")
	mustSet(t, g, hotspot.Pass{Account: voucher(43)})
	show("meters.nft")
	if err := g.Forget(t.Context(), 17, 18); err != nil {
		t.Fatal(err)
	}
	show("nobody.nft")
}

// TestOldChains checks that chains of other versions are cleared away, and
// what others have is not.
func TestOldChains(t *testing.T) {
	n := newNamespace(t)
	n.run(t, "nft", "add table inet other; add chain inet other strange; add rule inet other strange drop; "+
		"add table inet vouchsafe; add chain inet vouchsafe ancient; add chain inet vouchsafe up; "+
		"add rule inet vouchsafe ancient drop; add rule inet vouchsafe up jump ancient")
	others := n.run(t, "nft", "list", "table", "inet", "other")
	openIn(t, n, nil)
	if got := n.run(t, "nft", "list", "table", "inet", "other"); got != others {
		t.Errorf("another's table is now\n%s", got)
	}
	golden(t, "ruleset-upgraded.nft", n.run(t, "nft", "-y", "-s", "list", "table", "inet", "vouchsafe"))
}
