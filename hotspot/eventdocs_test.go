package hotspot_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestEventsAreAsDocumented compares the members of real events with those of
// the examples in the documentation, and their order.
func TestEventsAreAsDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "docs", "webhooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[hotspot.EventType][]string{}
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(b, -1) {
		var body struct {
			Type hotspot.EventType
			Data json.RawMessage
		}
		if err := json.Unmarshal(m[1], &body); err != nil {
			t.Fatal(err)
		}
		documented[body.Type] = members(t, body.Data)
	}
	h := newHouse(t)
	h.subscribe()
	d := h.device(1)
	h.login(d, h.voucher(hotspot.VoucherSpec{ValidFor: new(hotspot.Validity(time.Hour))}))
	h.look()
	h.clock.Pass(time.Hour)
	h.poll()
	h.look()
	seen := map[hotspot.EventType]bool{}
	for _, e := range h.queued() {
		seen[e.Type] = true
		if d := cmp.Diff(documented[e.Type], members(t, e.Data)); d != "" {
			t.Errorf("%s is not as documented (-documented +real):\n%s", e.Type, d)
		}
	}
	if got := slices.Sorted(maps.Keys(seen)); len(got) != len(hotspot.EventTypes()) {
		t.Errorf("only %v happened", got)
	}
}

// members lists the names in a JSON value, in order.
func members(t *testing.T, b []byte) (names []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`"([a-z_]+)":`).FindAllSubmatch(b, -1) {
		names = append(names, string(m[1]))
	}
	if !json.Valid(b) {
		t.Errorf("%s", b)
	}
	return names
}
