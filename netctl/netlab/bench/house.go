package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	"github.com/vouchsafe/vouchsafe/store"
)

const apiURL = "http://" + netlab.RouterLAN4 + "/api/"

// house is a lab with the daemon in it, and an operator who has the key.
type house struct {
	*netlab.Lab
	run    *run
	daemon *netlab.Daemon
	config string
	data   string // the daemon's directory, if not the lab's own
	key    string
	lan    *http.Client // of the operator
}

// houseOptions say what is in the house before the daemon starts.
type houseOptions struct {
	suffix string
	data   string // the daemon's directory; empty: the lab's own
	guests int
	seed   func(context.Context, *store.DB) error
	// settings beyond those that every house has.
	settings      map[string]string
	period, flush time.Duration
}

// newHouse brings up a hotspot with leased guests and the API on.
func newHouse(ctx context.Context, r *run, o houseOptions) (h *house, err error) {
	h = &house{run: r, data: o.data}
	if h.Lab, err = r.lab(ctx, o.suffix, max(o.guests, 1)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := h.configure(netlab.Config{Data: h.DataDir(), Zone: "UTC", Level: "warn", Period: o.period, Flush: o.flush}); err != nil {
		return nil, err
	}
	if err := h.fill(ctx, o); err != nil {
		return nil, err
	}
	if o.guests > 0 {
		if err := h.Leases(ctx); err != nil {
			return nil, err
		}
	}
	h.lan = h.LAN().HTTPClient(netlab.ClientOptions{KeepAlive: true, Timeout: time.Minute})
	if err := h.start(ctx, r.cfg.Binary); err != nil {
		return nil, err
	}
	h.key, err = h.cli(ctx, "key", "show")
	return h, err
}

// DataDir returns the daemon's directory.
func (h *house) DataDir() string {
	if h.data != "" {
		return h.data
	}
	return h.Lab.DataDir()
}

// configure writes the configuration, with room for every guest.
func (h *house) configure(c netlab.Config) error {
	path, err := h.WriteConfig(c)
	if err != nil {
		return err
	}
	h.config = path
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		return err
	}
	if network, ok := tree["network"].(map[string]any); ok {
		network["max_guests"] = 16384
	}
	if raw, err = yaml.Marshal(tree); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// fill writes settings and whatever else shall be there into the store.
func (h *house) fill(ctx context.Context, o houseOptions) error {
	db, err := openStore(ctx, filepath.Join(h.DataDir(), "vouchsafe.db"))
	if err != nil {
		return err
	}
	err = db.Update(ctx, func(tx hotspot.Tx) error {
		set := map[string]string{"api.post": "on", "session.idle_timeout": "0s"}
		for k, v := range o.settings {
			set[k] = v
		}
		for k, v := range set {
			if err := tx.PutSetting(k, v); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && o.seed != nil {
		err = o.seed(ctx, db)
	}
	return errors.Join(err, db.Close())
}

func openStore(ctx context.Context, path string) (*store.DB, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return store.Open(ctx, store.Options{Path: path, Log: log})
}

func (h *house) start(ctx context.Context, binary string) (err error) {
	h.daemon, err = h.StartDaemon(ctx, netlab.DaemonOptions{Binary: binary, Args: []string{"daemon", "--config", h.config}})
	return err
}

func (h *house) close() error { return h.Lab.Close() }

// cli runs the command line beside the daemon.
func (h *house) cli(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, h.run.cfg.Binary, append([]string{"--data", h.DataDir()}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("vouchsafe %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// ask makes the body of an API call.
func (h *house) ask(action string, params map[string]any) []byte {
	body := map[string]any{"api-key": h.key, "action": action}
	for k, v := range params {
		body[k] = v
	}
	raw, _ := json.Marshal(body) // texts and numbers only
	return raw
}

// call calls the action API and decodes the answer.
func (h *house) call(ctx context.Context, action string, params map[string]any) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, apiURL, bytes.NewReader(h.ask(action, params)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.lan.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", action, resp.Status, err)
	}
	if out["error"] == true {
		return nil, fmt.Errorf("%s: %v %v", action, out["message"], out["detail"])
	}
	return out, nil
}

// voucher makes a voucher and returns its credentials.
func (h *house) voucher(ctx context.Context, params map[string]any) (username, passcode string, err error) {
	out, err := h.call(ctx, "create_voucher", params)
	if err != nil {
		return "", "", err
	}
	user, _ := out["user"].(map[string]any)
	username, _ = user["username"].(string)
	passcode, _ = user["passcode"].(string)
	if username == "" {
		return "", "", fmt.Errorf("create_voucher: %v", out)
	}
	return username, passcode, nil
}

// downloaded is what the API says that a voucher has downloaded, to the byte.
func (h *house) downloaded(ctx context.Context, username string) (uint64, error) {
	if _, err := h.call(ctx, "get_active_guests", nil); err != nil { // reads the counters
		return 0, err
	}
	out, err := h.call(ctx, "get_voucher_users", nil)
	if err != nil {
		return 0, err
	}
	users, _ := out["users"].([]any)
	for _, u := range users {
		row, _ := u.(map[string]any)
		if n, ok := row["download_used"].(float64); ok && row["username"] == username {
			return uint64(n), nil
		}
	}
	return 0, fmt.Errorf("no voucher %q", username)
}

// post sends a form of the portal from a guest, on a connection of its own, and
// returns where the answer leads.
func post(ctx context.Context, c *http.Client, to string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	return resp.Header.Get("Location"), nil
}

// login logs a guest in through the portal.
func (h *house) login(ctx context.Context, g *netlab.Guest, username, passcode string) error {
	c := g.HTTPClient(netlab.ClientOptions{})
	to, err := post(ctx, c, netlab.PortalURL+"/login", url.Values{"code": {username}, "passcode": {passcode}})
	if err == nil && !strings.HasSuffix(to, "/status") {
		err = fmt.Errorf("the login as %s led to %q", username, to)
	}
	return err
}
