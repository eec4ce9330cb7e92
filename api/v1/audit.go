package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// AuditRow is one row of the audit log.
type AuditRow struct {
	ID    uint64     `json:"id"`
	Time  *time.Time `json:"time"`
	Clock bool       `json:"clock_believed" doc:"the clock was known to be right then"`
	Actor AuditActor `json:"actor"`
	// Action is such as voucher.edited.
	Action  string        `json:"action"`
	Subject string        `json:"subject" doc:"what was changed"`
	Changes []AuditChange `json:"changes" nullable:"false"`
}

// AuditActor is who changed something.
type AuditActor struct {
	Kind    string `json:"kind" doc:"operator, API key, device key, command line, guest or system"`
	ID      string `json:"id" doc:"of the operator or the API key; else empty"`
	Name    string `json:"name"`
	Role    string `json:"role" doc:"of an operator, at that time"`
	Address string `json:"address" doc:"empty: this machine"`
	Token   bool   `json:"token" doc:"by an access token that was issued for it"`
}

// AuditChange is what a field was and is. Both empty: it is a secret.
type AuditChange struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

type listAuditIn struct {
	Cursor string `query:"cursor" doc:"the next of the page before"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" format:"int64"`
	Since  string `query:"since" doc:"what was done from then on: 2006-01-02 15:04:05 in the venue's zone, or RFC 3339, or so long ago, such as 2 days"`
	Until  string `query:"until" doc:"what was done before then; the same"`
	Actor  string `query:"actor" doc:"what was done by whoever has this in the name, or this id, address or kind"`
	Action string `query:"action" doc:"such as voucher.removed; or voucher, for all that begin with it"`
}

// audit registers the operation on who changed what.
func (s *server) audit() {
	register(s, reads(surface.ScopeAll), &huma.Operation{OperationID: "list-audit", Method: http.MethodGet, Path: "/audit",
		Summary: "List who changed what, newest first"}, (*server).listAudit)
}

func (s *server) listAudit(ctx context.Context, in *listAuditIn) (*item[Page[AuditRow]], error) {
	since, err := s.parseMoment("since", in.Since)
	if err != nil {
		return nil, err
	}
	until, err := s.parseMoment("until", in.Until)
	if err != nil {
		return nil, err
	}
	asked := []string{in.Since, in.Until, in.Actor, in.Action}
	place, err := parseCursor(in.Cursor, "audit", asked...)
	if err != nil {
		return nil, err
	}
	rows, next, err := s.Service.FindAudit(ctx, hotspot.AuditQuery{Since: since, Until: until, Actor: in.Actor,
		Action: hotspot.Action(in.Action), Before: place.ID, Limit: in.Limit})
	page := Page[AuditRow]{Items: make([]AuditRow, 0, len(rows)), Next: cursorByID(next, "audit", asked...)}
	for _, r := range rows {
		page.Items = append(page.Items, s.auditOf(r))
	}
	return &item[Page[AuditRow]]{page}, err
}

func auditActor(a hotspot.Actor) AuditActor {
	out := AuditActor{Kind: string(a.Kind), ID: a.ID, Name: a.Name, Role: a.Role, Token: a.Token}
	if a.Addr.IsValid() {
		out.Address = a.Addr.String()
	}
	return out
}

func (s *server) auditOf(r hotspot.AuditRow) AuditRow {
	out := AuditRow{ID: r.ID, Time: in(s.Service.Zone(), r.Time), Clock: !r.Provisional, Actor: auditActor(r.Actor),
		Action: string(r.Action), Subject: r.Subject, Changes: make([]AuditChange, 0, len(r.Changes))}
	for _, c := range r.Changes {
		out.Changes = append(out.Changes, AuditChange(c))
	}
	return out
}
