package staff

import (
	"context"
	"embed"
	"net/http"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Operators keeps the people who may sign in; *operators.Operators does. What it
// is asked to do, it does if the caller may.
type Operators interface {
	List(ctx context.Context, by *api.Principal) ([]api.Operator, error)
	Create(ctx context.Context, by *api.Principal, n api.NewOperator) (api.Operator, error)
	SetRole(ctx context.Context, by *api.Principal, id api.ID, role api.Role) error
	SetName(ctx context.Context, by *api.Principal, id api.ID, name string) error
	SetPassword(ctx context.Context, by *api.Principal, id api.ID, password string) error
	// DropTOTP turns codes of an authenticator app off.
	DropTOTP(ctx context.Context, by *api.Principal, id api.ID) error
	Remove(ctx context.Context, by *api.Principal, id api.ID) error
	Sessions(ctx context.Context, by *api.Principal, id api.ID) ([]api.Session, error)
	// EndSession ends one session; with the zero id, all but the one that asks.
	EndSession(ctx context.Context, by *api.Principal, id, which api.ID) (int, error)
	// Fresh reports whether somebody has entered the password a short while ago.
	Fresh(by *api.Principal) bool
}

// Config is what the pages are made of.
type Config struct {
	Operators Operators // must not be nil
}

// The pages' addresses.
const (
	pathList = "/operators"
	pathNew  = pathList + "/new"
	pathOne  = pathList + "/{id}"
)

type area struct{ Config }

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{cfg}
	reads, writes := panel.Reads(api.ScopeAll), panel.Writes(api.ScopeAll)
	get, post := http.MethodGet, http.MethodPost
	return panel.Section{
		Nav: []panel.NavItem{{Key: "staff.nav", Path: pathList, Access: reads}},
		Pages: []panel.Page{
			{Method: get, Path: pathList, Access: reads, Serve: a.listPage},
			{Method: get, Path: pathNew, Access: writes, Serve: a.newPage},
			{Method: post, Path: pathNew, Access: writes, Serve: a.create},
			{Method: get, Path: pathOne, Access: reads, Serve: a.on(func(q *panel.Request, o *one) { a.show(q, o, refused{}) })},
			{Method: post, Path: pathOne + "/name", Access: writes, Serve: a.on(a.setName)},
			{Method: post, Path: pathOne + "/role", Access: writes, Serve: a.on(a.setRole)},
			{Method: post, Path: pathOne + "/password", Access: writes, Serve: a.on(a.setPassword)},
			{Method: post, Path: pathOne + "/totp", Access: writes, Serve: a.on(a.dropTOTP)},
			{Method: post, Path: pathOne + "/sessions", Access: writes, Serve: a.on(a.endSessions)},
			{Method: get, Path: pathOne + "/remove", Access: writes, Serve: a.on(a.removePage)},
			{Method: post, Path: pathOne + "/remove", Access: writes, Serve: a.on(a.remove)},
		},
		Files: Files,
	}
}

// one is the operator that a page is about.
type one struct {
	api.Operator
	self bool // it is who asks
	last bool // no other is an owner
}

func (o *one) path() string { return pathList + "/" + o.ID.String() }

// name is what people know an operator by.
func name(o *api.Operator) string {
	if o.Name != "" {
		return o.Name
	}
	return o.Email
}

// on serves a page about the operator that its address names.
func (a *area) on(serve func(q *panel.Request, o *one)) func(*panel.Request) {
	return func(q *panel.Request) {
		all, err := a.Operators.List(q.Context(), q.By)
		if err != nil {
			q.Fail(err)
			return
		}
		var found *one
		owners := 0
		for i := range all {
			if all[i].Role == api.RoleOwner {
				owners++
			}
			if all[i].ID.String() == q.PathValue("id") {
				found = &one{Operator: all[i], self: all[i].ID == q.By.ID}
			}
		}
		if found == nil {
			q.Fail(hotspot.ErrNotFound)
			return
		}
		found.last = owners == 1 && found.Role == api.RoleOwner
		serve(q, found)
	}
}

// create makes an operator.
func (a *area) create(q *panel.Request) {
	n := api.NewOperator{Email: q.Form.Get("email"), Name: q.Form.Get("name"), Role: api.Role(q.Form.Get("role")), Password: q.Form.Get("password")}
	o, err := a.Operators.Create(q.Context(), q.By, n)
	if err != nil {
		a.again(q, err, func(r refused) { a.showNew(q, n, r) })
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("staff.created", "name", name(&o)), Remedy: q.T("staff.created_remedy")})
	q.Go(q.To(pathList))
}

// refused is why a form was refused: the field, and the reason.
type refused struct{ field, text string }

// at is what is wrong with a field.
func (r *refused) at(field string) string {
	if r.field == field {
		return r.text
	}
	return ""
}

// again shows a form once more if what was typed is at fault.
func (a *area) again(q *panel.Request, err error, show func(refused)) {
	field, text, ok := q.RefusedBy("staff", err)
	if code := hotspot.CodeOf(err); !ok || code != hotspot.CodeInvalid && code != hotspot.CodeNameTaken && code != hotspot.CodeTryLater {
		q.Fail(err)
		return
	}
	show(refused{field, text})
}

func (a *area) setName(q *panel.Request, o *one) {
	wanted := q.Form.Get("name")
	if err := a.Operators.SetName(q.Context(), q.By, o.ID, wanted); err != nil {
		a.again(q, err, func(r refused) { o.Name = wanted; a.show(q, o, r) })
		return
	}
	done(q, "staff.named", o.path())
}

func (a *area) setRole(q *panel.Request, o *one) {
	role := api.Role(q.Form.Get("role"))
	if err := a.Operators.SetRole(q.Context(), q.By, o.ID, role); err != nil {
		a.again(q, err, func(r refused) { a.show(q, o, r) })
		return
	}
	done(q, "staff.role_set", o.path())
}

func (a *area) setPassword(q *panel.Request, o *one) {
	if err := a.Operators.SetPassword(q.Context(), q.By, o.ID, q.Form.Get("password")); err != nil {
		a.again(q, err, func(r refused) { a.show(q, o, r) })
		return
	}
	done(q, "staff.password_set", o.path())
}

func (a *area) dropTOTP(q *panel.Request, o *one) {
	if err := a.Operators.DropTOTP(q.Context(), q.By, o.ID); err != nil {
		q.Fail(err)
		return
	}
	done(q, "staff.totp_dropped", o.path())
}

// endSessions ends the session that the form names, or all.
func (a *area) endSessions(q *panel.Request, o *one) {
	var which api.ID
	if text := q.Form.Get("session"); text != "all" {
		var err error
		if which, err = api.ParseID(text); err != nil || which == (api.ID{}) {
			q.Fail(hotspot.ErrNotFound)
			return
		}
	}
	if _, err := a.Operators.EndSession(q.Context(), q.By, o.ID, which); err != nil {
		q.Fail(err)
		return
	}
	done(q, "staff.ended", o.path())
}

func (a *area) remove(q *panel.Request, o *one) {
	if err := a.Operators.Remove(q.Context(), q.By, o.ID); err != nil {
		q.Fail(err)
		return
	}
	if o.self {
		q.Go(q.To(panel.PathSignIn))
		return
	}
	done(q, "staff.removed", pathList)
}

// done says what was done, on the next page.
func done(q *panel.Request, key, next string) {
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T(key)})
	q.Go(q.To(next))
}
