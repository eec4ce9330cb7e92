package daemon

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMetricsAreDocumented compares the page with docs/metrics.md.
func TestMetricsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("`((?:vouchsafe|go|process)_[a-z_]+)(?:\\{[a-z,]+\\})?`").FindAllStringSubmatch(string(doc), -1) {
		documented[m[1]] = true
	}
	named := map[string]bool{}
	source, err := os.ReadFile("metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("[\"`]((?:vouchsafe|go|process)_[a-z_]+)[\"`{]").FindAllStringSubmatch(string(source), -1) {
		named[m[1]] = true
	}
	for name := range named {
		if !documented[name] {
			t.Errorf("docs/metrics.md does not have %s", name)
		}
	}
	for name := range documented {
		if !named[name] {
			t.Errorf("docs/metrics.md has %s, which is not served", name)
		}
	}
	if len(named) < 20 || !strings.HasPrefix(string(doc), "# Metrics") {
		t.Errorf("%d metrics found", len(named))
	}
}
