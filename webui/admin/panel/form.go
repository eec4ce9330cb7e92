package panel

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
)

// Bounds of forms.
const (
	maxForm   = 64 << 10 // bytes, without a file
	maxFields = 5200     // a page of rows, or as many rows as are made at a time
)

// tokenField is the hidden field of every form.
const tokenField = "token"

// passwordFields begins the names of fields that come as they were typed: every
// character of a password counts.
const passwordFields = "password"

// File is a file that came with a form. It is read as it arrives.
type File struct {
	Name string // as the browser gave it; hostile text
	io.Reader
}

// errForm is a form that does not parse.
var errForm = errors.New("the form does not parse")

// readForm reads a POST's form, and checks that it came from a page of ours. If
// it cannot be used, the answer is given.
func (q *Request) readForm(page *Page) bool {
	limit := int64(maxForm)
	if page.MaxBody > 0 {
		limit = page.MaxBody
	}
	q.Body = http.MaxBytesReader(q.W, q.Body, limit)
	mt, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	switch {
	case err != nil:
		err = errForm
	case mt == "application/x-www-form-urlencoded":
		if err = q.ParseForm(); err == nil {
			q.Form = q.PostForm
		}
	case mt == "multipart/form-data" && page.MaxBody > 0:
		err = q.readParts()
	default:
		err = errForm
	}
	if err == nil && len(q.Form) > maxFields {
		err = errForm
	}
	if err != nil {
		status, key := http.StatusBadRequest, "form"
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			status, key = http.StatusRequestEntityTooLarge, "too_large"
		}
		q.fault(status, key, "")
		return false
	}
	if err := q.checkForm(page); err != nil {
		q.panel.log.Warn("form refused", "path", clip(q.URL.Path), "origin", clip(q.Header.Get("Origin")), "error", err)
		q.fault(http.StatusForbidden, "foreign", "")
		return false
	}
	q.Form.Del(tokenField)
	for name, values := range q.Form {
		if strings.HasPrefix(name, passwordFields) {
			continue
		}
		for i := range values {
			values[i] = strings.TrimSpace(strings.ToValidUTF8(values[i], "\uFFFD"))
		}
	}
	return true
}

// checkForm refuses what another site may have made the browser send. Whoever
// is not signed in has no token: there, what the browser says of where the form
// came from must do.
func (q *Request) checkForm(page *Page) error {
	if page.Access.kind == accessOpen && !signedIn(q.By) {
		return q.panel.cfg.People.CheckOrigin(q.Request)
	}
	return q.panel.cfg.People.CheckForm(q.Request, unmask(q.Form.Get(tokenField)))
}

// readParts reads the fields of a form up to its file.
func (q *Request) readParts() error {
	mr, err := q.MultipartReader()
	if err != nil {
		return errForm
	}
	left := int64(maxForm)
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return partError(err)
		}
		if part.FileName() != "" || part.Header.Get("Content-Type") != "" {
			if part.FileName() != "" {
				q.File = &File{Name: part.FileName(), Reader: part}
			}
			return nil
		}
		if left, err = q.readPart(part, left); err != nil {
			return err
		}
	}
}

// readPart reads one field, with so many bytes left for all of them.
func (q *Request) readPart(part *multipart.Part, left int64) (int64, error) {
	b, err := io.ReadAll(io.LimitReader(part, left+1))
	if err != nil {
		return 0, partError(err)
	}
	left -= int64(len(b))
	if left < 0 || len(q.Form) >= maxFields || !utf8.ValidString(part.FormName()) {
		return 0, errForm
	}
	q.Form.Add(part.FormName(), string(b))
	return left, nil
}

// partError tells a body that is too long from one that does not parse.
func partError(err error) error {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return err
	}
	return errForm
}

// mask makes a token look different on each page, so that compression tells
// nothing about it beside a text that somebody else chose (BREACH).
func mask(token string) string {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return token
	}
	pad := make([]byte, 2*len(raw))
	_, _ = rand.Read(pad[:len(raw)]) // never fails
	for i, b := range raw {
		pad[len(raw)+i] = pad[i] ^ b
	}
	return base64.RawURLEncoding.EncodeToString(pad)
}

// unmask undoes mask. What mask did not make is no token.
func unmask(masked string) string {
	pad, err := base64.RawURLEncoding.DecodeString(masked)
	if err != nil || len(pad)%2 != 0 {
		return ""
	}
	raw := pad[len(pad)/2:]
	for i := range raw {
		raw[i] ^= pad[i]
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// SetCookie gives the browser the cookie of a session, or with "" takes it away.
func (q *Request) SetCookie(value string) { api.SetSessionCookie(q.W, q.Request, value) }
