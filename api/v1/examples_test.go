package v1_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

// words splits a command line at spaces outside of quotes, as a shell does.
func words(line, key string) (out []string) {
	quote, word, open := rune(0), "", false
	for _, c := range line + " " {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case c == quote:
			quote = 0
		case quote == 0 && c == ' ':
			if open || word != "" {
				out = append(out, word)
			}
			word, open = "", false
		default:
			word += string(c)
		}
		if quote != '\'' {
			word = strings.ReplaceAll(word, "$KEY", key)
		}
	}
	return out
}

// curl makes the request that a command line of curl would send.
func curl(t *testing.T, line, key string) *http.Request {
	t.Helper()
	args := words(line, key)[1:]
	method, target, body := "GET", "", ""
	header := http.Header{}
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-X":
			i++
			method = args[i]
		case "-d":
			i++
			body = args[i]
		case "-H":
			i++
			name, value, _ := strings.Cut(args[i], ": ")
			header.Set(name, value)
		default:
			target = args[i]
		}
	}
	if !strings.HasPrefix(target, "http://192.168.10.1"+v1.Prefix) {
		t.Fatalf("%s goes to %q", line, target)
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header, r.RemoteAddr = header, "192.168.10.7:40000"
	return r
}

// TestExamples runs every example of docs/api.md's chapter on this API, one
// after another, on one router.
func TestExamples(t *testing.T) {
	b, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, found := strings.Cut(string(b), "\n# The REST API\n")
	if !found {
		t.Fatal("there is no chapter")
	}
	chapter, _, _ = strings.Cut(chapter, "\n# ")
	h := newHouse(t)
	key, err := h.keys.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w := h.do("POST", "/vouchers", `{"username":"anna"}`, "x-api-key", key); w.Code != http.StatusCreated {
		t.Fatal(w.Body)
	}
	ran, bodies := 0, map[string]string{}
	for line := range strings.Lines(chapter) {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		line, status, found := strings.Cut(strings.TrimSpace(line), "   # ")
		if !found {
			line, status, _ = strings.Cut(line, " # ")
		}
		want, err := strconv.Atoi(strings.TrimSpace(status))
		if err != nil {
			t.Errorf("%s does not say its status", line)
		}
		w := httptest.NewRecorder()
		h.lan.ServeHTTP(w, curl(t, strings.TrimSpace(line), key))
		if w.Code != want {
			t.Errorf("%s: %d %s", line, w.Code, w.Body)
		}
		if first, again := bodies[line]; again && strings.TrimSpace(first) != strings.TrimSpace(w.Body.String()) {
			t.Errorf("%s: another answer the second time", line)
		}
		bodies[line] = w.Body.String()
		ran++
	}
	if ran < 12 {
		t.Errorf("only %d examples were found", ran)
	}
	w := h.do("POST", "/vouchers", `{"valid_for":"3 weeks"}`, "x-api-key", key)
	var got, told v1.Problem
	_, example, _ := strings.Cut(chapter, "```json\n")
	example, _, _ = strings.Cut(example, "```")
	if json.Unmarshal(w.Body.Bytes(), &got) != nil || json.Unmarshal([]byte(example), &told) != nil || got.Detail != told.Detail || got.Field != told.Field || got.Code != told.Code {
		t.Errorf("the example of an error is %+v, the API says %+v", told, got)
	}
	for _, code := range []string{"unauthorized", string(v1.CodeInProgress), string(v1.CodeKeyReused)} {
		if !strings.Contains(chapter, "`"+code+"`") {
			t.Errorf("code %s is not explained", code)
		}
	}
}
