package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api"
)

func TestLogRing(t *testing.T) {
	var out bytes.Buffer
	level := new(slog.LevelVar)
	r := newLogRing()
	log := r.wrap(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})))
	log.With("component", "nft", "table", "vouchsafe").WithGroup("g").Warn("events were lost\nagain", "n", 3, "error", errors.New(`say "no"`), slog.Group("in", "a", time.Minute))
	log.Debug("not wanted")
	level.Set(slog.LevelDebug)
	log.Debug("wanted now")
	log.Error("bad", "empty", "")
	got := r.find(api.LogQuery{})
	for i := range got {
		if at := got[i].Time; at == nil || time.Since(*at) > time.Minute {
			t.Errorf("time %v", at)
		}
		got[i].Time = nil
	}
	want := []api.LogLine{
		{ID: 3, Level: "error", Text: "bad", Details: `empty=""`},
		{ID: 2, Level: "debug", Text: "wanted now"},
		{ID: 1, Level: "warn", Component: "nft", Text: "events were lost again", Details: `table=vouchsafe g.n=3 g.error="say 'no'" g.in.a=1m0s`},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if text := out.String(); !strings.Contains(text, `component=nft table=vouchsafe g.n=3`) || strings.Contains(text, "not wanted") {
		t.Errorf("the log itself: %s", text)
	}
	for q, n := range map[api.LogQuery]int{{Level: "warn"}: 2, {Level: "error"}: 1, {Text: "NFT"}: 1, {Text: "Vouchsafe"}: 1, {Text: "nothing"}: 0, {Limit: 2}: 2} {
		if got := r.find(q); len(got) != n {
			t.Errorf("%+v: %d lines", q, len(got))
		}
	}
	if d := cmp.Diff(map[string]string{"table": "vouchsafe", "g.n": "3", "g.error": "say 'no'", "g.in.a": "1m0s"}, maps.Collect(details(want[2].Details))); d != "" {
		t.Error(d)
	}
}

// However much is logged, the ring keeps within its bounds, and the newest.
func TestLogRingIsBounded(t *testing.T) {
	r := newLogRing()
	log := r.wrap(slog.New(slog.DiscardHandler))
	h := log.Handler().(ringHandler)
	h.next = slog.NewTextHandler(new(bytes.Buffer), nil)
	log = slog.New(h)
	check := func(least, most int) {
		t.Helper()
		lines, size := r.find(api.LogQuery{}), 0
		for i := range lines {
			size += lineSize(&lines[i])
		}
		if len(lines) < least || len(lines) > most || size > ringBytes || size != r.bytes || lines[0].ID != r.last {
			t.Errorf("%d lines, %d bytes, counted %d, newest %d of %d", len(lines), size, r.bytes, lines[0].ID, r.last)
		}
	}
	for i := range 3 * ringLines {
		log.Info("line", "i", i)
	}
	check(ringLines, ringLines)
	text, value := strings.Repeat("é", 9000), strings.Repeat("x", 1<<20)
	for range 100 {
		log.Info(text, "v", value)
	}
	check(10, 40)
}

func TestLogNews(t *testing.T) {
	r := newLogRing()
	log := r.wrap(slog.New(slog.NewTextHandler(new(bytes.Buffer), &slog.HandlerOptions{Level: slog.LevelDebug})))
	ctx, cancel := context.WithCancel(t.Context())
	news := r.news(ctx)
	log.Debug("looking at the log is logged, too")
	if len(news) != 0 {
		t.Error("news of looking")
	}
	log.Info("a")
	log.Info("b") // nobody is waited for
	if len(news) != 1 {
		t.Error("no news")
	}
	cancel()
	eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.watch) == 0
	})
}

// patience bounds every wait of the tests, on a machine that has much else to do.
const patience = 90 * time.Second

// eventually polls until something holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come about")
		}
	}
}
