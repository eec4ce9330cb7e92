package hotspot

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ActorKind tells by what right somebody changes something.
type ActorKind string

// The kinds of actors. Their texts are in the audit log and never change.
const (
	ActorOperator ActorKind = "operator"
	ActorKey      ActorKind = "API key"
	ActorDevice   ActorKind = "device key"
	ActorLocal    ActorKind = "command line"
	ActorGuest    ActorKind = "guest"
	ActorSystem   ActorKind = "system"
)

// Actor is who changes something. It holds no secret; names may be anything
// that an operator chose.
type Actor struct {
	Kind ActorKind
	ID   string // of the key or the operator; empty for others
	Name string
	Role string     // an operator's
	Addr netip.Addr // not valid: this machine
	// Token: by an access token that was issued for the kind.
	Token bool
}

type actorKey struct{}

// WithActor returns a context that carries who acts.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns who acts; the system itself if nobody said so.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok && a.Kind != "" {
		return a
	}
	return Actor{Kind: ActorSystem}
}

// Action names what was done. The texts are in the audit log and never change.
type Action string

// The actions.
const (
	AuditVoucherCreated  Action = "voucher.created"
	AuditVoucherEdited   Action = "voucher.edited"
	AuditVoucherRemoved  Action = "voucher.removed"
	AuditVoucherImported Action = "voucher.imported"
	AuditVoucherRestored Action = "voucher.restored"    // a removal was taken back
	AuditVoucherUndone   Action = "voucher.edit_undone" // an edit was
	AuditGuestKicked     Action = "guest.kicked"
	AuditGuestExtended   Action = "guest.extended"
	AuditDeviceBlocked   Action = "device.blocked"
	AuditDeviceUnblocked Action = "device.unblocked"
	AuditSettingChanged  Action = "setting.changed"

	AuditKeyCreated  Action = "key.created"
	AuditKeyRenamed  Action = "key.renamed"
	AuditKeyRemoved  Action = "key.removed"
	AuditTokensEnded Action = "key.tokens_ended"
	AuditDeviceKey   Action = "device_key.regenerated"

	AuditOperatorCreated  Action = "operator.created"
	AuditOperatorRemoved  Action = "operator.removed"
	AuditOperatorRole     Action = "operator.role_changed"
	AuditOperatorName     Action = "operator.renamed"
	AuditOperatorPassword Action = "operator.password_changed"
	AuditTOTPOn           Action = "operator.totp_on"
	AuditTOTPOff          Action = "operator.totp_off"
	AuditRecoveryCodes    Action = "operator.recovery_codes_made"
	AuditRecoveryUsed     Action = "operator.recovery_code_used"
	AuditSignedIn         Action = "operator.signed_in"
	AuditSignedOut        Action = "operator.signed_out"
	AuditSessionsEnded    Action = "operator.sessions_ended"

	AuditCloudEnrolled Action = "cloud.enrolled"
	AuditCloudSwitched Action = "cloud.switched"
	AuditCloudRotated  Action = "cloud.rotated"
	AuditCloudLeft     Action = "cloud.left"

	AuditBackupMade     Action = "backup.made"
	AuditBackupRestored Action = "backup.restored"
)

// Change is what one named field was and is. Both empty: it was changed, and
// its value is a secret.
type Change struct {
	Field    string
	Old, New string
}

// AuditRow is one row of the audit log.
type AuditRow struct {
	ID    uint64 // 0 until stored
	Time  time.Time
	Actor Actor
	// Provisional: Time was read from a clock that could not be believed.
	Provisional bool
	Action      Action
	Subject     string // what was changed, as people name it
	Changes     []Change
}

// The bounds of a row's texts, in characters, and of its changes. A row is to
// tell what happened, not to be a copy of it.
const (
	maxAuditText    = 200
	maxAuditChanges = 32
)

// NewAudit returns a row of the audit log about what the actor of a context
// does, to be stored by [Tx.PutAudit] in the transaction of the change. Texts
// are clipped, and made harmless.
func NewAudit(ctx context.Context, at time.Time, believed bool, action Action, subject string, changes ...Change) AuditRow {
	a := ActorOf(ctx)
	a.Name = auditText(a.Name)
	row := AuditRow{Time: at, Provisional: !believed, Actor: a, Action: action, Subject: auditText(subject)}
	for _, c := range changes[:min(len(changes), maxAuditChanges)] {
		row.Changes = append(row.Changes, Change{auditText(c.Field), auditText(c.Old), auditText(c.New)})
	}
	return row
}

// auditText clips a text and replaces what is not to be shown.
func auditText(s string) string {
	if utf8.RuneCountInString(s) > maxAuditText {
		s = string([]rune(s)[:maxAuditText-1]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return utf8.RuneError
		}
		return r
	}, s)
}

// audit returns a row about what is done now.
func (s *Service) audit(ctx context.Context, m moment, action Action, subject string, changes ...Change) AuditRow {
	return NewAudit(ctx, m.now, m.believed, action, subject, changes...)
}

// Audit returns up to limit rows of the audit log with ids below before (0: the
// newest), newest first.
func (s *Service) Audit(ctx context.Context, before uint64, limit int) ([]AuditRow, error) {
	var out []AuditRow
	err := s.cfg.Store.View(ctx, func(r Reader) (err error) {
		out, err = r.Audit(before, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the audit log: %w", err)
	}
	return out, nil
}

// pruneAudit trims the audit log, a bounded number of rows at a time.
func (s *Service) pruneAudit(tx Tx, set Settings, m moment, sure bool) error {
	const atOnce = 200
	var before time.Time
	if set.AuditAge > 0 && sure {
		before = m.now.Add(-set.AuditAge)
	}
	return tx.PruneAudit(before, set.AuditRows, atOnce)
}
