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

	"github.com/vouchsafe/vouchsafe/api"
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

// signed is a real request of this moment, for a receiver that had another secret
// until now.
type signed struct {
	request
	secret, old string
}

func newSigned(t *testing.T) (s signed) {
	t.Helper()
	now := time.Now() // a bubble has a clock of its own
	inLab(t, func(t *testing.T, l *lab) {
		l.events.now = now
		var h api.Webhook
		h, s.old = l.add()
		var err error
		if _, s.secret, err = l.Rotate(t.Context(), h.ID, ""); err != nil {
			t.Fatal(err)
		}
		if d, err := l.Test(t.Context(), h.ID); err != nil || !d.OK {
			t.Fatalf("%+v, %v", d, err)
		}
		s.request = l.to.requests()[0]
	})
	return s
}

// TestDocumentedVerification runs the receivers' examples on real requests, right
// and wrong.
func TestDocumentedVerification(t *testing.T) {
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
				change func(s *signed, id, at, signature *string)
				ok     bool
			}{
				"right":         {func(*signed, *string, *string, *string) {}, true},
				"old secret":    {func(s *signed, _, _, _ *string) { s.secret = s.old }, true},
				"other secret":  {func(s *signed, _, _, _ *string) { s.secret = secretText(newSecret()) }, false},
				"other body":    {func(s *signed, _, _, _ *string) { s.body += " " }, false},
				"other id":      {func(_ *signed, id, _, _ *string) { *id += "x" }, false},
				"no signature":  {func(_ *signed, _, _, signature *string) { *signature = "" }, false},
				"other version": {func(_ *signed, _, _, signature *string) { *signature = strings.ReplaceAll(*signature, "v1,", "v2,") }, false},
				"old request": {func(s *signed, id, at, signature *string) {
					stale := time.Now().Add(-time.Hour)
					raw, _ := parseSecret(s.secret)
					*at, *signature = strconv.FormatInt(stale.Unix(), 10), sign(*id, stale, []byte(s.body), raw)
				}, false},
			} {
				s := newSigned(t) // receivers take requests for some minutes
				id, at, signature := s.header.Get("webhook-id"), s.header.Get("webhook-timestamp"), s.header.Get("webhook-signature")
				c.change(&s, &id, &at, &signature)
				if got := check(t, run, [4]string{s.secret, id, at, signature}, s.body); got != c.ok {
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
