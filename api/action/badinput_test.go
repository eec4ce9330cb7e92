package action_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBadBodies: what does not parse is refused with the reason, in JSON.
func TestBadBodies(t *testing.T) {
	const j, form = "application/json", "application/x-www-form-urlencoded"
	const multi = "multipart/form-data; boundary=B"
	deep := strings.Repeat("[", 30000)
	h := newHandler(fixture(t))
	for name, c := range map[string]struct {
		contentType, body string
		code              int
	}{
		"cut off":               {j, `{"api-key": "x"`, 400},
		"only a brace":          {j, `{`, 400},
		"only space":            {j, "  \n", 400},
		"array":                 {j, `[{"api-key": "x"}]`, 400},
		"text":                  {j, `"api-key"`, 400},
		"null":                  {j, `null`, 400},
		"number":                {j, `1`, 400},
		"two objects":           {j, `{}{}`, 400},
		"trailing rubbish":      {j, `{} x`, 400},
		"trailing comma":        {j, `{"action": "a",}`, 400},
		"single quotes":         {j, `{'action': 'a'}`, 400},
		"no quotes":             {j, `{action: "a"}`, 400},
		"comment":               {j, `{/**/}`, 400},
		"NaN":                   {j, `{"download_limit": NaN}`, 400},
		"Infinity":              {j, `{"download_limit": -Infinity}`, 400},
		"hex":                   {j, `{"download_limit": 0x10}`, 400},
		"leading zero":          {j, `{"download_limit": 012}`, 400},
		"raw NUL":               {j, "{\"username\": \"a\x00b\"}", 400},
		"raw newline":           {j, "{\"username\": \"a\nb\"}", 400},
		"not UTF-8":             {j, "{\"username\": \"\xff\"}", 400},
		"not UTF-8 in unknown":  {j, "{\"x\": \"\xc3\"}", 400},
		"UTF-16":                {j, "\xff\xfe{\x00}\x00", 400},
		"half a character":      {j, `{"username": "\ud800"}`, 400},
		"bad escape":            {j, `{"username": "\x41"}`, 400},
		"twice":                 {j, `{"action": "a", "action": "b"}`, 400},
		"twice by escape":       {j, `{"action": "a", "\u0061ction": "b"}`, 400},
		"twice, once null":      {j, `{"api-key": null, "api-key": "b"}`, 400},
		"too deep":              {j, `{"x": ` + deep, 400},
		"too deep and closed":   {j, `{"username": ` + deep + strings.Repeat("]", 30000) + `}`, 400},
		"no type, no JSON":      {"", `api-key=x`, 400},
		"form: bad escape":      {form, `action=%g1`, 400},
		"form: not UTF-8":       {form, `username=%ff`, 400},
		"form: twice":           {form, `action=a&action=b`, 400},
		"form that is bad JSON": {form, `{"action": `, 400},
		"multipart: no bound":   {"multipart/form-data", "--B--", 400},
		"multipart: cut off":    {multi, "--B\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nx", 400},
		"multipart: no parts":   {multi, "rubbish", 400},
		"multipart: not UTF-8":  {multi, "--B\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\n\xff\r\n--B--\r\n", 400},
		"multipart: twice":      {multi, strings.Repeat("--B\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nx\r\n", 2) + "--B--\r\n", 400},
		"plain text":            {"text/plain", `{"action": "a"}`, 415},
		"XML":                   {"application/xml", `<a/>`, 415},
		"unreadable type":       {"/;;=", `{}`, 415},
		"other charset":         {"application/json; charset=utf-16", `{}`, 415},
		"too large":             {j, `{"x": "` + strings.Repeat("x", 1<<20) + `"}`, 413},
		"one byte too many":     {j, `{"x": "` + strings.Repeat("x", 64<<10-8) + `"}`, 413},
		"too large form":        {form, strings.Repeat("x", 1_000_000), 413},
	} {
		t.Run(name, func(t *testing.T) {
			w := post(h, c.contentType, c.body)
			msg, detail := message(t, w)
			if w.Code != c.code || msg == "" || detail == "" || !strings.Contains(w.Body.String(), `"error":true`) {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.code)
			}
			if ct := w.Header().Get("Content-Type"); ct != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %q", ct)
			}
		})
	}
}

// TestOddBodies: unusual, but clear.
func TestOddBodies(t *testing.T) {
	h := newHandler(fixture(t))
	k := `"api-key": "` + testKey + `", "action": "remove_voucher", "username": "user123"`
	for name, c := range map[string]struct{ contentType, body string }{
		"byte order mark":      {"application/json", "\xef\xbb\xbf{" + k + "}"},
		"unknown members":      {"application/json", `{"x": [{"y": null}], "X": {}, "x": 1, ` + k + `}`},
		"as large as allowed":  {"application/json", `{` + k + `, "x": "` + strings.Repeat("x", 64<<10-len(k)-11) + `"}`},
		"charset":              {"Application/JSON; charset=UTF-8", "{" + k + "}"},
		"deep but unknown":     {"application/json", `{"x": ` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `, ` + k + `}`},
		"escaped names":        {"application/json", "{" + strings.ReplaceAll(k, "username", `\u0075sername`) + "}"},
		"JSON without a type":  {"", " \r\n{" + k + "}"},
		"JSON sent as a form":  {"application/x-www-form-urlencoded", "{" + k + "}"},
		"file of unknown name": {"multipart/form-data; boundary=B", multipart("x\"; filename=\"f", "\xff") + multipart("api-key", testKey) + multipart("action", "remove_voucher") + multipart("username", "user123") + "--B--"},
	} {
		t.Run(name, func(t *testing.T) {
			w := post(h, c.contentType, c.body)
			if msg, detail := message(t, w); msg != "User removed successfully" {
				t.Errorf("%d %q %q", w.Code, msg, detail)
			}
		})
	}
	w := post(h, "multipart/form-data; boundary=B", multipart("api-key", testKey)+multipart("action", "create_voucher")+
		multipart(`username"; filename="a.txt`, "user")+"--B--")
	if _, detail := message(t, w); detail != "username: must be text" {
		t.Errorf("a file as a username: %q", detail)
	}
}

func multipart(name, text string) string {
	return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + text + "\r\n"
}

// TestKeyOfWrongType: a key that is not text is not a key.
func TestKeyOfWrongType(t *testing.T) {
	h := newHandler(fixture(t))
	for raw, want := range map[string]string{
		`{"a": 1}`: "API Key not set or method not allowed", `["` + testKey + `"]`: "API Key not set or method not allowed",
		"true": "API Key not set or method not allowed", "null": "API Key not set or method not allowed",
		`""`: "API Key not set or method not allowed", "0": "API Key is incorrect", `"\u0000"`: "API Key is incorrect",
		`"` + testKey + ` "`: "API Key is incorrect", `"` + strings.Repeat("x", 60000) + `"`: "API Key is incorrect",
	} {
		if msg, _ := message(t, post(h, "application/json", `{"action": "get_logins", "api-key": `+raw+`}`)); msg != want {
			t.Errorf("%.40s: %q, want %q", raw, msg, want)
		}
	}
	for _, raw := range []string{"{}", "[]", "true"} {
		if _, detail := message(t, postJSON(h, `"action": `+raw)); detail != "action: must be text" {
			t.Errorf("action %s: %q", raw, detail)
		}
	}
}

// TestOverTheWire sends what only a real connection can carry.
func TestOverTheWire(t *testing.T) {
	srv := httptest.NewServer(newHandler(fixture(t)))
	defer srv.Close()
	body := `{"api-key": "` + testKey + `", "action": "remove_voucher", "username": "user123"}`
	send := func(r io.Reader) (int, string) {
		t.Helper()
		resp, err := http.Post(srv.URL+"/api/", "application/json", r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(b) {
			t.Errorf("not JSON: %q", b)
		}
		return resp.StatusCode, string(b)
	}
	// A reader of unknown length is sent in chunks.
	chunked := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s[:1]), strings.NewReader(s[1:])) }
	if code, b := send(chunked(body)); code != 200 || !strings.Contains(b, "removed") {
		t.Errorf("chunked: %d %s", code, b)
	}
	if code, b := send(chunked(strings.Repeat("x", 1<<20))); code != 413 {
		t.Errorf("chunked and too large: %d %s", code, b)
	}
	if code, b := send(bytes.NewReader(make([]byte, 1<<20))); code != 413 {
		t.Errorf("too large: %d %s", code, b)
	}
	if code, b := send(strings.NewReader(body)); code != 200 || !strings.Contains(b, "removed") {
		t.Errorf("afterwards: %d %s", code, b)
	}
	for _, path := range []string{"/api", "/api/"} {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || resp.Request.URL.Path != path {
			t.Errorf("%s: %d at %s", path, resp.StatusCode, resp.Request.URL)
		}
	}
	resp, err := http.Head(srv.URL + "/api/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, POST" {
		t.Errorf("HEAD: %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
}
