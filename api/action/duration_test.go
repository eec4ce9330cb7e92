package action

import (
	"testing"
	"time"
)

func TestFormatDuration(t *testing.T) {
	const day, week = 24 * time.Hour, 7 * 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Hour:                   "0s",
		0:                            "0s",
		999 * time.Millisecond:       "0s",
		9 * time.Second:              "9s",
		45 * time.Second:             "45s",
		time.Minute:                  "1m00s",
		5*time.Minute + time.Second:  "5m01s",
		59*time.Minute + time.Second: "59m01s",
		time.Hour:                    "1h00m00s",
		9*time.Hour + 12*time.Minute + 45*time.Second: "9h12m45s",
		12*time.Hour + 5*time.Minute + 30*time.Second: "12h05m30s",
		day: "1d0h00m00s",
		2*day + 3*time.Hour + 4*time.Minute + 5*time.Second:    "2d3h04m05s",
		6*day + 23*time.Hour + 59*time.Minute + 59*time.Second: "6d23h59m59s",
		week:         "1w0d0h00m00s",
		week + 2*day: "1w2d0h00m00s",
		1<<63 - 1:    "15250w1d23h47m16s",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
