package hotspot_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestAuditQueryMatches(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	row := hotspot.AuditRow{Time: at, Action: hotspot.AuditVoucherRemoved, Actor: hotspot.Actor{
		Kind: hotspot.ActorOperator, ID: "0102", Name: "Anna Ärmel", Addr: netip.MustParseAddr("192.168.1.2")}}
	for _, c := range []struct {
		query hotspot.AuditQuery
		want  bool
	}{
		{hotspot.AuditQuery{}, true},
		{hotspot.AuditQuery{Since: at, Until: at.Add(1)}, true},
		{hotspot.AuditQuery{Since: at.Add(1)}, false},
		{hotspot.AuditQuery{Until: at}, false},
		{hotspot.AuditQuery{Action: "voucher.removed"}, true},
		{hotspot.AuditQuery{Action: "voucher"}, true},
		{hotspot.AuditQuery{Action: "vouch"}, false},
		{hotspot.AuditQuery{Action: "voucher.removed.x"}, false},
		{hotspot.AuditQuery{Actor: "änn"}, false},
		{hotspot.AuditQuery{Actor: "ÄRM"}, true},
		{hotspot.AuditQuery{Actor: "0102"}, true},
		{hotspot.AuditQuery{Actor: "01"}, false},
		{hotspot.AuditQuery{Actor: "192.168.1.2"}, true},
		{hotspot.AuditQuery{Actor: "192.168.1"}, false},
		{hotspot.AuditQuery{Actor: "Operator"}, true},
		{hotspot.AuditQuery{Actor: "invalid IP"}, false},
		{hotspot.AuditQuery{Actor: "anna", Action: "key"}, false},
	} {
		if got := c.query.Matches(&row); got != c.want {
			t.Errorf("%+v: %v", c.query, got)
		}
	}
	nobody := hotspot.AuditRow{Actor: hotspot.Actor{Kind: hotspot.ActorSystem}}
	if (&hotspot.AuditQuery{Actor: "invalid IP"}).Matches(&nobody) {
		t.Error("an address that is none matches")
	}
}

// TestFindAudit turns over the pages of a log that is longer than what is read
// at a time: every row comes once.
func TestFindAudit(t *testing.T) {
	h := newHouse(t)
	const rows = 1203
	for i := range rows {
		key := "venue.name"
		if i%3 == 0 {
			key = "portal.title"
		}
		if err := h.SetSetting(hotspot.WithActor(t.Context(), hotspot.Actor{Kind: hotspot.ActorOperator, Name: fmt.Sprint("op", i%2)}), key, fmt.Sprint("name ", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		query hotspot.AuditQuery
		want  int
	}{
		{hotspot.AuditQuery{Limit: 100}, rows},
		{hotspot.AuditQuery{Limit: rows}, rows},
		{hotspot.AuditQuery{Limit: 7, Actor: "op1"}, rows / 2},
		{hotspot.AuditQuery{Limit: 1000, Action: "setting"}, rows},
		{hotspot.AuditQuery{Limit: 10, Actor: "nobody"}, 0},
	} {
		seen, last := 0, ^uint64(0)
		for pages := 0; ; pages++ {
			found, next, err := h.FindAudit(t.Context(), c.query)
			if err != nil || len(found) > c.query.Limit || pages > rows {
				t.Fatal(len(found), err)
			}
			for _, r := range found {
				if r.ID >= last || !c.query.Matches(&r) {
					t.Fatalf("%+v: row %d after %d", c.query, r.ID, last)
				}
				last = r.ID
				seen++
			}
			if next == 0 {
				break
			}
			c.query.Before = next
		}
		if seen != c.want {
			t.Errorf("%+v: %d rows, want %d", c.query, seen, c.want)
		}
	}
}
