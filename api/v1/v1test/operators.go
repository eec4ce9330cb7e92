package v1test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Operators is a v1.Operators in memory, with numbered operators. It checks
// little, and everybody may.
type Operators struct {
	mu        sync.Mutex // guards what follows
	people    []api.Operator
	passwords map[api.ID]string
	sessions  []api.Session
}

// NewOperators returns one without operators.
func NewOperators() *Operators { return &Operators{passwords: map[api.ID]string{}} }

// Password returns an operator's password.
func (o *Operators) Password(email string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.people {
		if p.Email == email {
			return o.passwords[p.ID]
		}
	}
	return ""
}

// SignedIn gives an operator a session.
func (o *Operators) SignedIn(s api.Session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sessions = append(o.sessions, s)
	for i := range o.people {
		if p := &o.people[i]; p.ID == s.Operator {
			p.Sessions, p.LastSeen, p.LastFrom, p.TOTP, p.Recovery = p.Sessions+1, s.Created, s.From, true, 8
		}
	}
}

func (o *Operators) find(id api.ID) (int, error) {
	i := slices.IndexFunc(o.people, func(p api.Operator) bool { return p.ID == id })
	if i < 0 {
		return i, &hotspot.Error{Code: hotspot.CodeNotFound, Field: "id", Text: "there is no such operator"}
	}
	return i, nil
}

// change changes one operator.
func (o *Operators) change(id api.ID, f func(p *api.Operator)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	i, err := o.find(id)
	if err == nil {
		f(&o.people[i])
	}
	return err
}

// List implements v1.Operators.
func (o *Operators) List(context.Context, *api.Principal) ([]api.Operator, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.people), nil
}

// Get implements v1.Operators.
func (o *Operators) Get(_ context.Context, _ *api.Principal, id api.ID) (got api.Operator, err error) {
	err = o.change(id, func(p *api.Operator) { got = *p })
	return got, err
}

// Create implements v1.Operators.
func (o *Operators) Create(_ context.Context, _ *api.Principal, n api.NewOperator) (api.Operator, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(n.Password) < 10 {
		return api.Operator{}, hotspot.Invalid("password", "must have at least 10 characters")
	}
	if slices.ContainsFunc(o.people, func(p api.Operator) bool { return strings.EqualFold(p.Email, n.Email) }) {
		return api.Operator{}, &hotspot.Error{Code: hotspot.CodeNameTaken, Field: "email", Text: "another operator has this e-mail address"}
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := api.Operator{ID: api.ID{11: byte(len(o.people) + 1)}, Email: n.Email, Name: n.Name, Role: n.Role, Created: at, Modified: at}
	o.people, o.passwords[p.ID] = append(o.people, p), n.Password
	return p, nil
}

// SetRole implements v1.Operators.
func (o *Operators) SetRole(_ context.Context, _ *api.Principal, id api.ID, role api.Role) error {
	return o.change(id, func(p *api.Operator) { p.Role = role })
}

// SetName implements v1.Operators.
func (o *Operators) SetName(_ context.Context, _ *api.Principal, id api.ID, name string) error {
	return o.change(id, func(p *api.Operator) { p.Name = name })
}

// SetPassword implements v1.Operators.
func (o *Operators) SetPassword(_ context.Context, _ *api.Principal, id api.ID, password string) error {
	return o.change(id, func(p *api.Operator) { o.passwords[p.ID] = password })
}

// DropTOTP implements v1.Operators.
func (o *Operators) DropTOTP(_ context.Context, _ *api.Principal, id api.ID) error {
	return o.change(id, func(p *api.Operator) { p.TOTP, p.Recovery = false, 0 })
}

// Remove implements v1.Operators; the last operator stays.
func (o *Operators) Remove(_ context.Context, _ *api.Principal, id api.ID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	i, err := o.find(id)
	switch {
	case err != nil:
		return err
	case len(o.people) == 1:
		return &hotspot.Error{Code: hotspot.CodeForbidden, Text: "this is the last owner; make somebody else an owner first"}
	}
	o.people = slices.Delete(o.people, i, i+1)
	return nil
}

// Sessions implements v1.Operators.
func (o *Operators) Sessions(_ context.Context, _ *api.Principal, id api.ID) ([]api.Session, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := o.find(id)
	return slices.DeleteFunc(slices.Clone(o.sessions), func(s api.Session) bool { return s.Operator != id }), err
}

// EndSession implements v1.Operators.
func (o *Operators) EndSession(_ context.Context, _ *api.Principal, id, which api.ID) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.find(id); err != nil {
		return 0, err
	}
	before := len(o.sessions)
	o.sessions = slices.DeleteFunc(o.sessions, func(s api.Session) bool {
		return s.Operator == id && (which == (api.ID{}) || s.ID == which)
	})
	if n := before - len(o.sessions); n > 0 || which == (api.ID{}) {
		return n, nil
	}
	return 0, &hotspot.Error{Code: hotspot.CodeNotFound, Field: "session", Text: "the operator has no such session"}
}

// SetAudit sets the audit log, newest first.
func (s *Service) SetAudit(rows ...hotspot.AuditRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit = rows
}

// FindAudit implements v1.Service.
func (s *Service) FindAudit(_ context.Context, q hotspot.AuditQuery) (out []hotspot.AuditRow, next uint64, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.audit {
		if q.Before != 0 && r.ID >= q.Before || !q.Matches(&r) {
			continue
		}
		if len(out) == q.Limit {
			return out, out[len(out)-1].ID, s.Err
		}
		out = append(out, r)
	}
	return out, 0, s.Err
}
