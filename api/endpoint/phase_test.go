package endpoint_test

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/endpoint"
)

// TestTurnedOn: what has just been turned on is not said to be off, though nothing
// has begun yet.
func TestTurnedOn(t *testing.T) {
	w := newWorld(t)
	e, err := endpoint.New(t.Context(), w.cfg) // which nobody runs
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Enrol(t.Context(), api.NewEnrolment{Domain: "cloud.test", Code: w.code()}); err != nil {
		t.Fatal(err)
	}
	if st := e.Status(); !st.On || st.Phase != "connecting" {
		t.Errorf("enrolled: %+v", st)
	}
	for on, phase := range map[bool]string{false: "off", true: "connecting"} {
		if err := e.Switch(t.Context(), on); err != nil {
			t.Fatal(err)
		}
		if st := e.Status(); st.On != on || st.Phase != phase {
			t.Errorf("%v: %+v", on, st)
		}
	}
}
