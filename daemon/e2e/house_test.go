package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	if powerChild() {
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	// Who runs the tests one by one builds it once for all of them.
	if binary = os.Getenv("VOUCHSAFE_UNDER_TEST"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "vouchsafe-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "vouchsafe")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/vouchsafe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// house is a lab with a daemon, and an operator who has the key.
type house struct {
	*netlab.Lab
	t      *testing.T
	daemon *netlab.Daemon
	config string
	key    string
}

// newHouse brings up a whole hotspot with leased guests and the API on.
func newHouse(t *testing.T, id string, o netlab.Options) *house {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	o.ID = id
	lab, err := netlab.New(ctx, o)
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	h := &house{Lab: lab, t: t}
	t.Cleanup(func() {
		if t.Failed() && h.daemon != nil {
			t.Logf("the daemon's log:\n%s", h.daemon.Log())
		}
		if err := lab.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	h.config, err = lab.WriteConfig(netlab.Config{Zone: "UTC", Level: "debug", Period: time.Second, Flush: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Leases(ctx); err != nil {
		t.Fatalf("leases: %v", err)
	}
	h.start()
	h.cli("settings", "set", "api.post", "on")
	h.cli("settings", "set", "api.get", "on")
	h.key = strings.TrimSpace(h.cli("key", "show"))
	return h
}

func (h *house) start() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	d, err := h.StartDaemon(ctx, netlab.DaemonOptions{Binary: binary, Args: []string{"daemon", "--config", h.config}})
	if err != nil {
		h.t.Fatalf("start: %v", err)
	}
	h.daemon = d
}

// kill ends the daemon as a crash does.
func (h *house) kill() {
	h.daemon.Kill()
	<-h.daemon.Done()
}

// cli runs the command line beside the daemon.
func (h *house) cli(args ...string) string {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), binary, append([]string{"--data", h.DataDir()}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("vouchsafe %s: %v: %s", strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}

// api calls the action API from the LAN.
func (h *house) api(action string, params map[string]any) map[string]any {
	h.t.Helper()
	body := map[string]any{"api-key": h.key, "action": action}
	for k, v := range params {
		body[k] = v
	}
	raw, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	c := h.LAN().HTTPClient(netlab.ClientOptions{Timeout: patience})
	resp, err := c.Post("http://192.168.10.1/api/", "application/json", bytes.NewReader(raw))
	if err != nil {
		h.t.Fatalf("%s: %v", action, err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		h.t.Fatalf("%s: status %d: %v", action, resp.StatusCode, err)
	}
	return out
}

// voucher makes a voucher through the API and returns its credentials.
func (h *house) voucher(params map[string]any) (username, passcode string) {
	h.t.Helper()
	out := h.api("create_voucher", params)
	user, ok := out["user"].(map[string]any)
	if !ok || out["message"] != "User added successfully" {
		h.t.Fatalf("create_voucher: %v", out)
	}
	return user["username"].(string), user["passcode"].(string)
}

// row finds a row of a list by a field's value.
func (h *house) row(action, list, field, value string) map[string]any {
	h.t.Helper()
	rows, _ := h.api(action, nil)[list].([]any)
	for _, r := range rows {
		if m := r.(map[string]any); m[field] == value {
			return m
		}
	}
	return nil
}

// used is what the API says that a voucher has used, to the byte and now.
func (h *house) used(username string) (down, up uint64) {
	h.t.Helper()
	h.api("get_active_guests", nil) // reads the counters
	r := h.row("get_voucher_users", "users", "username", username)
	if r == nil {
		h.t.Fatalf("no voucher %q", username)
	}
	return uint64(r["download_used"].(float64)), uint64(r["upload_used"].(float64))
}

// login sends the portal's form from a guest and returns the status page.
func (h *house) login(g *netlab.Guest, username, passcode string) string {
	h.t.Helper()
	page, where := h.post(g, netlab.PortalURL+"/login", url.Values{"code": {username}, "passcode": {passcode}})
	if !strings.HasSuffix(where, "/status") {
		h.t.Fatalf("%s: login as %s led to %s: %s", g.Name(), username, where, text(page))
	}
	return page
}

// post sends a form and follows to the page behind it.
func (h *house) post(g *netlab.Guest, to string, form url.Values) (page, where string) {
	h.t.Helper()
	c := g.HTTPClient(netlab.ClientOptions{Redirects: true, Timeout: patience})
	resp, err := c.PostForm(to, form)
	if err != nil {
		h.t.Fatalf("%s: %v", g.Name(), err)
	}
	return body(h.t, resp), resp.Request.URL.Path
}

// get fetches a page without following redirects.
func (h *house) get(from *netlab.Host, to string) (*http.Response, string, error) {
	h.t.Helper()
	resp, err := from.HTTPClient(netlab.ClientOptions{Timeout: patience}).Get(to)
	if err != nil {
		return nil, "", err
	}
	return resp, body(h.t, resp), nil
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatalf("%s: %v", resp.Request.URL, err)
	}
	return string(b)
}

var (
	tags  = regexp.MustCompile(`(?s)<(style|head).*?</(style|head)>|<[^>]*>`)
	space = regexp.MustCompile(`\s+`)
)

// text is what a page says.
func text(page string) string {
	return strings.TrimSpace(space.ReplaceAllString(tags.ReplaceAllString(page, " "), " "))
}

// send runs a flow; that it is cut off is a result. It has all the time that it
// needs, unless it says otherwise.
func (h *house) send(f netlab.Flow) netlab.FlowResult {
	h.t.Helper()
	if f.Time == 0 {
		f.Time = patience
	}
	r, err := h.Send(h.t.Context(), f)
	if err != nil {
		h.t.Fatalf("flow: %v", err)
	}
	return r
}

// patience is how long a test waits for what should be so at once: much longer than
// a slow and busy machine takes.
const patience = 90 * time.Second

// eventually waits until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	if !soon(f) {
		t.Fatalf("not within %v: %s", patience, what)
	}
}

// soon waits for a condition, and reports whether it came in time.
func soon(f func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !f() {
		select {
		case <-deadline.C:
			return false
		case <-poll.C:
		}
	}
	return true
}
