package ways

import (
	"context"
	"testing"
	"time"
)

// TestRuns sees that every way works; it measures nothing.
func TestRuns(t *testing.T) {
	w, err := newWays(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, way := range w.list {
		if rate, median, err := way.run(t.Context(), 4, 500*time.Millisecond); err != nil || rate <= 0 || median <= 0 {
			t.Errorf("%s: %f %s %v", way.name, rate, median, err)
		}
	}
}

// TestEnds: whoever does not want to know any more waits for nothing.
func TestEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compare(ctx, 1, time.Second); err == nil {
		t.Error("it went on")
	}
}
