package print

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const styleFile = "static/print.css"

// TestStyleHasEverySize keeps the rules of sizes in the style sheet.
func TestStyleHasEverySize(t *testing.T) {
	css, err := os.ReadFile(styleFile)
	if err != nil {
		t.Fatal(err)
	}
	base, _, _ := strings.Cut(string(css), "@page ")
	var b strings.Builder
	b.WriteString(base)
	rule := func(class string, w, h length) {
		fmt.Fprintf(&b, "@page %s{size:%smm %smm;margin:0}.%s{page:%s}\n", class, appendMM(nil, w), appendMM(nil, h), class, class)
	}
	for _, p := range Papers() {
		about, _ := p.about()
		if about.h > 0 {
			rule(string(p), about.w, about.h)
			continue
		}
		for h := leastRoll; h <= mostRoll; h += rollStep {
			rule(fmt.Sprintf("%s-%d", p, h/mm), about.w, h)
		}
	}
	golden(t, []byte(b.String()), styleFile)
}

var version = regexp.MustCompile(`\?v=[0-9a-f]+`)

func TestGoldenPages(t *testing.T) {
	for _, l := range Layouts() {
		t.Run(l.String(), func(t *testing.T) {
			j := job(t, venue(t, l.String()))
			var b bytes.Buffer
			if _, err := j.HTML(&b, some(3, nil)); err != nil {
				t.Fatal(err)
			}
			golden(t, version.ReplaceAll(b.Bytes(), []byte("?v=0")), "testdata", l.String()+".html")
		})
	}
}
