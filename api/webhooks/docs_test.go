package webhooks

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// examples returns the code of a language in the documentation.
func examples(t *testing.T, language string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "webhooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		out = append(out, m[1])
	}
	return out
}

// TestDocumentedVerification runs the receivers' examples on real requests, right
// and wrong.
func TestDocumentedVerification(t *testing.T) {
	l := newLab(t)
	l.events.now = time.Now()
	h, old := l.add()
	_, secret, err := l.Rotate(t.Context(), h.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Test(t.Context(), h.ID); err != nil {
		t.Fatal(err)
	}
	r := l.to.requests()[0]
	id, at, signature := r.header.Get("webhook-id"), r.header.Get("webhook-timestamp"), r.header.Get("webhook-signature")
	stale := time.Now().Add(-time.Hour)
	raw, _ := parseSecret(secret)
	for language, command := range map[string][]string{"sh": {"sh"}, "python": {"python3"}, "go": {"go", "run"}, "javascript": {"node"}} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			code := examples(t, language)
			file := filepath.Join(t.TempDir(), "verify."+map[string]string{"go": "go", "javascript": "js"}[language])
			if err := os.WriteFile(file, []byte(code[len(code)-1]), 0o700); err != nil {
				t.Fatal(err)
			}
			run := append(command, file)
			if language == "go" {
				run = []string{strings.TrimSuffix(file, ".go")}
				build(t, file, run[0])
			}
			for name, c := range map[string]struct {
				env  [4]string
				body string
				ok   bool
			}{
				"right":         {[4]string{secret, id, at, signature}, r.body, true},
				"old secret":    {[4]string{old, id, at, signature}, r.body, true},
				"other secret":  {[4]string{secretText(newSecret()), id, at, signature}, r.body, false},
				"other body":    {[4]string{secret, id, at, signature}, r.body + " ", false},
				"other id":      {[4]string{secret, id + "x", at, signature}, r.body, false},
				"no signature":  {[4]string{secret, id, at, ""}, r.body, false},
				"other version": {[4]string{secret, id, at, strings.ReplaceAll(signature, "v1,", "v2,")}, r.body, false},
				"old request": {[4]string{secret, id, strconv.FormatInt(stale.Unix(), 10), sign(id, stale, []byte(r.body), raw)},
					r.body, false},
			} {
				if got := check(t, run, c.env, c.body); got != c.ok {
					t.Errorf("%s: %v", name, got)
				}
			}
		})
	}
}

func build(t *testing.T, file, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, file)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
}

// check runs a receiver and reports whether it takes a request.
func check(t *testing.T, run []string, env [4]string, body string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, run[0], run[1:]...)
	cmd.Env = append(os.Environ(), "SECRET="+env[0], "ID="+env[1], "TIMESTAMP="+env[2], "SIGNATURE="+env[3])
	cmd.Stdin = strings.NewReader(body)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 1 {
		t.Fatalf("%v: %v: %s", run, err, out)
	}
	if len(out) > 0 {
		t.Errorf("%v printed %s", run, out)
	}
	return err == nil
}

// The bodies in the documentation are one of each type, and parse.
func TestDocumentedBodies(t *testing.T) {
	want := map[string]bool{TestType: true}
	for _, typ := range hotspot.EventTypes() {
		want[string(typ)] = true
	}
	for _, text := range examples(t, "json") {
		var e hotspot.Event
		var body struct {
			ID, Type  string
			Timestamp time.Time
			Data      json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		e.ID, e.Type, e.Time, e.Data = body.ID, hotspot.EventType(body.Type), body.Timestamp, body.Data
		if got, err := bodyOf(&e); err != nil || string(got) != strings.TrimSpace(text) {
			t.Errorf("%s, %v is documented as\n%s", got, err, text)
		}
		if len(body.ID) != 30 || !want[body.Type] {
			t.Errorf("id %q, type %q", body.ID, body.Type)
		}
		delete(want, body.Type)
	}
	if len(want) > 0 {
		t.Errorf("no body of %v", want)
	}
}
