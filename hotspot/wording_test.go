package hotspot_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestMessage: what an error is made of is kept beside its English text, and
// never changes it.
func TestMessage(t *testing.T) {
	type message interface {
		error
		Message() (string, []any)
	}
	inner := hotspot.Worded("%q is not a number from %d to %d", "x", 1, 9)
	_, setting := hotspot.DefaultSettings().With(map[string]string{"voucher.devices": "many"})
	var e *hotspot.Error
	if !errors.As(setting, &e) {
		t.Fatal(setting)
	}
	for _, tc := range []struct {
		said         message
		text, format string
		args         []any
	}{
		{hotspot.Invalid("note", "must be set"), "note: must be set", "must be set", nil},
		{hotspot.Invalid("note", "at most %d of %q", 5, "a"), `note: at most 5 of "a"`, "at most %d of %q", []any{5, "a"}},
		{hotspot.Refuse(hotspot.CodeForbidden, "", "no"), "no", "no", nil},
		{hotspot.ErrForbidden, "not allowed", "not allowed", nil},
		{inner, `"x" is not a number from 1 to 9`, "%q is not a number from %d to %d", []any{"x", 1, 9}},
		{hotspot.Invalid("", "page %d is odd", 7).Meaning("it is damaged"), "page 7 is odd", "it is damaged", nil},
	} {
		format, args := tc.said.Message()
		if tc.said.Error() != tc.text || format != tc.format || cmp.Diff(tc.args, args) != "" {
			t.Errorf("%v: %q %q", tc.said, format, args)
		}
	}
	_, args := e.Message()
	if _, ok := args[0].(message); !ok || e.Text != `"many" is not a whole number from 1 to 100` {
		t.Errorf("%q is made of %#v", e.Text, args)
	}
}

// TestMessageCosts: a refusal without a value in it is one allocation.
func TestMessageCosts(t *testing.T) {
	var kept *hotspot.Error
	if n := testing.AllocsPerRun(100, func() { kept = hotspot.Invalid("note", "must be set") }); n > 1 {
		t.Errorf("%v allocations for %v", n, kept)
	}
}
