package keys_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api"
)

var update = flag.Bool("update", false, "write the answers of the golden files anew")

const answerMark = "\n=== answer ===\n"

// TestGolden sends the request of each golden file and compares the answer
// with the one below it. The first line says what keys there are.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("found %d golden files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			request, want, _ := strings.Cut(string(b), answerMark)
			got := goldenAnswer(t, request)
			if *update {
				if err := os.WriteFile(file, []byte(request+answerMark+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("answer differs (-want +got):\n%s", d)
			}
		})
	}
}

// goldenAnswer serves a request of a golden file and prints what came back.
func goldenAnswer(t *testing.T, request string) string {
	t.Helper()
	first, wire, _ := strings.Cut(request, "\n")
	h := newHouse(t)
	if strings.Contains(first, "example") {
		h.fixture()
	}
	k, till := h.create(api.NewKey{Label: "till", Expires: "Never"})
	wire = strings.NewReplacer("{device}", h.device(), "{till}", till).Replace(wire)
	for name, token := range map[string]func() string{
		"{anna}": func() string { return h.signIn("anna@example.com") }, "{bert}": func() string { return h.signIn("bert@example.com") },
		"{till token}": func() string { return h.token(till) }, "{device token}": func() string { return h.token(h.device()) },
	} {
		if strings.Contains(wire, name) {
			wire = strings.ReplaceAll(wire, name, token())
		}
	}
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, parseRequest(t, wire))
	var out strings.Builder
	fmt.Fprintf(&out, "%d %s\n", w.Code, http.StatusText(w.Code))
	var names []string
	for n := range w.Header() {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if n != "Content-Length" {
			fmt.Fprintf(&out, "%s: %s\n", n, w.Header().Get(n))
		}
	}
	var body bytes.Buffer
	if err := json.Indent(&body, w.Body.Bytes(), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	random := strings.NewReplacer(k.ID.String(), "<id>", hex.EncodeToString(k.Hash[:]), "<hash>")
	fmt.Fprintf(&out, "\n%s", neutral(random.Replace(body.String())))
	return out.String()
}

// neutral replaces what is random.
func neutral(s string) string {
	s = regexp.MustCompile(`"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9\.[\w-]+\.[\w-]{43}"`).ReplaceAllString(s, `"<token>"`)
	return regexp.MustCompile(`"vs_[A-Z2-7]{52}"`).ReplaceAllString(s, `"<key>"`)
}

// parseRequest reads a request as it goes over the wire, except that lines end
// as they do in a file and no length need be given.
func parseRequest(t *testing.T, wire string) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(wire, "\n\n")
	line, rest, _ := strings.Cut(head, "\n")
	target := strings.Fields(line)
	if len(target) != 2 {
		t.Fatalf("bad request line %q", line)
	}
	r := httptest.NewRequest(target[0], target[1], strings.NewReader(strings.TrimSuffix(body, "\n")))
	parsed, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\nHost: x\n" + rest + "\n\n")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = parsed.Header
	return r
}
