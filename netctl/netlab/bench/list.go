package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

const listHow = `100,000 vouchers are in the store. The whole list is asked for from the LAN, in turns
with the same bytes from a bare net/http server in a process of its own that has them in
memory. The daemon's growth is the peak of its resident memory while it answers, which
the kernel keeps, less what it had before, after a short list. Part of that peak is
the store's file, which is mapped: the kernel's page cache, shown in the process
whose reading brought it in, and taken back when memory is short. Both are stated.`

// listing measures the longest list of the action API.
func listing(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "get_voucher_users with 100,000 vouchers", How: listHow}
	n := pick(r, 100_000, 2000)
	h, err := newHouse(ctx, r, houseOptions{suffix: "list", seed: seedVouchers(n)})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	whole, err := h.fetch(ctx, apiURL, "get_voucher_users", nil)
	if err != nil {
		return s, err
	}
	const bareAt = netlab.RouterLAN4 + ":8099"
	b, err := r.startBare(ctx, h.Router(), h.LAN(), bareAt, bareAt, plainAnswer(whole))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	res := listResult{}
	for range pick(r, 9, 1) {
		if err := res.turn(ctx, h, "http://"+bareAt+"/"); err != nil {
			return s, err
		}
	}
	res.report(&s, n, h)
	return s, nil
}

func plainAnswer(body []byte) []byte {
	return append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body)), body...)
}

type listResult struct{ rate, bare, grown, anon, file Sample }

// turn lists once from the daemon, started anew, and once from the bare server.
func (res *listResult) turn(ctx context.Context, h *house, bareURL string) error {
	if _, err := h.restart(ctx, false); err != nil {
		return err
	}
	if _, err := h.fetch(ctx, apiURL, "get_voucher_users", map[string]any{"limit": 10}); err != nil {
		return err
	}
	pid := h.daemon.PID()
	if err := forgetPeak(pid); err != nil {
		return err
	}
	before, err := memoryOf(pid)
	if err != nil {
		return err
	}
	begun := time.Now()
	body, err := h.fetch(ctx, apiURL, "get_voucher_users", nil)
	if err != nil {
		return err
	}
	res.rate = append(res.rate, float64(len(body))/1e6/time.Since(begun).Seconds())
	after, err := memoryOf(pid)
	if err != nil {
		return err
	}
	res.grown = append(res.grown, after.peak-before.rss)
	res.anon, res.file = append(res.anon, after.anon-before.anon), append(res.file, after.file-before.file)
	begun = time.Now()
	body, err = h.fetch(ctx, bareURL, "get_voucher_users", nil)
	res.bare = append(res.bare, float64(len(body))/1e6/time.Since(begun).Seconds())
	return err
}

func (res *listResult) report(s *Section, n int, h *house) {
	u, m := mbsUnit(), mbUnit()
	s.figure(fmt.Sprintf("get_voucher_users, %d vouchers, throughput", n), u.spread(res.rate), "bare net/http, bytes in memory: "+u.with(res.bare.Median()),
		"≥ 20 MB/s", atLeast(res.rate.Median(), 20))
	s.figure(fmt.Sprintf("get_voucher_users, %d vouchers, growth of the RSS", n), m.spread(res.grown),
		fmt.Sprintf("of it anonymous %s, mapped file %s", m.with(res.anon.Median()), m.with(res.file.Median())), "≤ 8 MB", atMost(res.grown.Median(), 8))
	s.figure(fmt.Sprintf("get_voucher_users, %d vouchers, growth of anonymous memory", n), m.spread(res.anon), "", "≤ 8 MB", atMost(res.anon.Median(), 8))
	if st, err := os.Stat(filepath.Join(h.DataDir(), "vouchsafe.db")); err == nil {
		s.note(fmt.Sprintf("The store's file has %.1f MB.", float64(st.Size())/(1<<20)))
	}
	s.Plots = append(s.Plots, Plot{Name: "list", Title: "get_voucher_users, throughput", Unit: "MB/s", Goal: 20, GoalText: "20 MB/s",
		Rows: []PlotRow{{"bare net/http", res.bare, true}, {"daemon", res.rate, false}}})
}

// fetch posts an API call on a connection of its own and returns the body.
func (h *house) fetch(ctx context.Context, to, action string, params map[string]any) ([]byte, error) {
	c := h.LAN().HTTPClient(netlab.ClientOptions{Timeout: time.Minute})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(string(h.ask(action, params))))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || len(body) < 10) {
		err = fmt.Errorf("%s: %s: %.100s", action, resp.Status, body)
	}
	return body, err
}
