package system

import (
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, Files) }

// elsewhere are the beginnings of the keys of settings that have pages of their
// own.
var elsewhere = []string{"api.", "login.", "people.", "portal.", "print.", "venue."}

// Every setting has its place and its texts here, or belongs to another page.
func TestSettingsHaveAPlace(t *testing.T) {
	langs, err := webui.NewLanguages(Files)
	if err != nil {
		t.Fatal(err)
	}
	l := langs.Default()
	mine := ours()
	for _, k := range hotspot.SettingKeys() {
		other := slices.ContainsFunc(elsewhere, func(p string) bool { return strings.HasPrefix(k.Key, p) })
		if _, ok := mine[k.Key]; ok == other {
			t.Errorf("%s: on this page is %v, on another is %v; put it into groups, or name its page in elsewhere", k.Key, ok, other)
		}
		if other {
			continue
		}
		keys := []string{"system.set." + k.Key, "system.set." + k.Key + ".help", "system.refused." + string(kindOf(k))}
		if kindOf(k) == kindNumber {
			keys[2] = "system.refused.range"
		}
		if kindOf(k) == kindChoice {
			for v := range strings.SplitSeq(k.Kind, "|") {
				keys = append(keys, "system.value."+k.Key+"."+v)
			}
		}
		for _, key := range keys {
			if !l.Has(key) {
				t.Errorf("there is no text %s", key)
			}
		}
		if got := inWords(l, k, k.Default); got == "" || strings.Contains(got, "system.") {
			t.Errorf("the default of %s is shown as %q", k.Key, got)
		}
	}
	for _, g := range groups() {
		for _, key := range g.keys {
			if _, ok := mine[key]; !ok {
				t.Errorf("%s is no setting", key)
			}
		}
	}
}

// Every key of the configuration file has a name.
func TestConfigurationHasTexts(t *testing.T) {
	langs, err := webui.NewLanguages(Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range config.Fields() {
		if key := configText(f.Path); !langs.Default().Has(key) {
			t.Errorf("there is no text %s", key)
		}
	}
}

// Every module that is in the program has a licence that is known, and no other
// one is shown.
func TestLicences(t *testing.T) {
	list := func(args ...string) []string {
		cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list %q: %v", args, err)
		}
		return strings.Fields(string(out))
	}
	const program = "github.com/vouchsafe/vouchsafe/cmd/vouchsafe"
	shipped := list("-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", program)
	if len(shipped) < 15 {
		t.Fatalf("the program is made of %q", shipped)
	}
	for _, module := range list("-m", "-f", "{{if not .Main}}{{.Path}}{{end}}", "all") {
		if in := slices.Contains(shipped, module); in != (licenceOf(module) != "") {
			t.Errorf("%s: is it in the program (%v), and what is its licence (%q)?", module, in, licenceOf(module))
		}
	}
}

// A duration that is shown is the one that is sent.
func TestDurations(t *testing.T) {
	for _, d := range []time.Duration{0, time.Second, 90 * time.Second, 30 * time.Minute, 24 * time.Hour, 36 * time.Hour, 31 * 24 * time.Hour} {
		n, u := split(d.String())
		if got, err := time.ParseDuration(join(n, u)); err != nil || got != d {
			t.Errorf("%s: %s %s is %v, %v", d, n, u, got, err)
		}
	}
	for _, bad := range []string{"", "-1", "1.5", "x", "99999999999999999999"} {
		if got := join(bad, "days"); got != bad {
			t.Errorf("%q became %q", bad, got)
		}
	}
	if got := join("5", "weeks"); got != "5" {
		t.Errorf("%q", got)
	}
}

// FuzzSettings sends any form: what comes of it is settings of the page only,
// and the rules take or refuse them.
func FuzzSettings(f *testing.F) {
	f.Add("was:session.timeout=0s&session.timeout=5&unit:session.timeout=days&was:voucher.takeover=off&voucher.takeover=on")
	f.Add("was:venue.name=x&venue.name=y&session.timeout=%ff")
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		values := typedSettings(form)
		known := ours()
		for key := range values {
			if _, ok := known[key]; !ok {
				t.Errorf("%q is not on the page", key)
			}
		}
		_, _ = hotspot.DefaultSettings().With(values)
	})
}
