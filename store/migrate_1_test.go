package store

import (
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestFromVersion1 opens a file as version 1 left it: without the audit log.
func TestFromVersion1(t *testing.T) {
	opts, log := options(t.TempDir())
	opts.layout = &layout{first: 1}
	db := open(t, opts)
	addVouchers(t, db, 0, 20)
	closeChecked(t, db)
	file, err := bolt.Open(opts.Path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = file.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte(bktAudit.String())) })
	if err != nil || file.Close() != nil {
		t.Fatal(err)
	}

	opts.layout = &layout{first: 1, migrations: []migration{fromVersion1()}}
	db = open(t, opts)
	if db.Stats().Schema != 2 || !strings.Contains(log.String(), "add the audit log") {
		t.Errorf("schema %d, log %s", db.Stats().Schema, log)
	}
	if db.Recovery() != nil {
		t.Errorf("recovered: %v", db.Recovery())
	}
	row := hotspot.AuditRow{Time: at(), Action: hotspot.AuditVoucherEdited}
	put(t, db, func(tx hotspot.Tx) error { return tx.PutAudit(&row) })
	closeChecked(t, db)
	look(t, open(t, opts), func(r hotspot.Reader) error {
		rows, err := r.Audit(0, 10)
		if len(rows) != 1 || rows[0].ID != 1 {
			t.Errorf("%+v", rows)
		}
		vs, _ := r.Vouchers(0, 100)
		if len(vs) != 20 {
			t.Errorf("%d vouchers", len(vs))
		}
		return err
	})
}
