package hotspot_test

import (
	"testing"
	"time"
)

// It is told since when the clock is believed, in the time of now: a clock that
// is put right moves it along.
func TestClockState(t *testing.T) {
	h := newHouse(t)
	h.reboot(start.Add(time.Hour), "later") // nobody vouches for this one
	h.clock.Set(start.Add(-time.Hour), false)
	if st := h.Clock(); st.Believed || !st.Since.IsZero() || !st.Wall.Equal(start.Add(-time.Hour)) || st.Now.Before(start) {
		t.Errorf("before: %+v", st)
	}
	right := start.Add(48 * time.Hour)
	h.clock.Set(right, true)
	if err := h.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.clock.Pass(time.Hour)
	if st := h.Clock(); !st.Believed || !st.Since.Equal(right) || !st.Now.Equal(right.Add(time.Hour)) {
		t.Errorf("believed: %+v", st)
	}
	h.clock.Set(right.Add(3*time.Hour), true)
	if err := h.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := h.Clock(); !st.Since.Equal(right.Add(2 * time.Hour)) {
		t.Errorf("set: %+v", st)
	}
	h.restart()
	if st := h.Clock(); !st.Believed || !st.Since.IsZero() {
		t.Errorf("believed before the start: %+v", st)
	}
}
