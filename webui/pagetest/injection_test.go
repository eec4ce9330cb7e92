package pagetest

import (
	"fmt"
	"html"
	"testing"
)

// recorder notes whether a test failed.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()                   {}
func (r *recorder) Errorf(string, ...any)     { r.failed = true }
func (r *recorder) Fatalf(f string, a ...any) { r.failed = true; panic(r) }

// TestInjectionFindsFaults makes sure that its silence means something.
func TestInjectionFindsFaults(t *testing.T) {
	type row struct{ Name string }
	view := struct {
		Title string
		Rows  []row
		Kind  fmt.Stringer
	}{"a", []row{{"b"}, {"c"}}, nil}
	esc := html.EscapeString
	for name, c := range map[string]struct {
		bad  bool
		page func() string
	}{
		"escaped": {false, func() string {
			return "<p title=\"" + esc(view.Title) + "\">" + esc(view.Rows[0].Name) + esc(view.Rows[1].Name)
		}},
		"not shown":  {false, func() string { return "<p>" }},
		"raw text":   {true, func() string { return "<p>" + view.Rows[1].Name }},
		"unquoted":   {true, func() string { return "<p title=" + esc(view.Title) + ">" }},
		"dropped":    {true, func() string { return "<p>" + esc(view.Title[max(0, len(view.Title)-16):]) }},
		"an address": {true, func() string { return "<a href=\"" + esc(view.Title) + "\">" }},
		"a script":   {true, func() string { return "<script>\"" + esc(view.Title) + "\"</script>" }},
	} {
		r := &recorder{TB: t}
		func() {
			defer func() {
				if e := recover(); e != nil && e != any(r) {
					panic(e)
				}
			}()
			for _, hostile := range Hostile {
				Injection(r, hostile, &view, c.page)
			}
		}()
		if r.failed != c.bad {
			t.Errorf("%s: found %v, want %v", name, r.failed, c.bad)
		}
		if view.Title != "a" || view.Rows[1].Name != "c" {
			t.Errorf("%s: the view is changed to %v", name, view)
		}
	}
}
