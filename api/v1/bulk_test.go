package v1_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// drawer fills a service with n vouchers, every tenth of them expired.
func drawer(s *v1test.Service, n int) {
	for i := range n {
		v := hotspot.VoucherView{Status: hotspot.VoucherNew, Voucher: hotspot.Voucher{ID: uint64(i + 1), Username: fmt.Sprintf("u%d", i), Created: s.Time.Add(-time.Duration(i) * time.Minute)}}
		if i%10 == 0 {
			v.Status, v.Note = hotspot.VoucherExpired, "Old One"
		}
		s.Put(v)
	}
}

func count(t *testing.T, c *v1.Client, sel v1.Selection) (n int) {
	t.Helper()
	for _, err := range c.Vouchers(t.Context(), sel) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// A selection reaches far beyond what one request looks at.
func TestSelection(t *testing.T) {
	s, c := client(t)
	all := 6000
	if testing.Short() {
		all = 2500 // an emulated processor is slow
	}
	drawer(s, all)
	for _, tc := range []struct {
		sel  v1.Selection
		want int
	}{
		{v1.Selection{}, all},
		{v1.Selection{Status: []string{"expired"}}, all / 10},
		{v1.Selection{Status: []string{"Expired", "used-up"}}, all / 10},
		{v1.Selection{Status: []string{"used up"}}, 0},
		{v1.Selection{Note: "old*"}, all / 10},
		{v1.Selection{Note: "*D O*"}, all / 10},
		{v1.Selection{Note: "old"}, 0},
		{v1.Selection{Username: fmt.Sprintf("U%d", all-1)}, 1},
		{v1.Selection{Username: "*"}, all},
		{v1.Selection{CreatedAfter: "30m"}, 31},
		{v1.Selection{CreatedBefore: "30m"}, all - 31},
		{v1.Selection{CreatedBefore: "2026-03-04 12:30", CreatedAfter: "2026-03-04T11:30:00+01:00"}, 60},
		{v1.Selection{CreatedAfter: "1 day", Status: []string{"expired"}}, 145},
	} {
		if got := count(t, c, tc.sel); got != tc.want {
			t.Errorf("%+v: %d, want %d", tc.sel, got, tc.want)
		}
	}
	for _, bad := range []v1.Selection{
		{Status: []string{"odd"}}, {Note: strings.Repeat("x", 2000)}, {Username: "\xff"}, {CreatedAfter: "soon"}, {CreatedBefore: "-2h"}, {CreatedBefore: "always"},
	} {
		for _, err := range c.Vouchers(t.Context(), bad) {
			if !errors.Is(err, hotspot.ErrInvalid) {
				t.Errorf("%.60v: %v", bad, err)
			}
		}
	}
}

// Patterns match as people expect, and as their plain definition does.
func TestPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"a*a", "a", false}, {"a*a", "aa", true}, {"*", "x", true}, {"**", "x", true}, {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false},
		{"*b*", "abc", true}, {"ab", "abc", false}, {"*c", "abc", true}, {"ä*", "ÄB", true}, {"*aab", "aaab", true}, {"a*ab*b", "aab", false},
	} {
		s, c := client(t)
		s.Put(hotspot.VoucherView{Voucher: hotspot.Voucher{ID: 1, Username: tc.name}})
		if got := count(t, c, v1.Selection{Username: tc.pattern}) == 1; got != tc.want {
			t.Errorf("%q of %q: %v", tc.pattern, tc.name, got)
		}
	}
}

func TestBulk(t *testing.T) {
	ctx := t.Context()
	s, c := client(t)
	drawer(s, 6000)
	note := "n"
	edit := v1.EditVouchers{Where: &v1.Selection{Status: []string{"expired"}}, Edit: v1.VoucherEdit{Note: &note}}
	edited, batches := 0, 0
	for {
		page, err := c.EditVouchers(ctx, edit)
		if err != nil {
			t.Fatal(err)
		}
		edited, batches = edited+len(page.Items), batches+1
		if edit.Cursor = page.Next; edit.Cursor == "" {
			break
		}
	}
	if edited != 600 || batches < 2 || len(s.Edits) != 600 {
		t.Errorf("edited %d in %d batches", edited, batches)
	}
	gone, err := c.RemoveVouchers(ctx, v1.RemoveVouchers{Usernames: []string{"u1", "U2"}})
	if err != nil || strings.Join(gone.Items, " ") != "u1 u2" || gone.Next != "" {
		t.Errorf("%+v, %v", gone, err)
	}
	if _, err := c.RemoveVouchers(ctx, v1.RemoveVouchers{Usernames: []string{"u3", "u1"}}); !errors.Is(err, hotspot.ErrNotFound) || !strings.Contains(err.Error(), "u1") {
		t.Errorf("one is missing: %v", err)
	}
	if _, err := c.Voucher(ctx, "u3"); err != nil {
		t.Errorf("half of it was done: %v", err)
	}
	name := "x"
	for what, e := range map[string]v1.EditVouchers{
		"nothing": {}, "both": {Usernames: []string{"u3"}, Where: &v1.Selection{All: true}}, "no condition": {Where: &v1.Selection{}},
		"all and more": {Where: &v1.Selection{All: true, Note: "x"}}, "one name for many": {Usernames: []string{"u3"}, Edit: v1.VoucherEdit{Username: &name}},
		"bad cursor": {Where: &v1.Selection{All: true}, Cursor: "x"}, "too many": {Usernames: make([]string, v1.MaxNames+1)},
	} {
		if _, err := c.EditVouchers(ctx, e); !errors.Is(err, hotspot.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestImport(t *testing.T) {
	ctx := t.Context()
	_, c := client(t)
	lines := `{"username":"a","passcode":"p","valid_for":"90m0s","valid_from":"2026-05-01","download_limit":7,"devices":3,"disabled":true}` + "\n\n" + `{"username":"b","valid_for":""}`
	for _, dry := range []bool{true, false} {
		got, err := c.ImportVouchers(ctx, strings.NewReader(lines), hotspot.ConflictFail, dry)
		if err != nil || got != (v1.ImportResult{Created: 2, DryRun: dry}) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	v, err := c.Voucher(ctx, "a")
	if err != nil || v.ValidFor != "1h30m0s" || v.DownloadLimit != 7 || v.Devices != 3 || !v.Disabled || v.ValidFrom == nil {
		t.Errorf("%+v, %v", v, err)
	}
	full := strings.Repeat(`{"note":"x"}`+"\n", v1.MaxBatch)
	for what, tc := range map[string]struct{ lines, field string }{
		"taken":         {`{"username":"c"}` + "\n" + `{"username":"A"}`, "vouchers[1].username"},
		"no JSON":       {"{}\nx", "vouchers[1]"},
		"no object":     {"{}\n[]", "vouchers[1]"},
		"two values":    {"{} {}", "vouchers[0]"},
		"unknown field": {`{"id":1}`, "vouchers[0]"},
		"wrong type":    {"{}\n{}\n" + `{"devices":"x"}`, "vouchers[2].devices"},
		"bad value":     {`{"valid_for":"3 weeks"}`, "vouchers[0].valid_for"},
		"negative":      {`{"upload_limit":-1}`, "vouchers[0].upload_limit"},
		"long line":     {`{"note":"` + strings.Repeat("x", v1.MaxRow) + `"}`, "vouchers[0]"},
		"too many":      {full + "{}", fmt.Sprintf("vouchers[%d]", v1.MaxBatch)},
		"too large":     {strings.Repeat(strings.Repeat(" ", 1000)+"\n", v1.MaxImport/1000), ""},
		"broken off":    {"", ""},
	} {
		var body io.Reader = strings.NewReader(tc.lines)
		if what == "broken off" {
			body = io.MultiReader(strings.NewReader("{}\n"), &failing{})
		}
		_, err := c.ImportVouchers(ctx, body, hotspot.ConflictFail, true)
		var e *hotspot.Error
		if !errors.As(err, &e) || e.Field != tc.field || e.Code != hotspot.CodeInvalid && e.Code != hotspot.CodeUsernameTaken {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := c.ImportVouchers(ctx, strings.NewReader(full), hotspot.ConflictFail, true); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestLogins(t *testing.T) {
	ctx := t.Context()
	s, c := client(t)
	var all []hotspot.Session
	for i := 9000; i > 0; i-- {
		all = append(all, hotspot.Session{ID: uint64(i), Login: fmt.Sprintf("U%d", i%100), MAC: hotspot.MAC{2, 0, 0, 0, 0, byte(i % 10)},
			Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 1}, Started: s.Time.Add(time.Duration(i-9000) * time.Minute)})
	}
	s.SetSessions(all...)
	for _, tc := range []struct {
		f    v1.LoginFilter
		want int
	}{
		{v1.LoginFilter{}, 9000}, {v1.LoginFilter{Voucher: "u7"}, 90}, {v1.LoginFilter{MAC: "02-00-00-00-00-03"}, 900},
		{v1.LoginFilter{Since: "2h"}, 121}, {v1.LoginFilter{Until: "2 hours"}, 9000 - 121}, {v1.LoginFilter{Since: "2h", Voucher: "u7", Limit: 1}, 1},
	} {
		n, last := 0, uint64(1<<63)
		for x, err := range c.Logins(ctx, tc.f) {
			if err != nil || x.ID >= last {
				t.Fatalf("%+v: %d after %d, %v", tc.f, x.ID, last, err)
			}
			n, last = n+1, x.ID
		}
		if n != tc.want {
			t.Errorf("%+v: %d, want %d", tc.f, n, tc.want)
		}
	}
	for _, bad := range []v1.LoginFilter{{MAC: "x"}, {Since: "x"}, {Until: "x"}} {
		for _, err := range c.Logins(ctx, bad) {
			if !errors.Is(err, hotspot.ErrInvalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	}
}

func TestUsers(t *testing.T) {
	s, c := client(t)
	for i := range 2500 {
		s.Known = append(s.Known, hotspot.User{ID: uint64(i + 1), Method: hotspot.MethodEmail, Key: fmt.Sprint(i)})
	}
	n := 0
	for u, err := range c.Users(t.Context(), "email") {
		if err != nil || u.Key != fmt.Sprint(n) {
			t.Fatalf("%+v, %v", u, err)
		}
		n++
	}
	if n != 2500 {
		t.Errorf("%d users", n)
	}
	for _, err := range c.Users(t.Context(), "voucher") {
		if !errors.Is(err, hotspot.ErrInvalid) {
			t.Errorf("vouchers are no users: %v", err)
		}
	}
}

// torn is a backup that breaks off.
type torn struct{ after string }

func (b torn) Backup(_ context.Context, w io.Writer) error {
	if _, err := io.WriteString(w, b.after); err != nil {
		return err
	}
	return errors.New("the disk of /secret is torn")
}

func (torn) Restore(_ context.Context, r io.Reader, dryRun bool) (v1.Backup, error) {
	b, err := io.ReadAll(r)
	return v1.Backup{Schema: uint64(len(b)), Run: map[bool]int{false: 1}[dryRun]}, err
}

func (torn) Snapshots(context.Context) ([]v1.Snapshot, error) {
	return []v1.Snapshot{{Name: "a", Size: 5}}, nil
}

func (torn) Snapshot(_ context.Context, name string, w io.Writer) error {
	_, err := io.WriteString(w, name)
	return err
}

// A backup that breaks off does not look like a whole one.
func TestBackups(t *testing.T) {
	s := v1test.NewService()
	var b torn
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.As(api.Local(), v1.New(v1.Config{Service: s, Keys: s, Log: logger(io.Discard), Backups: b, Info: func(context.Context) v1.Status { return v1.Status{} }})).ServeHTTP(w, r)
	}))
	defer srv.Close()
	over := v1.NewClient(redirect(strings.TrimPrefix(srv.URL, "http://")))
	for _, after := range []string{"", strings.Repeat("x", 100_000)} {
		b.after = after
		var out bytes.Buffer
		if err := over.Backup(t.Context(), &out); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("after %d bytes: %v", len(after), err)
		}
	}
	if got, err := over.Restore(t.Context(), strings.NewReader("12345"), false); err != nil || got.Schema != 5 || got.Run != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	_, c := client(t)
	if err := c.Backup(t.Context(), io.Discard); hotspot.CodeOf(err) != hotspot.CodeUnavailable {
		t.Errorf("where there are no backups: %v", err)
	}
	if _, err := c.Restore(t.Context(), strings.NewReader(""), false); hotspot.CodeOf(err) != hotspot.CodeUnavailable {
		t.Errorf("where there are no backups: %v", err)
	}
}

// redirect is a transport to a server on TCP.
type redirect string

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Host = string(r)
	return http.DefaultTransport.RoundTrip(req)
}

// FuzzLines sends any lines to the import: the answer is never an internal
// error.
func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"username":"a","valid_for":"2 days"}` + "\n{}\n"))
	f.Add([]byte("{\"note\":\"\\ud800\"}\r\n\xff[]"))
	h := handler(v1test.NewService(), io.Discard)
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, v1.Prefix+"/vouchers/import?dry_run=true&on_conflict=skip", bytes.NewReader(body)))
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}
