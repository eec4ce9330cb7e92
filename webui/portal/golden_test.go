package portal

import (
	"bytes"
	"compress/gzip"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// version is of an asset's content, which has no place in a page's file.
var version = regexp.MustCompile(`\?v=[0-9a-f]+`)

func TestGoldenPages(t *testing.T) {
	for _, s := range goldenScenes() {
		t.Run(s.name+"-"+s.lang, func(t *testing.T) {
			v := newVenue(t, s.changes()...)
			w := v.send(s.request(origin4))
			if w.Code != s.want() {
				t.Errorf("status %d, want %d", w.Code, s.want())
			}
			got := canonical(version.ReplaceAllString(w.Body.String(), "?v=0"))
			file := filepath.Join("testdata", "golden", strings.TrimSuffix(s.name+"."+s.lang, ".")+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("page differs from %s (-want +got):\n%s", file, d)
			}
		})
	}
}

// goldenScenes are all scenes in English, and those with figures in them in
// the other languages, too.
func goldenScenes() []scene {
	all := scenes()
	for _, s := range scenes() {
		if slices.Contains([]string{"welcome", "login-early", "login-later", "free-refused", "status", "status-limited"}, s.name) {
			for _, lang := range otherLanguages {
				all = append(all, s.in(lang))
			}
		}
	}
	return all
}

func (s scene) changes() []func(*venue) {
	if s.change == nil {
		return nil
	}
	return []func(*venue){s.change}
}

// TestWeight adds up every page, in its heaviest state, and what pages load,
// for a guest who reads one of the languages.
func TestWeight(t *testing.T) {
	const budget = 30 << 10
	for _, lang := range append([]string{"en"}, otherLanguages...) {
		heaviest := map[string]int{}
		for _, s := range scenes() {
			page, _, _ := strings.Cut(s.name, "-")
			body := newVenue(t, s.changes()...).send(s.in(lang).request(origin4)).Body.Bytes()
			heaviest[page] = max(heaviest[page], zipped(t, body))
		}
		for _, path := range []string{pathStyle, pathIcon} {
			heaviest[path] = zipped(t, newVenue(t).get(path).Body.Bytes())
		}
		total := 0
		for what, n := range heaviest {
			t.Logf("%s %-15s %5d bytes gzipped", lang, what, n)
			total += n
		}
		t.Logf("%s %-15s %5d of %d", lang, "all", total, budget)
		if total > budget {
			t.Errorf("%s: pages weigh %d bytes gzipped, more than %d", lang, total, budget)
		}
	}
}

func zipped(t *testing.T, b []byte) int {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Len()
}
