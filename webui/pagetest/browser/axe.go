package browser

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var axeFile = flag.String("axe", "", "file with axe-core to run on pages; empty: the one that scripts/deps.sh fetched")

// axeFetched is where scripts/deps.sh puts axe-core, beneath the user's cache.
const axeFetched = "vouchsafe/axe-core-4.10.3.js"

// Axe is axe-core, which finds faults of pages for those who see or move otherwise.
// It is another project's. The zero Axe finds nothing.
type Axe struct{ script string }

// ReadAxe reads axe-core. CI has it; elsewhere pages are tried without, if it could
// not be fetched.
func ReadAxe(t testing.TB) Axe {
	t.Helper()
	name := *axeFile
	if name == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		name = filepath.Join(cache, filepath.FromSlash(axeFetched))
	}
	script, err := os.ReadFile(filepath.Clean(name))
	if err != nil && (*axeFile != "" || os.Getenv("CI") != "") {
		t.Fatalf("%v: run scripts/deps.sh test", err)
	}
	if err != nil {
		t.Logf("pages are tried without axe-core: %v", err)
	}
	return Axe{string(script)}
}

// Try fails the test for what axe-core finds on the page that is serious, with the
// rules of some names or with all of them. name is the page's.
func (a Axe) Try(t testing.TB, c *Browser, name string, rules ...string) {
	t.Helper()
	for _, fault := range a.faults(t, c, rules) {
		if strings.HasPrefix(fault, "serious") || strings.HasPrefix(fault, "critical") {
			t.Errorf("%s: axe: %s", name, fault)
		} else {
			t.Logf("%s: axe: %s", name, fault)
		}
	}
}

// faults runs axe-core.
func (a Axe) faults(t testing.TB, c *Browser, rules []string) []string {
	t.Helper()
	if a.script == "" {
		return nil
	}
	Ask(t, c, chromedp.Evaluate[bool]("if (!window.axe) {"+a.script+"}; !!window.axe"))
	options := `{ resultTypes: ["violations"] }`
	if len(rules) > 0 {
		options = `{ resultTypes: ["violations"], runOnly: ["` + strings.Join(rules, `", "`) + `"] }`
	}
	run := `axe.run(` + options + `).then((r) => (r.passes.length ? [] : ["critical: nothing was tried"]).concat(r.violations.map((v) => v.impact + " " + v.id + ": " + v.help + " — " +
		v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + n.html.slice(0, 120)).join(" | "))))`
	return Ask(t, c, chromedp.Evaluate[[]string](run, chromedp.EvalAwaitPromise))
}
