package action

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
)

// kind is the type that a parameter came in.
type kind uint8

const (
	kindAbsent kind = iota // not there, or null
	kindText
	kindNumber // of JSON; the text is its literal
	kindOther  // an object, an array, a truth value, a file
)

// value is one parameter. The zero value is an absent one.
type value struct {
	kind kind
	text string
}

// params are the parameters of a request, by name. Only known names are kept.
type params map[string]value

// known are the names of all parameters; others are ignored.
func known(name string) bool {
	switch name {
	case "api-key", "action", "username", "passcode", "fullname", "valid_for",
		"valid_from", "download_limit", "upload_limit", "limit", "after_id":
		return true
	}
	return false
}

// scalar returns the text of a parameter that is there, not empty, and text
// or a number.
func (p params) scalar(name string) (string, bool) {
	v := p[name]
	return v.text, v.text != "" && (v.kind == kindText || v.kind == kindNumber)
}

// add keeps a parameter. One given twice in the same place is refused, since
// the sender and we might not agree which of them counts.
func (p params) add(name string, v value) error {
	if !known(name) {
		return nil
	}
	if _, twice := p[name]; twice {
		return api.BadRequest(name + " is given twice")
	}
	p[name] = v
	return nil
}

// readParams reads the parameters of a GET or POST. The query string of a POST
// fills in what its body lacks, if query allows.
func readParams(w http.ResponseWriter, r *http.Request, query bool) (params, error) {
	p := params{}
	if r.Method == http.MethodPost {
		body, err := api.ReadBody(w, r, maxBody)
		if err != nil {
			return nil, err
		}
		if p, err = decodeBody(r.Header.Get("Content-Type"), body); err != nil {
			return nil, err
		}
	}
	if !query {
		return p, nil
	}
	q, err := decodeForm(r.URL.RawQuery, "the query string")
	if err != nil {
		return nil, err
	}
	for name, v := range q {
		if p[name].kind == kindAbsent {
			p[name] = v
		}
	}
	return p, nil
}

// decodeBody reads the parameters in a body. An empty one has none, whatever
// its type.
func decodeBody(contentType string, body []byte) (params, error) {
	if len(body) == 0 {
		return params{}, nil
	}
	mediaType, boundary, err := bodyType(contentType)
	if err != nil {
		return nil, err
	}
	switch mediaType {
	case "multipart/form-data":
		return decodeMultipart(boundary, body)
	case "application/x-www-form-urlencoded":
		// Common tools send JSON under this type unless told otherwise. No
		// form of ours begins with a brace.
		if !looksLikeObject(body) {
			return decodeForm(string(body), "the body")
		}
	}
	return decodeJSON(body)
}

// bodyType returns the media type of a body; none stands for JSON.
func bodyType(contentType string) (mediaType, boundary string, err error) {
	if contentType == "" {
		return "application/json", "", nil
	}
	mediaType, attrs, err := mime.ParseMediaType(contentType)
	unsupported := &api.Problem{
		Status:  http.StatusUnsupportedMediaType,
		Message: "Unsupported media type",
		Detail: "the body must be application/json, application/x-www-form-urlencoded " +
			"or multipart/form-data, in UTF-8",
	}
	if err != nil {
		return "", "", unsupported
	}
	switch strings.ToLower(attrs["charset"]) {
	case "", "utf-8", "utf8", "us-ascii":
	default:
		return "", "", unsupported
	}
	switch mediaType {
	case "application/json", "application/x-www-form-urlencoded", "multipart/form-data":
		return mediaType, attrs["boundary"], nil
	}
	return "", "", unsupported
}

func looksLikeObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}

// decodeForm reads a=1&b=2. Unlike net/url it does not treat a semicolon as
// an error: passcodes may contain one.
func decodeForm(s, what string) (params, error) {
	p := params{}
	for s != "" {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		name, text, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			text, err = url.QueryUnescape(text)
		}
		if err != nil {
			return nil, api.BadRequest(what + " is not well encoded: a % must be followed by two hexadecimal digits")
		}
		if !utf8.ValidString(text) || !utf8.ValidString(name) {
			return nil, api.BadRequest(what + " is not UTF-8")
		}
		if err := p.add(name, value{kindText, text}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func decodeMultipart(boundary string, body []byte) (params, error) {
	bad := api.BadRequest("the body is not well-formed multipart/form-data")
	// Without its last boundary, a form was cut off somewhere.
	if boundary == "" || !bytes.Contains(body, []byte("--"+boundary+"--")) {
		return nil, bad
	}
	p := params{}
	for mr := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, bad
		}
		text, err := io.ReadAll(part) // no longer than the body
		if err != nil {
			return nil, bad
		}
		if !known(part.FormName()) {
			continue
		}
		v := value{kindText, string(text)}
		if part.FileName() != "" {
			v = value{kind: kindOther}
		} else if !utf8.Valid(text) {
			return nil, api.BadRequest("the body is not UTF-8")
		}
		if err := p.add(part.FormName(), v); err != nil {
			return nil, err
		}
	}
}

// decodeJSON reads an object. Unknown members may hold anything.
func decodeJSON(body []byte) (params, error) {
	bad := api.BadRequest("the body is not a JSON object")
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // as Windows programs write
	if !utf8.Valid(body) {
		return nil, api.BadRequest("the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, bad
	}
	p := params{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, bad
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, bad
		}
		if !known(name) {
			continue
		}
		v, err := jsonValue(name, raw)
		if err != nil {
			return nil, err
		}
		if err := p.add(name, v); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, bad
	}
	return p, nil
}

func jsonValue(name string, raw json.RawMessage) (value, error) {
	switch c := raw[0]; {
	case c == 'n':
		return value{}, nil
	case c == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return value{}, api.BadRequest("the body is not a JSON object")
		}
		if strings.ContainsRune(s, utf8.RuneError) && halfSurrogate(raw) {
			return value{}, api.BadRequest(fmt.Sprintf("%s contains half a character", name))
		}
		return value{kindText, s}, nil
	case c == '-' || c >= '0' && c <= '9':
		return value{kindNumber, string(raw)}, nil
	}
	return value{kind: kindOther}, nil
}

// halfSurrogate reports whether a U+FFFD in a decoded string came from an
// escaped surrogate without its other half, which is no character at all.
func halfSurrogate(raw []byte) bool {
	raw = bytes.ToLower(raw)
	return !bytes.Contains(raw, []byte("\xef\xbf\xbd")) && !bytes.Contains(raw, []byte(`\ufffd`))
}
