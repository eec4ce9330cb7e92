package hotspottest

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func auditCases() storeCases {
	return storeCases{
		"audit/fields":      testAuditFields,
		"audit/pages":       testAuditPages,
		"audit/unchanged":   testAuditUnchanged,
		"audit/rollback":    testAuditRollback,
		"audit/prune age":   testPruneAuditAge,
		"audit/prune count": testPruneAuditCount,
		"audit/prune limit": testPruneAuditLimit,
		"audit/prune back":  testPruneAuditRollback,
	}
}

func auditID(r hotspot.AuditRow) uint64 { return r.ID }

// addAudit stores n rows, an hour apart, in one transaction each.
func addAudit(t *testing.T, s hotspot.Store, n int) {
	t.Helper()
	for i := range n {
		update(t, s, func(tx hotspot.Tx) error {
			return tx.PutAudit(&hotspot.AuditRow{Time: day0().Add(time.Duration(i) * time.Hour), Action: hotspot.AuditSettingChanged})
		})
	}
}

func wantAudit(t *testing.T, s hotspot.Store, want ...uint64) {
	t.Helper()
	view(t, s, func(r hotspot.Reader) error {
		rows, err := r.Audit(0, 1000)
		wantIDs(t, rows, err, auditID, want...)
		return nil
	})
}

func testAuditFields(t *testing.T, s hotspot.Store) {
	full := filled[hotspot.AuditRow](t)
	odd := hotspot.AuditRow{
		Time:    time.Unix(0, 0).UTC(),
		Actor:   hotspot.Actor{Kind: hotspot.ActorOperator, Addr: netip.MustParseAddr("fe80::1%br-lan"), Name: "\x00\xff"},
		Changes: []hotspot.Change{{}, {Field: "passcode"}, {New: strings.Repeat("Ä", 200)}},
	}
	rows := []hotspot.AuditRow{full, {}, odd}
	for _, k := range []hotspot.ActorKind{hotspot.ActorKey, hotspot.ActorDevice, hotspot.ActorLocal, hotspot.ActorGuest, hotspot.ActorSystem} {
		rows = append(rows, hotspot.AuditRow{Actor: hotspot.Actor{Kind: k}})
	}
	for i := range rows {
		rows[i].ID = 0
		update(t, s, func(tx hotspot.Tx) error { return tx.PutAudit(&rows[i]) })
	}
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.Audit(0, 100)
		if len(got) != len(rows) || err != nil {
			t.Fatalf("%d rows, %v", len(got), err)
		}
		for i, row := range rows {
			same(t, got[len(rows)-1-i], row)
		}
		return nil
	})
}

func testAuditPages(t *testing.T, s hotspot.Store) {
	wantAudit(t, s)
	addAudit(t, s, 5)
	view(t, s, func(r hotspot.Reader) error {
		for _, c := range []struct {
			before uint64
			limit  int
			want   []uint64
		}{
			{0, 2, []uint64{5, 4}}, {4, 2, []uint64{3, 2}}, {2, 2, []uint64{1}}, {1, 2, nil}, {99, 1, []uint64{5}}, {^uint64(0), 9, []uint64{5, 4, 3, 2, 1}}, {3, 0, nil},
		} {
			rows, err := r.Audit(c.before, c.limit)
			wantIDs(t, rows, err, auditID, c.want...)
		}
		return nil
	})
}

// testAuditUnchanged: what was once recorded stays as it is.
func testAuditUnchanged(t *testing.T, s hotspot.Store) {
	row := hotspot.AuditRow{Subject: "as it was"}
	update(t, s, func(tx hotspot.Tx) error { return tx.PutAudit(&row) })
	update(t, s, func(tx hotspot.Tx) error {
		again := hotspot.AuditRow{ID: row.ID, Subject: "forged"}
		wantErr(t, tx.PutAudit(&again), hotspot.ErrInvalid)
		return nil
	})
	view(t, s, func(r hotspot.Reader) error {
		rows, err := r.Audit(0, 10)
		if len(rows) != 1 || rows[0].Subject != "as it was" {
			t.Errorf("%+v", rows)
		}
		return err
	})
}

func testAuditRollback(t *testing.T, s hotspot.Store) {
	row := hotspot.AuditRow{Subject: "x"}
	err := s.Update(t.Context(), func(tx hotspot.Tx) error {
		if err := tx.PutAudit(&row); err != nil {
			return err
		}
		return errTest
	})
	wantErr(t, err, errTest)
	if row.ID != 0 {
		t.Errorf("the row kept the id %d", row.ID)
	}
	wantAudit(t, s)
}

func testPruneAuditAge(t *testing.T, s hotspot.Store) {
	addAudit(t, s, 6)
	prune := func(tx hotspot.Tx) error { return tx.PruneAudit(day0().Add(2*time.Hour), 0, 100) }
	update(t, s, prune)
	wantAudit(t, s, 6, 5, 4, 3)
	update(t, s, prune)
	wantAudit(t, s, 6, 5, 4, 3)
	update(t, s, func(tx hotspot.Tx) error { return tx.PruneAudit(time.Time{}, 0, 100) })
	wantAudit(t, s, 6, 5, 4, 3)
	update(t, s, func(tx hotspot.Tx) error { return tx.PruneAudit(day0().AddDate(1, 0, 0), 0, 100) })
	wantAudit(t, s)
	addAudit(t, s, 1)
	wantAudit(t, s, 7) // ids are not given twice
}

func testPruneAuditCount(t *testing.T, s hotspot.Store) {
	addAudit(t, s, 6)
	update(t, s, func(tx hotspot.Tx) error { return tx.PruneAudit(time.Time{}, 4, 100) })
	wantAudit(t, s, 6, 5, 4, 3)
	addAudit(t, s, 1)
	update(t, s, func(tx hotspot.Tx) error {
		if err := tx.PutAudit(&hotspot.AuditRow{}); err != nil {
			return err
		}
		return tx.PruneAudit(time.Time{}, 4, 100)
	})
	wantAudit(t, s, 8, 7, 6, 5)
	update(t, s, func(tx hotspot.Tx) error { return tx.PruneAudit(time.Time{}, 4, 100) })
	wantAudit(t, s, 8, 7, 6, 5)
}

func testPruneAuditLimit(t *testing.T, s hotspot.Store) {
	addAudit(t, s, 6)
	for _, want := range [][]uint64{{6, 5, 4, 3}, {6, 5}, {6}} {
		update(t, s, func(tx hotspot.Tx) error { return tx.PruneAudit(day0(), 1, 2) })
		wantAudit(t, s, want...)
	}
	update(t, s, func(tx hotspot.Tx) error { return tx.PruneAudit(day0().AddDate(1, 0, 0), 1, 0) })
	wantAudit(t, s, 6)
}

// testPruneAuditRollback: a count that a failed update went by is forgotten.
func testPruneAuditRollback(t *testing.T, s hotspot.Store) {
	addAudit(t, s, 6)
	err := s.Update(t.Context(), func(tx hotspot.Tx) error {
		if err := tx.PruneAudit(time.Time{}, 2, 100); err != nil {
			return err
		}
		return errTest
	})
	wantErr(t, err, errTest)
	wantAudit(t, s, 6, 5, 4, 3, 2, 1)
	update(t, s, func(tx hotspot.Tx) error { return tx.PruneAudit(time.Time{}, 5, 100) })
	wantAudit(t, s, 6, 5, 4, 3, 2)
}
