package v1

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Operators lists the operators, in order of creation.
func (c *Client) Operators(ctx context.Context) ([]Operator, error) {
	var list List[Operator]
	err := c.call(ctx, http.MethodGet, "/operators", nil, &list)
	return list.Items, err
}

// CreateOperator makes an operator.
func (c *Client) CreateOperator(ctx context.Context, n NewOperator) (Operator, error) {
	var got Operator
	err := c.call(ctx, http.MethodPost, "/operators", n, &got)
	return got, err
}

// EditOperator changes an operator's name or role.
func (c *Client) EditOperator(ctx context.Context, id string, e OperatorEdit) (Operator, error) {
	var got Operator
	err := c.call(ctx, http.MethodPatch, "/operators/"+segment(id), e, &got)
	return got, err
}

// RemoveOperator removes an operator.
func (c *Client) RemoveOperator(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/operators/"+segment(id), nil, &none{})
}

// SetPassword gives an operator another password. Sessions and access tokens
// end.
func (c *Client) SetPassword(ctx context.Context, id, password string) error {
	return c.call(ctx, http.MethodPut, "/operators/"+segment(id)+"/password", OperatorPassword{password}, &none{})
}

// DropTOTP asks an operator no more for codes of an authenticator app.
func (c *Client) DropTOTP(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/operators/"+segment(id)+"/totp", nil, &none{})
}

// OperatorSessions lists the browsers that an operator is signed in with.
func (c *Client) OperatorSessions(ctx context.Context, id string) ([]OperatorSession, error) {
	var list List[OperatorSession]
	err := c.call(ctx, http.MethodGet, "/operators/"+segment(id)+"/sessions", nil, &list)
	return list.Items, err
}

// EndSessions ends one of an operator's sessions; without an id, all.
func (c *Client) EndSessions(ctx context.Context, id, session string) (int, error) {
	path := "/operators/" + segment(id) + "/sessions"
	if session != "" {
		path += "/" + segment(session)
	}
	var got EndedSessions
	err := c.call(ctx, http.MethodDelete, path, nil, &got)
	return got.Ended, err
}

// AuditFilter says which rows of the audit log are asked for; what is empty does
// not count.
type AuditFilter struct {
	Since, Actor, Action string
	Limit                int // no more will be read; 0: no limit
}

// Audit lists who changed what, newest first, page by page.
func (c *Client) Audit(ctx context.Context, f AuditFilter) iter.Seq2[AuditRow, error] {
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if f.Limit > 0 && f.Limit < pageSize {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	set(q, "since", f.Since)
	set(q, "actor", f.Actor)
	set(q, "action", f.Action)
	return pages(ctx, func(cursor string) (Page[AuditRow], error) {
		set(q, "cursor", cursor)
		var got Page[AuditRow]
		err := c.call(ctx, http.MethodGet, "/audit?"+q.Encode(), nil, &got)
		return got, err
	})
}
