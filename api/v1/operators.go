package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Operators keeps the people who may sign in. What it is asked to do, it does
// if the caller may: it trusts the command line and owners in person, and no
// key or token.
type Operators interface {
	List(ctx context.Context, by *surface.Principal) ([]surface.Operator, error)
	Get(ctx context.Context, by *surface.Principal, id surface.ID) (surface.Operator, error)
	Create(ctx context.Context, by *surface.Principal, n surface.NewOperator) (surface.Operator, error)
	SetRole(ctx context.Context, by *surface.Principal, id surface.ID, role surface.Role) error
	SetName(ctx context.Context, by *surface.Principal, id surface.ID, name string) error
	SetPassword(ctx context.Context, by *surface.Principal, id surface.ID, password string) error
	DropTOTP(ctx context.Context, by *surface.Principal, id surface.ID) error
	Remove(ctx context.Context, by *surface.Principal, id surface.ID) error
	Sessions(ctx context.Context, by *surface.Principal, id surface.ID) ([]surface.Session, error)
	// EndSession ends one session; with the zero id, all but the caller's own.
	EndSession(ctx context.Context, by *surface.Principal, id, which surface.ID) (int, error)
}

// Operator is a person who may sign in.
type Operator struct {
	ID           string     `json:"id" doc:"24 hexadecimal digits"`
	Email        string     `json:"email"`
	Name         string     `json:"name"`
	Role         string     `json:"role" enum:"owner,manager,viewer"`
	TOTP         bool       `json:"totp" doc:"a code of an authenticator app is asked for after the password"`
	Recovery     int        `json:"recovery" doc:"recovery codes left" format:"int64"`
	Created      *time.Time `json:"created"`
	Modified     *time.Time `json:"modified"`
	LastSeen     *time.Time `json:"last_sign_in" doc:"null: never"`
	LastSeenFrom string     `json:"last_sign_in_from" doc:"the address it came from; empty: none is known"`
	Sessions     int        `json:"sessions" doc:"browsers signed in now" format:"int64"`
}

// NewOperator says whom to make an operator.
type NewOperator struct {
	Email    string `json:"email"`
	Name     string `json:"name,omitempty"`
	Role     string `json:"role" enum:"owner,manager,viewer" doc:"owner: everything; manager: vouchers and who is online; viewer: looking only"`
	Password string `json:"password" doc:"10 characters or more"`
}

// OperatorEdit changes what is not null.
type OperatorEdit struct {
	Name *string `json:"name,omitempty"`
	Role *string `json:"role,omitempty" enum:"owner,manager,viewer"`
}

// OperatorPassword is a new password.
type OperatorPassword struct {
	Password string `json:"password" doc:"10 characters or more"`
}

// OperatorSession is a browser that an operator is signed in with.
type OperatorSession struct {
	ID       string     `json:"id" doc:"24 hexadecimal digits"`
	Created  *time.Time `json:"created"`
	LastSeen *time.Time `json:"last_seen"`
	From     string     `json:"from" doc:"the address of the sign-in; empty: none is known"`
	Agent    string     `json:"agent" doc:"what the browser calls itself"`
	Current  bool       `json:"current" doc:"the one that asks"`
}

// EndedSessions counts sessions that ended.
type EndedSessions struct {
	Ended int `json:"ended" format:"int64"`
}

type (
	operatorIn struct {
		ID string `path:"id" doc:"24 hexadecimal digits"`
	}
	newOperatorIn struct {
		Body NewOperator
	}
	editOperatorIn struct {
		ID   string `path:"id"`
		Body OperatorEdit
	}
	passwordIn struct {
		ID   string `path:"id"`
		Body OperatorPassword
	}
	sessionIn struct {
		ID      string `path:"id"`
		Session string `path:"session" doc:"24 hexadecimal digits"`
	}
)

// operators registers the operations on those who may sign in. Beyond the scope,
// they want the command line or an owner in person: see [Operators].
func (s *server) operators() {
	all := writes(surface.ScopeAll)
	register(s, reads(surface.ScopeAll), &huma.Operation{OperationID: "list-operators", Method: http.MethodGet, Path: "/operators",
		Summary: "List the operators, in order of creation"}, (*server).listOperators)
	register(s, all, &huma.Operation{OperationID: "create-operator", Method: http.MethodPost, Path: "/operators",
		Summary: "Make an operator", DefaultStatus: http.StatusCreated}, (*server).createOperator)
	register(s, reads(surface.ScopeAll), &huma.Operation{OperationID: "get-operator", Method: http.MethodGet, Path: "/operators/{id}",
		Summary: "Describe an operator"}, (*server).getOperator)
	register(s, all, &huma.Operation{OperationID: "edit-operator", Method: http.MethodPatch, Path: "/operators/{id}",
		Summary: "Change an operator's name or role; the role is in force at once"}, (*server).editOperator)
	register(s, all, &huma.Operation{OperationID: "remove-operator", Method: http.MethodDelete, Path: "/operators/{id}",
		Summary: "Remove an operator; sessions, access tokens and API keys of the operator are refused at once", DefaultStatus: http.StatusNoContent}, (*server).removeOperator)
	register(s, all, &huma.Operation{OperationID: "put-operator-password", Method: http.MethodPut, Path: "/operators/{id}/password",
		Summary: "Give an operator another password; sessions and access tokens end", DefaultStatus: http.StatusNoContent}, (*server).putPassword)
	register(s, all, &huma.Operation{OperationID: "remove-operator-totp", Method: http.MethodDelete, Path: "/operators/{id}/totp",
		Summary: "Ask no more for codes of an authenticator app", DefaultStatus: http.StatusNoContent}, (*server).dropTOTP)
	register(s, reads(surface.ScopeAll), &huma.Operation{OperationID: "list-operator-sessions", Method: http.MethodGet, Path: "/operators/{id}/sessions",
		Summary: "List the browsers that an operator is signed in with, the one used last first"}, (*server).listOperatorSessions)
	register(s, all, &huma.Operation{OperationID: "end-operator-sessions", Method: http.MethodDelete, Path: "/operators/{id}/sessions",
		Summary: "End an operator's sessions, but for the one that asks"}, (*server).endOperatorSessions)
	register(s, all, &huma.Operation{OperationID: "end-operator-session", Method: http.MethodDelete, Path: "/operators/{id}/sessions/{session}",
		Summary: "End one of an operator's sessions"}, (*server).endOperatorSession)
}

// people returns who keeps the operators.
func (s *server) people() (Operators, error) {
	if s.Operators == nil {
		return nil, &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "nobody keeps operators here"}
	}
	return s.Operators, nil
}

// onOperator runs f for the operator that a path names.
func (s *server) onOperator(id string, f func(Operators, surface.ID) error) error {
	p, err := s.people()
	if err != nil {
		return err
	}
	parsed, err := surface.ParseID(id)
	if err != nil {
		return &hotspot.Error{Code: hotspot.CodeNotFound, Field: "id", Text: "there is no such operator"}
	}
	return f(p, parsed)
}

func (s *server) operatorOf(o surface.Operator) Operator {
	zone := s.Service.Zone()
	out := Operator{
		ID: o.ID.String(), Email: o.Email, Name: o.Name, Role: string(o.Role), TOTP: o.TOTP, Recovery: o.Recovery,
		Created: in(zone, o.Created), Modified: in(zone, o.Modified), LastSeen: in(zone, o.LastSeen), Sessions: o.Sessions,
	}
	if o.LastFrom.IsValid() {
		out.LastSeenFrom = o.LastFrom.String()
	}
	return out
}

func (s *server) listOperators(ctx context.Context, _ *struct{}) (*item[List[Operator]], error) {
	p, err := s.people()
	if err != nil {
		return nil, err
	}
	list := List[Operator]{Items: []Operator{}}
	all, err := p.List(ctx, surface.PrincipalOf(ctx))
	for _, o := range all {
		list.Items = append(list.Items, s.operatorOf(o))
	}
	return &item[List[Operator]]{list}, err
}

func (s *server) createOperator(ctx context.Context, in *newOperatorIn) (*item[Operator], error) {
	p, err := s.people()
	if err != nil {
		return nil, err
	}
	b := in.Body
	o, err := p.Create(ctx, surface.PrincipalOf(ctx), surface.NewOperator{Email: b.Email, Name: b.Name, Role: surface.Role(b.Role), Password: b.Password})
	return &item[Operator]{s.operatorOf(o)}, err
}

func (s *server) getOperator(ctx context.Context, in *operatorIn) (*item[Operator], error) {
	out := &item[Operator]{}
	return out, s.onOperator(in.ID, func(p Operators, id surface.ID) error {
		o, err := p.Get(ctx, surface.PrincipalOf(ctx), id)
		out.Body = s.operatorOf(o)
		return err
	})
}

func (s *server) editOperator(ctx context.Context, in *editOperatorIn) (*item[Operator], error) {
	by := surface.PrincipalOf(ctx)
	err := s.onOperator(in.ID, func(p Operators, id surface.ID) error {
		if in.Body.Name != nil {
			if err := p.SetName(ctx, by, id, *in.Body.Name); err != nil {
				return err
			}
		}
		if in.Body.Role != nil {
			return p.SetRole(ctx, by, id, surface.Role(*in.Body.Role))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.getOperator(ctx, &operatorIn{in.ID})
}

func (s *server) removeOperator(ctx context.Context, in *operatorIn) (*none, error) {
	return nil, s.onOperator(in.ID, func(p Operators, id surface.ID) error { return p.Remove(ctx, surface.PrincipalOf(ctx), id) })
}

func (s *server) putPassword(ctx context.Context, in *passwordIn) (*none, error) {
	return nil, s.onOperator(in.ID, func(p Operators, id surface.ID) error {
		return p.SetPassword(ctx, surface.PrincipalOf(ctx), id, in.Body.Password)
	})
}

func (s *server) dropTOTP(ctx context.Context, in *operatorIn) (*none, error) {
	return nil, s.onOperator(in.ID, func(p Operators, id surface.ID) error { return p.DropTOTP(ctx, surface.PrincipalOf(ctx), id) })
}

func (s *server) listOperatorSessions(ctx context.Context, in *operatorIn) (*item[List[OperatorSession]], error) {
	list := List[OperatorSession]{Items: []OperatorSession{}}
	err := s.onOperator(in.ID, func(p Operators, id surface.ID) error {
		all, err := p.Sessions(ctx, surface.PrincipalOf(ctx), id)
		for _, x := range all {
			list.Items = append(list.Items, s.sessionOf(x))
		}
		return err
	})
	return &item[List[OperatorSession]]{list}, err
}

func (s *server) sessionOf(x surface.Session) OperatorSession {
	out := OperatorSession{ID: x.ID.String(), Agent: x.Agent, Current: x.Current,
		Created: in(s.Service.Zone(), x.Created), LastSeen: in(s.Service.Zone(), x.LastSeen)}
	if x.From.IsValid() {
		out.From = x.From.String()
	}
	return out
}

func (s *server) endOperatorSessions(ctx context.Context, in *operatorIn) (*item[EndedSessions], error) {
	out := &item[EndedSessions]{}
	return out, s.onOperator(in.ID, func(p Operators, id surface.ID) (err error) {
		out.Body.Ended, err = p.EndSession(ctx, surface.PrincipalOf(ctx), id, surface.ID{})
		return err
	})
}

func (s *server) endOperatorSession(ctx context.Context, in *sessionIn) (*item[EndedSessions], error) {
	out := &item[EndedSessions]{}
	return out, s.onOperator(in.ID, func(p Operators, id surface.ID) error {
		which, err := surface.ParseID(in.Session)
		if err != nil || which == (surface.ID{}) {
			return &hotspot.Error{Code: hotspot.CodeNotFound, Field: "session", Text: "the operator has no such session"}
		}
		out.Body.Ended, err = p.EndSession(ctx, surface.PrincipalOf(ctx), id, which)
		return err
	})
}
