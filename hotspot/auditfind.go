package hotspot

import (
	"context"
	"strings"
	"time"
)

// AuditQuery says which rows of the audit log are wanted; what is zero does not
// count.
type AuditQuery struct {
	Since, Until time.Time // done from Since on, and before Until
	// Actor is in the name of who did it, or is the id, the address or the kind.
	Actor string
	// Action is such as voucher.removed; or voucher, for all that begin with it.
	Action Action
	Before uint64 // rows with lower ids; 0: the newest
	Limit  int    // must be above 0
}

// Matches reports whether a row is one of those that are wanted, whatever its
// id.
func (q *AuditQuery) Matches(r *AuditRow) bool {
	if r.Time.Before(q.Since) || !q.Until.IsZero() && !r.Time.Before(q.Until) {
		return false
	}
	if q.Action != "" && r.Action != q.Action && !strings.HasPrefix(string(r.Action), string(q.Action)+".") {
		return false
	}
	if q.Actor == "" {
		return true
	}
	a := &r.Actor
	return strings.Contains(strings.ToLower(a.Name), strings.ToLower(q.Actor)) || strings.EqualFold(q.Actor, a.ID) || strings.EqualFold(q.Actor, string(a.Kind)) ||
		a.Addr.IsValid() && strings.EqualFold(q.Actor, a.Addr.String())
}

// How many rows of the audit log are read at a time, and looked at for one
// query: on a small router, others want to be served, too.
const (
	auditAtOnce = 500
	auditMost   = 5000
)

// FindAudit returns the newest rows that a query wants, newest first. next is
// where to go on, as the query's Before; 0: there is no more. A page may be
// short, or even empty, although there is more.
func (s *Service) FindAudit(ctx context.Context, q AuditQuery) (found []AuditRow, next uint64, err error) {
	next = q.Before
	for looked := 0; looked < auditMost; looked += auditAtOnce {
		rows, err := s.Audit(ctx, next, auditAtOnce)
		if err != nil {
			return nil, 0, err
		}
		for i := range rows {
			if len(found) == q.Limit {
				return found, next, nil
			}
			next = rows[i].ID
			if q.Matches(&rows[i]) {
				found = append(found, rows[i])
			}
		}
		if len(rows) < auditAtOnce {
			return found, 0, nil
		}
	}
	return found, next, nil
}
