package api

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
)

// Kind is the type that a parameter came in.
type Kind uint8

// The kinds of parameters.
const (
	KindAbsent Kind = iota // not there, or null
	KindText
	KindNumber // of JSON; the text is its literal
	KindOther  // an object, an array, a truth value: the text is its JSON; or a file
)

// Value is one parameter. The zero value is an absent one.
type Value struct {
	Kind Kind
	Text string
}

// Params are the parameters of a request, by name. Only known names are kept.
type Params map[string]Value

// ParamRules say which parameters are read from a request, and where.
type ParamRules struct {
	Known   func(name string) bool // other names are ignored; must not be nil
	MaxBody int64                  // bytes; must not be 0
	Query   bool                   // the query string counts, too
}

// Scalar returns the text of a parameter that is there, not empty, and text
// or a number.
func (p Params) Scalar(name string) (string, bool) {
	v := p[name]
	return v.Text, v.Text != "" && (v.Kind == KindText || v.Kind == KindNumber)
}

// paramReader gathers the known parameters of one place.
type paramReader struct {
	known  func(string) bool
	params Params
}

// add keeps a parameter. One given twice in the same place is refused, since
// the sender and we might not agree which of them counts.
func (p paramReader) add(name string, v Value) error {
	if !p.known(name) {
		return nil
	}
	if _, twice := p.params[name]; twice {
		return BadRequest(name + " is given twice")
	}
	p.params[name] = v
	return nil
}

// ReadParams reads the parameters of a request: those in its body, whatever
// its type, and, if the rules allow, those in the query string that the body
// lacks. A GET has no body. What does not parse is a [Problem].
func ReadParams(w http.ResponseWriter, r *http.Request, rules ParamRules) (Params, error) {
	in := paramReader{rules.Known, Params{}}
	if r.Method != http.MethodGet {
		if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
			return nil, &Problem{Status: http.StatusUnsupportedMediaType, Message: "Unsupported media type",
				Detail: "the body must not be compressed"}
		}
		body, err := ReadBody(w, r, rules.MaxBody)
		if err != nil {
			return nil, err
		}
		if err := in.decodeBody(r.Header.Get("Content-Type"), body); err != nil {
			return nil, err
		}
	}
	if !rules.Query {
		return in.params, nil
	}
	query, err := ReadQuery(r, rules.Known)
	if err != nil {
		return nil, err
	}
	for name, v := range query {
		if in.params[name].Kind == KindAbsent {
			in.params[name] = v
		}
	}
	return in.params, nil
}

// ReadQuery reads the parameters of a query string.
func ReadQuery(r *http.Request, known func(name string) bool) (Params, error) {
	q := paramReader{known, Params{}}
	return q.params, q.decodeForm(r.URL.RawQuery, "the query string")
}

// decodeBody reads the parameters in a body. An empty one has none, whatever
// its type.
func (p paramReader) decodeBody(contentType string, body []byte) error {
	if len(body) == 0 {
		return nil
	}
	mediaType, boundary, err := bodyType(contentType)
	if err != nil {
		return err
	}
	switch mediaType {
	case "multipart/form-data":
		return p.decodeMultipart(boundary, body)
	case "application/x-www-form-urlencoded":
		// Common tools send JSON under this type unless told otherwise. No
		// form of ours begins with a brace.
		if !looksLikeObject(body) {
			return p.decodeForm(string(body), "the body")
		}
	}
	return p.decodeJSON(body)
}

// bodyType returns the media type of a body; none stands for JSON.
func bodyType(contentType string) (mediaType, boundary string, err error) {
	if contentType == "" {
		return "application/json", "", nil
	}
	mediaType, attrs, err := mime.ParseMediaType(contentType)
	unsupported := &Problem{
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
func (p paramReader) decodeForm(s, what string) error {
	for s != "" {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		name, text, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			text, err = url.QueryUnescape(text)
		}
		if err != nil {
			return BadRequest(what + " is not well encoded: a % must be followed by two hexadecimal digits")
		}
		if !utf8.ValidString(text) || !utf8.ValidString(name) {
			return BadRequest(what + " is not UTF-8")
		}
		if err := p.add(name, Value{KindText, text}); err != nil {
			return err
		}
	}
	return nil
}

func (p paramReader) decodeMultipart(boundary string, body []byte) error {
	bad := BadRequest("the body is not well-formed multipart/form-data")
	// Without its last boundary, a form was cut off somewhere.
	if boundary == "" || !bytes.Contains(body, []byte("--"+boundary+"--")) {
		return bad
	}
	for mr := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return bad
		}
		text, err := io.ReadAll(part) // no longer than the body
		if err != nil {
			return bad
		}
		if !p.known(part.FormName()) {
			continue
		}
		v := Value{KindText, string(text)}
		if part.FileName() != "" {
			v = Value{Kind: KindOther}
		} else if !utf8.Valid(text) {
			return BadRequest("the body is not UTF-8")
		}
		if err := p.add(part.FormName(), v); err != nil {
			return err
		}
	}
}

// decodeJSON reads an object. Unknown members may hold anything.
func (p paramReader) decodeJSON(body []byte) error {
	bad := BadRequest("the body is not a JSON object")
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // as Windows programs write
	if !utf8.Valid(body) {
		return BadRequest("the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return bad
	}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return bad
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return bad
		}
		if !p.known(name) {
			continue
		}
		v, err := jsonValue(name, raw)
		if err != nil {
			return err
		}
		if err := p.add(name, v); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return bad
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return bad
	}
	return nil
}

func jsonValue(name string, raw json.RawMessage) (Value, error) {
	switch c := raw[0]; {
	case c == 'n':
		return Value{}, nil
	case c == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return Value{}, BadRequest("the body is not a JSON object")
		}
		if strings.ContainsRune(s, utf8.RuneError) && halfSurrogate(raw) {
			return Value{}, BadRequest(fmt.Sprintf("%s contains half a character", name))
		}
		return Value{KindText, s}, nil
	case c == '-' || c >= '0' && c <= '9':
		return Value{KindNumber, string(raw)}, nil
	}
	return Value{KindOther, string(raw)}, nil
}

// halfSurrogate reports whether a U+FFFD in a decoded string came from an
// escaped surrogate without its other half, which is no character at all.
func halfSurrogate(raw []byte) bool {
	raw = bytes.ToLower(raw)
	return !bytes.Contains(raw, []byte("\xef\xbf\xbd")) && !bytes.Contains(raw, []byte(`\ufffd`))
}
