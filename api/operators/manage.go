package operators

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxPeople bounds the operators of a device.
const maxPeople = 64

//go:noinline // it takes much code where it is called
func forbidden(text string) error { return &hotspot.Error{Code: hotspot.CodeForbidden, Text: text} }

// manages reports whether a caller manages operators: the command line, and an
// owner in person.
func manages(by *api.Principal) bool {
	return by.Kind == api.CallerLocal ||
		by.Kind == api.CallerOperator && !by.Token && by.Session != (api.ID{}) && !by.Revoked() && !by.ReadOnly && by.May(api.ScopeAll)
}

// himself reports whether a caller is an operator, in person.
func himself(by *api.Principal, id api.ID) bool {
	return by.Kind == api.CallerOperator && !by.Token && by.Session != (api.ID{}) && !by.Revoked() && by.ID == id
}

func mayManage(by *api.Principal) error {
	if !manages(by) {
		return forbidden("only an owner who is signed in, or the command line, manages operators")
	}
	return nil
}

// confirmed wants that who asks over the network has just entered the password.
func (o *Operators) confirmed(by *api.Principal) error {
	if by.Kind != api.CallerLocal && !o.Fresh(by) {
		return &hotspot.Error{Code: hotspot.CodeForbidden, Field: "password", Text: "enter your password again first", Err: api.ErrConfirm}
	}
	return nil
}

// mayEnd: who may see and end an operator's sessions.
func (o *Operators) mayEnd(by *api.Principal, id api.ID) error {
	if himself(by, id) {
		return nil
	}
	return mayManage(by)
}

// maySecure: who may change what an operator signs in with. What an owner signs
// in with, others change on the command line only.
func (o *Operators) maySecure(by *api.Principal, p *person) error {
	if !himself(by, p.id) {
		if err := mayManage(by); err != nil {
			return err
		}
		if p.Role == api.RoleOwner && by.Kind != api.CallerLocal {
			return forbidden("what an owner signs in with is changed by that owner, or on the router: vouchsafe operator password")
		}
	}
	return o.confirmed(by)
}

// hidden tells who may not know them nothing of operators.
func hidden(by *api.Principal, id api.ID, err error) error {
	if errors.Is(err, hotspot.ErrNotFound) && !manages(by) && by.ID != id {
		return mayManage(by)
	}
	return err
}

// List returns the operators, in order of creation.
func (o *Operators) List(ctx context.Context, by *api.Principal) ([]api.Operator, error) {
	if err := mayManage(by); err != nil {
		return nil, err
	}
	if err := o.load(ctx); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	// Pointers are sorted: the code for them is there already.
	people := make([]*person, 0, len(o.people))
	for _, p := range o.people {
		people = append(people, p)
	}
	slices.SortFunc(people, func(a, b *person) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.Email, b.Email))
	})
	out := make([]api.Operator, 0, len(people))
	for _, p := range people {
		out = append(out, p.operator(len(o.sessionsOf(p.id))))
	}
	return out, nil
}

// Get returns one operator. Who is signed in may ask about himself.
func (o *Operators) Get(ctx context.Context, by *api.Principal, id api.ID) (api.Operator, error) {
	if !himself(by, id) && !manages(by) {
		return api.Operator{}, mayManage(by)
	}
	p, err := o.person(ctx, id)
	if err != nil {
		return api.Operator{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return p.operator(len(o.sessionsOf(id))), nil
}

// Create makes an operator.
func (o *Operators) Create(ctx context.Context, by *api.Principal, n api.NewOperator) (api.Operator, error) {
	err := mayManage(by)
	if err == nil {
		err = o.confirmed(by)
	}
	if err != nil {
		return api.Operator{}, err
	}
	return o.create(api.WithPrincipal(ctx, by), n, false)
}

// CreateFirst makes the first operator, an owner, for whoever sets a new router
// up. Once there is an operator, nobody gets in this way.
func (o *Operators) CreateFirst(ctx context.Context, n api.NewOperator, from netip.Addr) (api.Operator, error) {
	n.Role = api.RoleOwner
	ctx = hotspot.WithActor(ctx, hotspot.Actor{Kind: hotspot.ActorSystem, Name: "first run", Addr: from})
	empty, err := o.Empty(ctx)
	if err == nil && !empty {
		err = notFirst() // without hashing
	}
	if err != nil {
		return api.Operator{}, err
	}
	return o.create(ctx, n, true)
}

func notFirst() error {
	return forbidden("there is an operator already; a lost password is set anew on the router: vouchsafe operator password")
}

func (o *Operators) create(ctx context.Context, n api.NewOperator, first bool) (api.Operator, error) {
	if !utf8.ValidString(n.Email) {
		return api.Operator{}, hotspot.Invalid("email", "must be valid UTF-8")
	}
	n.Email = normalEmail(n.Email)
	_, roleErr := api.ParseRole(string(n.Role))
	if err := errors.Join(checkEmail(n.Email), checkName(n.Name), roleErr, checkPassword(n.Password, n.Email, n.Name)); err != nil {
		return api.Operator{}, err
	}
	hash, err := o.hash(ctx, n.Password)
	if err != nil {
		return api.Operator{}, err
	}
	if err := o.load(ctx); err != nil {
		return api.Operator{}, err
	}
	if err := o.begin(ctx); err != nil {
		return api.Operator{}, err
	}
	defer o.end()
	o.mu.Lock()
	taken, count := o.byEmail(n.Email) != nil, len(o.people)
	o.mu.Unlock()
	switch {
	case first && count > 0:
		return api.Operator{}, notFirst()
	case taken:
		return api.Operator{}, &hotspot.Error{Code: hotspot.CodeNameTaken, Field: "email", Text: "another operator has this e-mail address"}
	case count >= maxPeople:
		return api.Operator{}, hotspot.Invalid("", "there are %d operators, which is as many as there may be: remove one first", maxPeople)
	}
	now, _ := o.now()
	p := &person{id: api.NewID(), lifetime: newLifetime(context.Background()), record: record{
		Email: n.Email, Name: n.Name, Role: n.Role, Password: hash, Version: 1, Created: now.UnixMilli(), Modified: now.UnixMilli(),
	}}
	err = o.update(ctx, func(tx hotspot.Tx) error {
		if err := putJSON(tx, p.secret(), p.record); err != nil {
			return err
		}
		return o.audit(ctx, tx, hotspot.AuditOperatorCreated, p.label(), hotspot.Change{Field: "role", New: string(p.Role)})
	})
	if err != nil {
		return api.Operator{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.people[p.id] = p
	return p.operator(0), nil
}

// hash hashes a password when its turn has come.
func (o *Operators) hash(ctx context.Context, password string) (string, error) {
	err := o.hasher.begin(ctx)
	if errors.Is(err, errBusy) {
		return "", &hotspot.Error{Code: hotspot.CodeTryLater, Text: "too many passwords are being checked; try again", Err: err}
	}
	if err != nil {
		return "", err
	}
	defer o.hasher.end()
	o.mu.Lock()
	oldest := o.decoy()
	o.mu.Unlock()
	return o.hasher.hash(password, o.hasher.target(oldest)), nil
}

// edit changes an operator's record, in turn. check may look at all others, f
// changes the record; what f returns goes to the audit log.
func (o *Operators) edit(ctx context.Context, by *api.Principal, id api.ID, action hotspot.Action, f func(p *person, rec *record) ([]hotspot.Change, error)) (*person, error) {
	ctx = api.WithPrincipal(ctx, by)
	if err := o.load(ctx); err != nil {
		return nil, err
	}
	if err := o.begin(ctx); err != nil {
		return nil, err
	}
	defer o.end()
	p, err := o.person(ctx, id)
	if err != nil {
		return nil, err
	}
	next := *p
	changes, err := f(p, &next.record)
	if err != nil {
		return nil, err
	}
	now, _ := o.now()
	next.Modified = now.UnixMilli()
	ended, kept := o.outdated(p, next.Version, by.Session)
	err = o.update(ctx, func(tx hotspot.Tx) error {
		err := errors.Join(deleteSessions(tx, ended), putJSON(tx, p.secret(), next.record))
		if kept != nil {
			rec := kept.sessionRecord
			rec.Version = next.Version
			err = errors.Join(err, putJSON(tx, kept.secret(), rec))
		}
		if err != nil {
			return err
		}
		return o.audit(ctx, tx, action, p.label(), changes...)
	})
	if err != nil {
		return nil, err
	}
	o.dropSessions(ended)
	o.replace(p, &next, kept)
	return &next, nil
}

// outdated returns the sessions that end with the version of a password, and
// the one that does not: that of who changes it.
func (o *Operators) outdated(p *person, version uint32, keep api.ID) (ended []*session, kept *session) {
	if p.Version == version {
		return nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.sessions {
		switch {
		case s.operator != p.id:
		case s.id == keep:
			kept = s
		default:
			ended = append(ended, s)
		}
	}
	return ended, kept
}

// replace puts another state of an operator in place. If it may do something
// else now, or has another password, what goes on under the old one ends;
// sessions go on.
func (o *Operators) replace(was, next *person, kept *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.people[was.id] = next
	if next.Role == was.Role && next.Version == was.Version {
		return
	}
	next.lifetime = newLifetime(context.Background())
	for _, s := range o.sessions {
		if s.operator == was.id {
			s.lifetime = newLifetime(next.ctx)
		}
	}
	if kept != nil {
		kept.Version = next.Version
	}
	for k, h := range o.halves {
		if h.operator == was.id && h.version != next.Version {
			delete(o.halves, k)
		}
	}
	was.finish()
}

// lastOwner refuses to leave nobody who may do everything. The caller has the
// turn.
func (o *Operators) lastOwner(p *person) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, other := range o.people {
		if other.id != p.id && other.Role == api.RoleOwner {
			return nil
		}
	}
	if p.Role != api.RoleOwner {
		return nil
	}
	return forbidden("this is the last owner; make somebody else an owner first")
}

// SetRole gives an operator another role. It is in force at once.
func (o *Operators) SetRole(ctx context.Context, by *api.Principal, id api.ID, role api.Role) error {
	err := mayManage(by)
	if err == nil {
		err = o.confirmed(by)
	}
	if err == nil {
		_, err = api.ParseRole(string(role))
	}
	if err != nil {
		return err
	}
	_, err = o.edit(ctx, by, id, hotspot.AuditOperatorRole, func(p *person, rec *record) ([]hotspot.Change, error) {
		if role != api.RoleOwner {
			if err := o.lastOwner(p); err != nil {
				return nil, err
			}
		}
		rec.Role = role
		return []hotspot.Change{{Field: "role", Old: string(p.Role), New: string(role)}}, nil
	})
	return err
}

// SetName gives an operator another name.
func (o *Operators) SetName(ctx context.Context, by *api.Principal, id api.ID, name string) error {
	if err := o.mayEnd(by, id); err != nil {
		return err
	}
	if err := checkName(name); err != nil {
		return err
	}
	_, err := o.edit(ctx, by, id, hotspot.AuditOperatorName, func(p *person, rec *record) ([]hotspot.Change, error) {
		rec.Name = name
		return []hotspot.Change{{Field: "name", Old: p.Name, New: name}}, nil
	})
	return err
}

// SetPassword gives an operator another password. All sessions and access tokens
// end, but for the session that asks.
func (o *Operators) SetPassword(ctx context.Context, by *api.Principal, id api.ID, password string) error {
	p, err := o.person(ctx, id)
	if err != nil {
		return hidden(by, id, err)
	}
	if err := errors.Join(o.maySecure(by, p), checkPassword(password, p.Email, p.Name)); err != nil {
		return err
	}
	hash, err := o.hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = o.edit(ctx, by, id, hotspot.AuditOperatorPassword, func(p *person, rec *record) ([]hotspot.Change, error) {
		if err := o.maySecure(by, p); err != nil { // also now
			return nil, err
		}
		rec.Password, rec.Version = hash, p.Version+1
		return []hotspot.Change{{Field: "password"}}, nil
	})
	return err
}

// Remove removes an operator. Sessions, access tokens and API keys of the
// operator open nothing from then on.
func (o *Operators) Remove(ctx context.Context, by *api.Principal, id api.ID) error {
	err := mayManage(by)
	if err == nil {
		err = o.confirmed(by)
	}
	if err == nil {
		err = o.load(ctx)
	}
	if err == nil {
		err = o.begin(ctx)
	}
	if err != nil {
		return err
	}
	defer o.end()
	ctx = api.WithPrincipal(ctx, by)
	p, err := o.person(ctx, id)
	if err != nil {
		return err
	}
	if err := o.lastOwner(p); err != nil {
		return err
	}
	ended, _ := o.outdated(p, p.Version+1, api.ID{})
	err = o.update(ctx, func(tx hotspot.Tx) error {
		if err := errors.Join(deleteSessions(tx, ended), tx.DeleteSecret(p.secret())); err != nil {
			return err
		}
		return o.audit(ctx, tx, hotspot.AuditOperatorRemoved, p.label(), hotspot.Change{Field: "role", Old: string(p.Role)})
	})
	if err != nil {
		return err
	}
	o.dropSessions(ended)
	o.limits.forget(id)
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.people, id)
	delete(o.offers, id)
	for k, h := range o.halves {
		if h.operator == id {
			delete(o.halves, k)
		}
	}
	p.finish()
	return nil
}
