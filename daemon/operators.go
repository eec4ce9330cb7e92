package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/api/operators"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
)

// openOperators takes up those who may sign in. What must be read again of what
// they sign in with is sealed with the device secret.
func openOperators(data string, db *store.DB, now func() (time.Time, bool), log *slog.Logger) (*operators.Operators, error) {
	secret, err := keys.LoadOrCreateSecret(filepath.Join(data, secretFile))
	if err != nil {
		return nil, fmt.Errorf("device secret: %w", err)
	}
	sealer, err := keys.NewSealer(secret, "operators")
	if err != nil {
		return nil, err
	}
	return operators.New(operators.Config{Store: db, Sealer: sealer, Now: now, Log: log, MaxMemory: hashMemory()}), nil
}

// hashMemory is what hashing a password may take, in KiB: an eighth of the
// machine's memory; 0: as much as is usual.
func hashMemory() uint32 {
	total := totalMemory()
	if total == 0 {
		return 0
	}
	return uint32(min(total/8>>10, operators.MaxMemory))
}

// restorer is who restores a backup, and when.
type restorer struct {
	actor    hotspot.Actor
	at       time.Time
	believed bool
}

// settleRestored finishes a store that was restored: the audit log, which is the
// backup's now, says so, and browsers that were signed in when the backup was
// made are not signed in again.
func settleRestored(ctx context.Context, db *store.DB, by restorer, what string) error {
	err := db.Update(ctx, func(tx hotspot.Tx) error {
		all, err := tx.Secrets(operators.SessionRecords)
		if err != nil {
			return err
		}
		for name := range all {
			if err := tx.DeleteSecret(name); err != nil {
				return err
			}
		}
		row := hotspot.NewAudit(hotspot.WithActor(ctx, by.actor), by.at, by.believed, hotspot.AuditBackupRestored,
			what, hotspot.Change{Field: "sessions_ended", New: fmt.Sprint(len(all))})
		return tx.PutAudit(&row)
	})
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// auditBackup stores a row about a copy that somebody takes away; what names it
// if it was there already.
func auditBackup(ctx context.Context, db *store.DB, now func() (time.Time, bool), what string) error {
	at, believed := now()
	row := hotspot.NewAudit(ctx, at, believed, hotspot.AuditBackupMade, what)
	return db.Update(ctx, func(tx hotspot.Tx) error {
		row.ID = 0
		return tx.PutAudit(&row)
	})
}
