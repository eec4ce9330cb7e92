package v1_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// keyClient is a client of an API that is served as the command line's.
func keyClient() (*v1test.Service, *v1.Client) {
	s := v1test.NewService()
	return s, v1.NewClient(v1.InProcess(api.As(api.Local(), handler(s, io.Discard))))
}

func TestKeys(t *testing.T) {
	ctx := t.Context()
	s, c := keyClient()
	made, err := c.CreateAPIKey(ctx, v1.NewAPIKey{Label: "till", Expires: "Never", Scopes: []api.Scope{api.ScopeLive}, Viewable: true})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 4, 11, 30, 0, 0, time.UTC)
	want := v1.APIKey{
		ID: "000000000000000000000001", Owner: "000000000000000000000000", Label: "till", Prefix: "vs_KEY01",
		Scopes: []api.Scope{api.ScopeLive}, Viewable: true, Created: &now, CreatedBy: "command line", Modified: &now,
	}
	if d := cmp.Diff(v1.MadeAPIKey{APIKey: want, Secret: "vs_KEY01" + strings.Repeat("A", 47)}, made); d != "" {
		t.Errorf("made (-want +got):\n%s", d)
	}
	if _, err := c.CreateAPIKey(ctx, v1.NewAPIKey{Label: "till"}); !errors.Is(err, hotspot.ErrNameTaken) {
		t.Errorf("the label again: %v", err)
	}
	if _, err := c.CreateAPIKey(ctx, v1.NewAPIKey{Label: "hotel"}); err != nil {
		t.Fatal(err)
	}
	s.Used("till", now, netip.MustParseAddr("fd00::1"))
	want.LastUsed, want.LastUsedFrom = &now, "fd00::1"
	if k, err := c.APIKey(ctx, want.ID); err != nil || cmp.Diff(want, k) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, k))
	}
	if text, err := c.ViewAPIKey(ctx, want.ID); err != nil || text != made.Secret {
		t.Errorf("view: %q, %v", text, err)
	}
	if k, err := c.RenameAPIKey(ctx, want.ID, "till 2"); err != nil || k.Label != "till 2" {
		t.Errorf("rename: %+v, %v", k, err)
	}
	if err := c.RemoveAPIKey(ctx, want.ID); err != nil {
		t.Error(err)
	}
	list, err := c.APIKeys(ctx)
	if err != nil || len(list) != 1 || list[0].Label != "hotel" || list[0].Expires == nil {
		t.Errorf("list: %+v, %v", list, err)
	}
	if _, err := c.ViewAPIKey(ctx, list[0].ID); !errors.Is(err, hotspot.ErrForbidden) {
		t.Errorf("view of a hashed one: %v", err)
	}
	for _, id := range []string{want.ID, "x", "000000000000000000000000", "..", "000000000000000000000002/../"} {
		if _, err := c.APIKey(ctx, id); !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestTokens(t *testing.T) {
	ctx := t.Context()
	s, c := keyClient()
	made, err := c.CreateAPIKey(ctx, v1.NewAPIKey{Label: "till"})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"": "token-000000000000000000000000", made.ID: "token-" + made.ID} {
		token, err := c.CreateToken(ctx, id)
		if err != nil || token.Token != want || !token.Expires.Equal(s.Time.Add(time.Hour)) {
			t.Errorf("%q: %+v, %v", id, token, err)
		}
		if err := c.EndTokens(ctx, id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	if n := len(s.EndedTokens()); n != 2 {
		t.Errorf("tokens were ended %d times", n)
	}
}

// TestDeviceKeyUse: the key's place in the panel says when it was last used.
func TestDeviceKeyUse(t *testing.T) {
	w := httptest.NewRecorder()
	handler(v1test.NewService(), io.Discard).ServeHTTP(w, httptest.NewRequest(http.MethodGet, v1.Prefix+"/device-key", nil))
	want := `{"key":"device-key-0","last_used":"2026-03-04T12:29:00+01:00","last_used_from":"192.168.10.7"}` + "\n"
	if w.Body.String() != want {
		t.Errorf("%s", w.Body)
	}
}

// strict asks the keys of package keys, which do what the caller may.
type strict struct{ *v1test.Service }

func (strict) List(_ context.Context, by *api.Principal) ([]api.Key, error) {
	if !by.May(api.ScopeKeys) {
		return nil, hotspot.ErrForbidden
	}
	return nil, nil
}

// TestNobodyIsNobody: without a principal nothing is allowed.
func TestNobodyIsNobody(t *testing.T) {
	s := v1test.NewService()
	h := v1.New(v1.Config{Service: s, Keys: strict{s}, Log: logger(io.Discard),
		Info: func(context.Context) v1.Status { return v1.Status{} }})
	if _, err := v1.NewClient(v1.InProcess(h)).APIKeys(t.Context()); hotspot.CodeOf(err) != v1.CodeUnauthorized {
		t.Errorf("nobody: %v", err)
	}
	if _, err := v1.NewClient(v1.InProcess(api.As(api.Local(), h))).APIKeys(t.Context()); err != nil {
		t.Errorf("the command line: %v", err)
	}
}
