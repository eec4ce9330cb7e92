// Package paneltest serves areas of the panel to an operator who is signed in,
// for their tests, and looks at their pages with a real browser.
package paneltest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// Site is a panel with one operator, who is signed in.
type Site struct {
	URL   string
	Panel *panel.Panel
	By    *api.Principal
	Now   time.Time
}

// session is the value of the operator's cookie.
const session = "the-session-of-the-test"

// Serve serves areas to an operator of a role. The house's time stands still.
func Serve(t testing.TB, role api.Role, sections ...panel.Section) *Site {
	t.Helper()
	scopes, readOnly := role.Grant()
	s := &Site{Now: time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC), By: &api.Principal{Kind: api.CallerOperator,
		ID: api.ID{1}, Owner: api.ID{1}, Session: api.ID{2}, Name: "anna@example.org", Role: role, Scopes: scopes, ReadOnly: readOnly}}
	p, err := panel.New(panel.Config{
		People: people{s.By}, FormToken: token, Site: func() string { return "Hotel Meridian" },
		Now: func() time.Time { return s.Now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Sections: sections,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Panel = p
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// people is one operator, and one session.
type people struct{ by *api.Principal }

func (p people) Empty(context.Context) (bool, error) { return false, nil }

func (p people) Session(_ context.Context, cookie string, from netip.Addr, _ bool) (*api.Principal, error) {
	if cookie != session {
		return nil, api.ErrWrongKey
	}
	by := *p.by
	by.From = from
	return &by, nil
}

func (p people) CheckForm(r *http.Request, form string) error {
	if api.SessionCookie(r) != session || form != token(session) {
		return errors.New("the token is not that of the session")
	}
	return p.CheckOrigin(r)
}

func (people) CheckOrigin(r *http.Request) error { return new(http.CrossOriginProtection).Check(r) }

func token(cookie string) string {
	m := hmac.New(sha256.New, []byte(cookie))
	_, _ = m.Write([]byte("test")) // never fails
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Answer is what the panel answered, not followed anywhere.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Get asks for a page.
func (s *Site) Get(t testing.TB, path string) Answer {
	t.Helper()
	return s.do(t, http.MethodGet, path, "", nil)
}

// Post sends a form as the panel's own pages would, with its token.
func (s *Site) Post(t testing.TB, path string, form url.Values) Answer {
	t.Helper()
	with := url.Values{"token": {s.Token()}}
	for name, values := range form {
		with[name] = values
	}
	return s.do(t, http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(with.Encode()))
}

// Token is a form's hidden field, for forms that a test puts together: those
// with files.
func (s *Site) Token() string {
	raw, _ := base64.RawURLEncoding.DecodeString(token(session)) // made above
	return base64.RawURLEncoding.EncodeToString(append(make([]byte, len(raw)), raw...))
}

// Send sends a POST with a body of any type.
func (s *Site) Send(t testing.TB, path, contentType string, body io.Reader) Answer {
	t.Helper()
	return s.do(t, http.MethodPost, path, contentType, body)
}

func (s *Site) do(t testing.TB, method, path, contentType string, body io.Reader) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Origin", s.URL)
	}
	r.AddCookie(s.Cookie())
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{resp.StatusCode, resp.Header, string(b)}
}

// Cookie is the operator's, for requests that a test puts together.
func (s *Site) Cookie() *http.Cookie {
	w := httptest.NewRecorder()
	api.SetSessionCookie(w, httptest.NewRequest(http.MethodGet, "/", nil), session)
	return w.Result().Cookies()[0]
}
