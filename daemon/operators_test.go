package daemon

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

// audit is what the log says, oldest first.
func auditOf(t *testing.T, c *v1.Client) (out []string) {
	t.Helper()
	for r, err := range c.Audit(t.Context(), v1.AuditFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append([]string{r.Actor.Name + " " + r.Action + " " + r.Subject}, out...)
	}
	return out
}

// TestOperatorsOfADaemon goes the way of a program that signs in by password:
// a token, a key of its own, and the end of both with the operator.
func TestOperatorsOfADaemon(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	d := startDaemon(t, data)
	ctl := v1.NewClient(v1.DialUnix(d.Control))
	ctx := t.Context()
	const password = "rain falls on tin"
	for _, n := range []v1.NewOperator{{Email: "anna@example.com", Role: "owner", Password: password}, {Email: "Bob@example.com", Role: "owner", Password: password}} {
		if _, err := ctl.CreateOperator(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	signIn := func(pass string) (int, string) {
		code, answer := ask(t, "POST", d.API+"token", "", url.Values{"email": {"bob@example.com"}, "password": {pass}})
		return code, fmt.Sprint(answer["access_token"])
	}
	if code, _ := signIn("wrong wrong wrong"); code != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", code)
	}
	code, token := signIn(password)
	if code != http.StatusOK {
		t.Fatalf("%d", code)
	}
	code, answer := ask(t, "POST", d.API+"apikey", token, url.Values{"label": {"till"}, "expires": {"Never"}})
	if code != http.StatusOK {
		t.Fatalf("%d %v", code, answer)
	}
	// A token is not a person: it manages no operators.
	if code, _ := ask(t, "GET", d.API+"v1/operators", token, nil); code != http.StatusForbidden {
		t.Errorf("operators by a token: %d", code)
	}
	key := url.Values{"api-key": {fmt.Sprint(answer["api_key"])}, "action": {"create_voucher"}, "username": {"made"}}
	if _, err := ctl.SetSetting(ctx, "api.post", "on"); err != nil {
		t.Fatal(err)
	}
	if code, answer := ask(t, "POST", d.API, "", key); code != http.StatusOK || answer["error"] != false {
		t.Errorf("%d %v", code, answer)
	}
	people, err := ctl.Operators(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := ctl.RemoveOperator(ctx, people[1].ID); err != nil {
		t.Fatal(err)
	}
	if code, _ := ask(t, "GET", d.API+"apikey", token, nil); code != http.StatusUnauthorized {
		t.Errorf("the token of one who is gone: %d", code)
	}
	if _, answer := ask(t, "POST", d.API, "", key); answer["error"] != true {
		t.Errorf("the key of one who is gone: %v", answer)
	}
	want := `command line operator.created anna@example.com
command line operator.created bob@example.com
bob@example.com key.created till
command line setting.changed api.post
till voucher.created made
command line operator.removed bob@example.com`
	if got := strings.Join(auditOf(t, ctl), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestRestoreIsRecorded: the log of the restored store says that it was.
func TestRestoreIsRecorded(t *testing.T) {
	d := startDaemon(t, filepath.Join(t.TempDir(), "data"))
	ctl := v1.NewClient(v1.DialUnix(d.Control))
	if _, err := ctl.CreateOperator(t.Context(), v1.NewOperator{Email: "anna@example.com", Role: "owner", Password: "rain falls on tin"}); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := ctl.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	if _, err := ctl.SetSetting(t.Context(), "venue.name", "lost"); err != nil {
		t.Fatal(err)
	}
	got, err := ctl.Restore(t.Context(), &backup, false)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if st, err := ctl.Status(t.Context()); err == nil && st.Run > got.Run {
			break
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("the daemon did not start over")
		}
	}
	log := auditOf(t, ctl)
	if len(log) != 3 || log[1] != "command line backup.made " || !strings.HasPrefix(log[2], "command line backup.restored a backup of ") {
		t.Errorf("%q", log)
	}
	if people, err := ctl.Operators(t.Context()); err != nil || len(people) != 1 {
		t.Errorf("%+v, %v", people, err)
	}
}
