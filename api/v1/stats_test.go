package v1_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/apitest"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// statsHouse is the API over connections in memory, for a test in a bubble. timeout is
// the server's for reading and for writing; 0: none.
func statsHouse(t *testing.T, timeout time.Duration, c v1.Config) (*v1test.Service, *http.Client) {
	t.Helper()
	s := v1test.NewService()
	s.Stats = v1test.Stats{
		Now: hotspot.LiveStats{Time: s.Time, Online: 3, Rate: hotspot.Rate{Down: 1 << 33, Up: 7}, Guests: []hotspot.GuestRate{
			{Session: 1, MAC: hotspot.MAC{2, 0, 0, 0, 0, 1}, Login: "a", Rate: hotspot.Rate{Down: 1 << 33}}, {Session: 2, Login: "b"}}},
		Points:  []hotspot.RatePoint{{Time: s.Time.Add(-time.Minute), Online: 2, Rate: hotspot.Rate{Up: 9}}},
		Counted: []hotspot.HistoryPoint{{Start: s.Time, Used: hotspot.Usage{Down: 5, Up: 6}, Logins: hotspot.Logins{1, 2, 3, 4, 5}, Peak: 2, Provisional: true}},
		Top:     []hotspot.TopVoucher{{ID: 1, Username: "x", Used: hotspot.Usage{Down: 9}}},
		Ticks:   make(chan struct{}),
	}
	c.Service, c.Keys, c.Log = s, s, slog.New(slog.DiscardHandler)
	c.Info = func(context.Context) v1.Status { return v1.Status{Notices: []string{"look here"}} }
	wire := apitest.NewWire()
	srv := &http.Server{Handler: api.As(api.Local(), v1.New(c)), ReadTimeout: timeout, WriteTimeout: timeout}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(wire) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s, &http.Client{Transport: &http.Transport{DialContext: wire.Dial}}
}

const statsURL = "http://router/api/v1/"

// get asks for a path and returns the answer's status and JSON.
func get(t *testing.T, c *http.Client, path string, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, statsURL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := statsHouse(t, 0, v1.Config{})
		var live v1.Live
		if get(t, c, "stats/live?guests=1", &live); live.GuestsOnline != 3 || len(live.Guests) != 1 || live.DownloadRate != 1<<33 || len(live.Series) != 1 || live.Series[0].UploadRate != 9 {
			t.Errorf("live %+v", live)
		}
		var history v1.List[v1.HistoryPoint]
		get(t, c, "stats/history?by=day&from=7+days", &history)
		if p := history.Items[0]; p.Download != 5 || p.Logins != 15 || p.ByMethod != (v1.MethodCounts{Voucher: 1, Free: 2, Email: 3, Mobile: 4, Facebook: 5}) || !p.Provisional {
			t.Errorf("history %+v", p)
		}
		var top v1.List[v1.TopVoucher]
		if get(t, c, "stats/top", &top); len(top.Items) != 1 || top.Items[0].Download != 9 {
			t.Errorf("top %+v", top)
		}
		for _, path := range []string{"live?guests=1001", "history?by=week", "history?from=soon", "top?days=31", "top?limit=0", "live/stream?guests=x", "live/stream?other=1", "history?from=2026-03-05+00:00:00"} {
			var p v1.Problem
			if got := get(t, c, "stats/"+path, &p); got != http.StatusUnprocessableEntity || p.Field == "" {
				t.Errorf("%s: %d %+v", path, got, p)
			}
		}
	})
}

// stream opens a stream and returns its lines.
func stream(t *testing.T, c *http.Client) (*bufio.Reader, *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, statsURL+"stats/live/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return bufio.NewReader(resp.Body), resp
}

func wantEvent(t *testing.T, in *bufio.Reader) {
	t.Helper()
	var lines []string
	for range 3 {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	var live v1.Live
	data, ok := strings.CutPrefix(lines[1], "data: ")
	if err := json.Unmarshal([]byte(data), &live); lines[0] != "event: live" || !ok || err != nil || live.GuestsOnline != 3 || live.Series != nil || lines[2] != "" {
		t.Errorf("got %q, %v", lines, err)
	}
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const outlived = 2 * time.Second // by a stream
		began, stopping := time.Now(), make(chan struct{})
		s, c := statsHouse(t, outlived, v1.Config{Stopping: stopping})
		in, resp := stream(t, c)
		if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("type %s", got)
		}
		wantEvent(t, in)
		<-time.After(2 * outlived)
		for range 3 {
			s.Stats.Ticks <- struct{}{}
			wantEvent(t, in)
		}
		for range 15 {
			more, _ := stream(t, c)
			wantEvent(t, more)
		}
		_, resp = stream(t, c)
		if resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("one too many: %s", resp.Status)
		}
		if got := time.Since(began); got != 2*outlived {
			t.Errorf("requests take %v", got-2*outlived)
		}
		close(stopping)
		if _, err := in.ReadString('\n'); err == nil {
			t.Error("the stream goes on while the daemon stops")
		}
	})
}

// TestHealth looks once, however many ask.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		_, c := statsHouse(t, 0, v1.Config{Health: api.NewHealthWatch(func(context.Context) []v1.HealthFact {
			looks.Add(1)
			return []v1.HealthFact{{Check: "uplink", Verdict: "problem", Found: hotspot.Textf("none"), Remedy: hotspot.Textf("plug it in")}, {Check: "memory", Verdict: "ok"}}
		})})
		for range 5 {
			var h v1.Health
			if get(t, c, "health", &h); h.Verdict != "problem" || len(h.Facts) != 3 || h.Facts[2].Found.String() != "look here" || h.Time == nil {
				t.Errorf("got %+v", h)
			}
		}
		if n := looks.Load(); n != 1 {
			t.Errorf("looked %d times", n)
		}
		_, c = statsHouse(t, 0, v1.Config{})
		var h v1.Health
		if get(t, c, "health", &h); h.Verdict != "warning" || len(h.Facts) != 1 {
			t.Errorf("without a daemon: %+v", h)
		}
	})
}
