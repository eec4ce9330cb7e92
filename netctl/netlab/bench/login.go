package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"github.com/vishvananda/netns"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

const loginHow = `A guest of the lab sends the portal's form on a new connection; then it sends a
datagram to the internet, every half millisecond until the echo is back. The time is
from before the connection to the echo. In turns with it, the same is done from the
LAN, which needs no login, with a bare net/http server in a process of its own in
the router's namespace, which reads the form and answers the same bytes. A login is durable before it is
answered, so a bare bbolt commit of the same run on the same disk stands beside it.`

// logins measures the way from the form to the internet.
func logins(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "Login", How: loginHow}
	plot := Plot{Name: "login", Title: "Login: from the form to the first packet through", Unit: "ms", Goal: 15, GoalText: "15 ms"}
	for _, crowd := range []int{0, pick(r, 10000, 500)} {
		res, err := r.loginsWith(ctx, crowd)
		if err != nil {
			return s, fmt.Errorf("%d guests in: %w", crowd, err)
		}
		u := msUnit()
		s.figure(fmt.Sprintf("login, from the form's POST to the first packet through, %d guests in", crowd), u.spread(res.login),
			fmt.Sprintf("bare HTTP round trip %s; bare bbolt commit %s", u.with(res.bare.Median()), u.with(res.commit.Median())),
			"≤ 15 ms (median)", atMost(res.login.Median(), 15))
		plot.Rows = append(plot.Rows, PlotRow{"bare round trip", res.bare, true}, PlotRow{"bare bbolt commit", res.commit, true},
			PlotRow{fmt.Sprintf("login, %d guests in", crowd), res.login, false})
		s.note(fmt.Sprintf("With %d guests in, 95 of 100 logins took less than %s.", crowd, u.with(res.login.Quantile(0.95))))
	}
	s.Plots = append(s.Plots, plot)
	return s, nil
}

type loginResult struct{ login, bare, commit Sample }

func (r *run) loginsWith(ctx context.Context, crowd int) (res loginResult, err error) {
	h, err := newHouse(ctx, r, houseOptions{suffix: "login", guests: 1, seed: seedGuests(crowd)})
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	user, pass, err := h.voucher(ctx, nil)
	if err != nil {
		return res, err
	}
	form := url.Values{"code": {user}, "passcode": {pass}}
	const bareAt = netlab.RouterLAN4 + ":8099"
	answer := "HTTP/1.1 303 See Other\r\nLocation: " + netlab.PortalURL + "/status\r\nCache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	b, err := r.startBare(ctx, h.Router(), h.LAN(), bareAt, bareAt, []byte(answer))
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	bolt, err := openBolt(filepath.Join(filepath.Dir(b.file), "bare.db"))
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, bolt.close()) }()
	guest := h.Guest(1)
	for i := range pick(r, 100, 5) {
		took, err := timeLogin(ctx, guest.Host, netlab.PortalURL+"/login", form)
		if err != nil {
			return res, fmt.Errorf("login %d: %w", i, err)
		}
		res.login = append(res.login, took)
		if _, err := post(ctx, guest.HTTPClient(netlab.ClientOptions{}), netlab.PortalURL+"/logout", nil); err != nil {
			return res, err
		}
		if took, err = timeLogin(ctx, h.LAN(), "http://"+bareAt+"/login", form); err != nil {
			return res, fmt.Errorf("bare round trip: %w", err)
		}
		res.bare = append(res.bare, took)
		if took, err = bolt.timeCommit(); err != nil {
			return res, err
		}
		res.commit = append(res.commit, took)
	}
	return res, nil
}

// timeLogin returns the milliseconds from a form to the echo of a datagram.
func timeLogin(ctx context.Context, from *netlab.Host, to string, form url.Values) (float64, error) {
	echo, err := from.DialContext(ctx, "udp4", netlab.Upstream4+":7")
	if err != nil {
		return 0, err
	}
	defer echo.Close()
	c := from.HTTPClient(netlab.ClientOptions{})
	begun := time.Now()
	if _, err := post(ctx, c, to, form); err != nil {
		return 0, err
	}
	if err := firstThrough(ctx, echo); err != nil {
		return 0, err
	}
	return millis(time.Since(begun)), nil
}

// firstThrough sends datagrams until one comes back.
func firstThrough(ctx context.Context, echo net.Conn) error {
	buf := make([]byte, 16)
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		_, _ = echo.Write([]byte("ping"))
		_ = echo.SetReadDeadline(time.Now().Add(500 * time.Microsecond))
		if _, err := echo.Read(buf); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errBlocked
}

const batchHow = `The gate alone, without a daemon: one guest is let in with an IPv4 and an IPv6
address, an account with two quotas, and meters, with 10,000 guests in. What is
timed is the whole call: planning, one netlink transaction, and the kernel's answer.
Removal is the same way back, with the search for the guest's connections.`

// batches measures single changes of a full gate.
func batches(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "The kernel batch", How: batchHow}
	lab, err := r.lab(ctx, "batch", 1)
	if err != nil {
		return s, err
	}
	t := &track{Lab: lab}
	defer func() { err = errors.Join(err, t.close()) }()
	if t.ns, err = netns.GetFromName(lab.Router().Namespace()); err != nil {
		return s, err
	}
	crowd := pick(r, 10000, 500)
	begun := time.Now()
	if err := t.admit(ctx, crowd); err != nil {
		return s, err
	}
	all := time.Since(begun)
	var in, out Sample
	for range pick(r, 300, 10) {
		pass := crowdPass(crowd)
		g := &pass.Grants[0]
		g.Addrs = append(g.Addrs, netip.MustParseAddr("fd64::1"))
		if in, err = t.timeSet(ctx, in, pass); err != nil {
			return s, err
		}
		if out, err = t.timeSet(ctx, out, hotspot.Pass{Account: pass.Account}); err != nil {
			return s, err
		}
		if err := t.gate.Forget(ctx, g.Session); err != nil {
			return s, err
		}
	}
	u := msUnit()
	s.figure(fmt.Sprintf("kernel batch: one guest let in, %d in", crowd), u.spread(in), "", "≤ 1 ms", atMost(in.Median(), 1))
	s.figure(fmt.Sprintf("kernel batch: one guest removed, %d in", crowd), u.spread(out), "", "", NoGoal)
	s.figure(fmt.Sprintf("%d guests let into an empty gate", crowd), msUnit().with(millis(all)), "", "", NoGoal)
	s.Plots = append(s.Plots, Plot{Name: "batch", Title: "The kernel batch with 10,000 guests in", Unit: "ms", Goal: 1, GoalText: "1 ms",
		Rows: []PlotRow{{"let in", in, false}, {"remove", out, false}}})
	return s, nil
}

func (t *track) timeSet(ctx context.Context, s Sample, p hotspot.Pass) (Sample, error) {
	begun := time.Now()
	err := t.gate.Set(ctx, p)
	return append(s, millis(time.Since(begun))), err
}
