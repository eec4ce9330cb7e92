package config

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestZones(t *testing.T) {
	winter := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	summer := time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		zone           string
		winter, summer int // minutes east of UTC
	}{
		{"+01:00", 60, 60},
		{"-03:30", -210, -210},
		{"UTC", 0, 0},
		{"UTC0", 0, 0},
		{"CET-1CEST,M3.5.0,M10.5.0/3", 60, 120},
		{"EST5EDT,M3.2.0,M11.1.0", -300, -240},
		{"<+0330>-3:30", 210, 210},
		{"<-03>3", -180, -180},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", 660, 600},
		{"Europe/Rome", 60, 120},
	} {
		loc, err := parseZone(tc.zone)
		if err != nil {
			t.Errorf("%s: %v", tc.zone, err)
			continue
		}
		if _, s := winter.In(loc).Zone(); s != tc.winter*60 {
			t.Errorf("%s: %d s in winter", tc.zone, s)
		}
		if _, s := summer.In(loc).Zone(); s != tc.summer*60 {
			t.Errorf("%s: %d s in summer", tc.zone, s)
		}
	}
}

func TestBadZones(t *testing.T) {
	for _, s := range []string{"", "Local", "Europe/Nowhere", "+25:00", "../../etc/passwd", "/etc/passwd",
		"CET-1CEST,banana", "CET-99", strings.Repeat("A", 65), "CET-1CEST,M3.5.0,M10.5.0/3\nX"} {
		if loc, err := parseZone(s); err == nil {
			t.Errorf("%q is accepted as %v", s, loc)
		}
	}
}

// TestNoDatabase is a router without zoneinfo packages.
func TestNoDatabase(t *testing.T) {
	none := func(string) (*time.Location, error) { return nil, errors.New("unknown time zone") }
	_, err := findZone("Europe/Rome", none)
	if err == nil || !strings.Contains(err.Error(), "no time zone database") {
		t.Errorf("got %v", err)
	}
	if _, err := findZone("CET-1CEST,M3.5.0,M10.5.0/3", none); err != nil {
		t.Error(err)
	}
}
