package ways

import (
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
		if rate, median, err := way.run(t.Context(), 4, 50*time.Millisecond); err != nil || rate <= 0 || median <= 0 {
			t.Errorf("%s: %f %s %v", way.name, rate, median, err)
		}
	}
}
