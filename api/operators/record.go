package operators

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Names of records among the store's secrets begin with these.
const (
	personSecret  = "operator/"
	sessionSecret = SessionRecords

	// SessionRecords begins the names of those of sessions. Whoever puts a backup
	// in place of all there is deletes them: what was signed out since must not
	// be signed in again.
	SessionRecords = "operator.session/"
)

// record is an operator as it is stored: JSON, so that versions can add
// members. Times are milliseconds.
type record struct {
	Email    string   `json:"email"`
	Name     string   `json:"name,omitzero"`
	Role     api.Role `json:"role"`
	Password string   `json:"password"` // argon2id, as a PHC string
	// Version counts the passwords: sessions and access tokens of earlier ones
	// open nothing.
	Version  uint32 `json:"version"`
	Created  int64  `json:"created"`
	Modified int64  `json:"modified"`
	Seen     int64  `json:"seen,omitzero"`
	From     string `json:"from,omitzero"`

	TOTP     []byte   `json:"totp,omitempty"` // the app's secret, sealed
	Step     int64    `json:"step,omitzero"`  // of the last code that was used
	Recovery [][]byte `json:"recovery,omitempty"`
}

// person is an operator as it is in use. It is replaced, never changed, but for
// its lifetime.
type person struct {
	id api.ID
	record
	lifetime
}

func (p *person) from() netip.Addr {
	a, _ := netip.ParseAddr(p.From) // not valid: this machine
	return a
}

//go:noinline // it takes much code where it is called
func (p *person) secret() string { return personSecret + p.id.String() }

// label is how logs name the operator.
func (p *person) label() string { return p.Email }

func (p *person) principal(from netip.Addr) *api.Principal {
	scopes, readOnly := p.Role.Grant()
	return &api.Principal{
		Kind: api.CallerOperator, ID: p.id, Owner: p.id, Name: p.Email, Role: p.Role, Scopes: scopes, ReadOnly: readOnly,
		From: from, Epoch: p.Version, Life: p.ctx,
	}
}

// operator describes the person to others.
func (p *person) operator(sessions int) api.Operator {
	return api.Operator{
		ID: p.id, Email: p.Email, Name: p.Name, Role: p.Role, TOTP: len(p.TOTP) > 0, Recovery: len(p.Recovery),
		Created: milli(p.Created), Modified: milli(p.Modified), LastSeen: milli(p.Seen), LastFrom: p.from(), Sessions: sessions,
	}
}

func readPerson(name string, b []byte) (*person, error) {
	id, err := api.ParseID(strings.TrimPrefix(name, personSecret))
	if err != nil {
		return nil, err
	}
	p := &person{id: id, lifetime: newLifetime(context.Background())}
	if err := json.Unmarshal(b, &p.record); err != nil {
		return nil, err
	}
	if _, _, err := parseHash(p.Password); err != nil {
		return nil, err
	}
	if _, err := api.ParseRole(string(p.Role)); err != nil {
		return nil, fmt.Errorf("role %q: %w", p.Role, err)
	}
	return p, nil
}

// milli reads a stored time; 0 is the zero time.
//
//go:noinline // it takes much code where it is called
func milli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

//go:noinline // it takes much code where it is called
func putJSON(tx hotspot.Tx, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.PutSecret(name, b)
}

// lifetime ends when what it belongs to opens nothing any more. It belongs to
// no request.
type lifetime struct {
	ctx    context.Context
	finish context.CancelFunc
}

//go:noinline // it takes much code where it is called
func newLifetime(within context.Context) lifetime {
	ctx, finish := context.WithCancel(within)
	return lifetime{ctx, finish}
}
