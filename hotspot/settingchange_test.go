package hotspot_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestSetSettings: several settings change together or not at all, and each
// change has its row in the audit log.
func TestSetSettings(t *testing.T) {
	h := newHouse(t)
	var last uint64
	if err := h.SetSettings(t.Context(), map[string]string{"venue.name": "Café", "login.free": "on", "login.voucher": "on"}); err != nil {
		t.Fatal(err)
	}
	if s := h.Settings(); s.VenueName != "Café" || !s.LoginFree {
		t.Errorf("%+v", s)
	}
	if got := h.trail(&last); len(got) != 2 || !strings.Contains(got[0]+got[1], `"Guest Wi-Fi"→"Café"`) {
		t.Errorf("audit log: %q", got)
	}
	err := h.SetSettings(t.Context(), map[string]string{"venue.name": "lost", "login.free": "perhaps", "session.timeout": "x", "no.such": ""})
	var fields []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			var e *hotspot.Error
			if errors.As(err, &e) {
				fields = append(fields, e.Field+" "+string(e.Code))
			}
		}
	}
	if got := strings.Join(fields, ", "); got != "login.free invalid, key not_found, session.timeout invalid" {
		t.Errorf("refused: %s", got)
	}
	broken := errors.New("the disk is broken")
	h.store.FailUpdate = func() error { return broken }
	if err := h.SetSettings(t.Context(), map[string]string{"venue.name": "lost"}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	h.store.FailUpdate = nil
	if s := h.Settings(); s.VenueName != "Café" || s.Value("venue.name") != "Café" || s.Value("no.such") != "" {
		t.Errorf("%+v", s)
	}
	if got := h.trail(&last); len(got) != 0 {
		t.Errorf("audit log: %q", got)
	}
}
