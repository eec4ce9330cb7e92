package action_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api/action"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

var update = flag.Bool("update", false, "write the answers of the golden files anew")

const answerMark = "\n=== answer ===\n"

// TestGolden sends the request of each golden file and compares the answer
// with the one below it. The first line names what is switched on.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(files) < 60 {
		t.Fatalf("found %d golden files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			request, want, _ := strings.Cut(string(b), answerMark)
			got := answer(t, request)
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

// answer serves a request of a golden file and prints what came back.
func answer(t *testing.T, request string) string {
	t.Helper()
	first, wire, _ := strings.Cut(request, "\n")
	f := fixture(t)
	f.settings = hotspot.Settings{
		APIPost: strings.Contains(first, "post"), APIGet: strings.Contains(first, "get"),
	}
	h := action.New(action.Config{
		Service: f, Keys: &fakeKeys{}, Log: quiet(), PostOnly: strings.Contains(first, "cloud"),
	})
	w := serve(h, parseRequest(t, wire))
	var out strings.Builder
	fmt.Fprintf(&out, "%d %s\n", w.Code, http.StatusText(w.Code))
	var names []string
	for n := range w.Header() {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		if n != "Content-Length" {
			fmt.Fprintf(&out, "%s: %s\n", n, w.Header().Get(n))
		}
	}
	var body bytes.Buffer
	if err := json.Indent(&body, w.Body.Bytes(), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	fmt.Fprintf(&out, "\n%s", body.String())
	return out.String()
}

// parseRequest reads a request as it goes over the wire, except that lines end
// as they do in a file and no length need be given.
func parseRequest(t *testing.T, wire string) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(wire, "\n\n")
	method, rest, _ := strings.Cut(head, "\n")
	target := strings.Fields(method)
	if len(target) != 2 {
		t.Fatalf("bad request line %q", method)
	}
	r := httptest.NewRequest(target[0], target[1], strings.NewReader(body))
	header := bufio.NewReader(strings.NewReader("GET / HTTP/1.1\nHost: x\n" + rest + "\n\n"))
	parsed, err := http.ReadRequest(header)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = parsed.Header
	if parsed.ContentLength > 0 {
		r.ContentLength = parsed.ContentLength
	}
	return r
}
