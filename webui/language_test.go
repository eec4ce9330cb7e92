package webui

import (
	"math"
	"testing"
	"testing/fstest"
	"time"
)

func english(t testing.TB) *Language {
	t.Helper()
	ls, err := NewLanguages()
	if err != nil {
		t.Fatal(err)
	}
	return ls.Default()
}

func TestBytes(t *testing.T) {
	l := english(t)
	for n, want := range map[uint64]string{
		0:                "0 bytes",
		1023:             "1023 bytes",
		1 << 10:          "1 KB",
		1<<20 - 1:        "1023 KB",
		1 << 20:          "1 MB",
		1<<20 + 1<<19:    "1.5 MB",
		100<<20 - 1:      "99.9 MB", // rounded down
		500 << 20:        "500 MB",
		1 << 30:          "1 GB",
		9437184 << 20:    "9 TB",
		math.MaxUint64:   "16,777,215 TB",
		1:                "1 byte",
		2<<30 + 1<<30/20: "2 GB",
		12<<30 + 300<<20: "12.2 GB",
		2000 << 20:       "2000 MB", // as it was set
		10000 << 20:      "10,000 MB",
		1536 << 20:       "1.5 GB",
		2000<<20 - 1:     "1.9 GB",
		2000 << 30:       "2000 GB",
	} {
		if got := l.Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	l := english(t)
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Hour:                        "less than a minute",
		0:                                 "less than a minute",
		59 * time.Second:                  "less than a minute",
		time.Minute:                       "1 minute",
		2*time.Minute + 59*time.Second:    "2 minutes",
		time.Hour:                         "1 hour",
		time.Hour + 59*time.Second:        "1 hour",
		3*time.Hour + 20*time.Minute:      "3 hours 20 minutes",
		day:                               "1 day",
		day + 59*time.Minute:              "1 day",
		2*day + time.Hour + 5*time.Minute: "2 days 1 hour",
		365 * day:                         "365 days",
	} {
		if got := l.Duration(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestTime(t *testing.T) {
	l := english(t)
	now := time.Date(2026, time.May, 3, 0, 30, 0, 0, time.FixedZone("CEST", 7200))
	for at, want := range map[time.Time]string{
		{}:                                       "",
		now.Add(time.Hour).UTC():                 "today at 01:30", // shown in the venue's zone
		now.Add(-time.Hour):                      "2 May 2026 at 23:30",
		now.AddDate(0, 7, 0).Add(12 * time.Hour): "3 December 2026 at 12:30",
	} {
		if got := l.Time(at, now); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
}

func TestText(t *testing.T) {
	l := english(t)
	if got := l.T("duration.pair", "large", "{small}", "small", "{large}"); got != "{small} {large}" {
		t.Errorf("values are looked into: %q", got)
	}
	if got := l.T("no.such.key", "a", 1); got != "no.such.key" || l.Has("no.such.key") {
		t.Errorf("unknown key: %q", got)
	}
	if got := l.T("unit.kb", "n", 20000) + l.T("unit.kb", "n", uint8(7)); got != "20,000 KB7 KB" {
		t.Errorf("numbers: %q", got)
	}
	if before, after := l.Around("time.today", "time"); before != "today at " || after != "" {
		t.Errorf("around: %q, %q", before, after)
	}
	if got := l.T("unit.kb", "odd"); got != "{n} KB" {
		t.Errorf("odd arguments: %q", got)
	}
}

func TestBadLanguageFiles(t *testing.T) {
	for name, data := range map[string]string{
		"lang/xx.json": `{`,
		"lang/yy.json": `{"dir":"up","plural":"one-other"}`,
		"lang/zz.json": `{"dir":"ltr","plural":"dual"}`,
		"lang/en.json": `{"text":{"unit.kb":"again"}}`,
	} {
		if _, err := NewLanguages(fstest.MapFS{name: {Data: []byte(data)}}); err == nil {
			t.Errorf("%s with %s is accepted", name, data)
		}
	}
}
