package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// claimFor is how long a claim code is good.
const claimFor = 15 * time.Minute

// errClaim is one text for all codes that open nothing.
func errClaim() *Error {
	return refuse(http.StatusForbidden, "the claim code is wrong, was used, or is older than 15 minutes; make a new one")
}

// NewClaim makes a code with which one router can enrol.
func (a *Accounts) NewClaim(ctx context.Context, account string) (string, time.Time, error) {
	if _, err := a.Account(ctx, account); err != nil {
		return "", time.Time{}, err
	}
	code, c := newClaim(), claim{Account: account, Expires: a.cfg.Now().UTC().Truncate(time.Second).Add(claimFor)}
	err := a.cfg.Store.Commit(ctx, Transaction{If: []Entry{{Key: claimKey(code)}}, Put: []Entry{entry(claimKey(code), c)}})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("relay's records: %w", err)
	}
	return code, c.Expires, nil
}

// Enrollment is what a router says when it enrols.
type Enrollment struct {
	Code    string
	Name    string
	Version string
}

// Enrol makes a router of an account for a claim code, which is used up. sign
// makes its certificate, and returns the certificate's fingerprint.
func (a *Accounts) Enrol(ctx context.Context, in Enrollment, sign func(id string) (fingerprint string, err error)) (Router, error) {
	if err := errors.Join(checkName("a router's name", in.Name), checkName("a version", in.Version)); err != nil {
		return Router{}, err
	}
	code := tidyCode(in.Code)
	if code == "" {
		return Router{}, errClaim()
	}
	r := Router{ID: newID() + newID(), Name: in.Name, Version: in.Version, Created: a.cfg.Now().UTC().Truncate(time.Second)}
	fingerprint, err := sign(r.ID)
	if err != nil {
		return Router{}, err
	}
	r.Fingerprint = fingerprint
	return r, retry(func() error {
		var c claim
		held, ok, err := a.record(ctx, claimKey(code), &c)
		if err != nil {
			return err
		}
		if !ok || !a.cfg.Now().Before(c.Expires) {
			return errClaim()
		}
		var acc Account
		e, ok, err := a.record(ctx, accountKey(c.Account), &acc)
		if err = found(err, ok, errClaim()); err != nil {
			return err
		}
		if limit := acc.Limit(a.cfg.Now()); acc.Usage >= limit {
			return refuse(http.StatusConflict, "the account has %d of %d routers; remove one, or add a licence for more", acc.Usage, limit)
		}
		acc.Usage++
		r.Account, r.Prefix = acc.ID, newPrefix()
		return a.cfg.Store.Commit(ctx, Transaction{
			If: []Entry{held, e, {Key: routerKey(r.ID)}, {Key: prefixKey(r.Prefix)}},
			Put: []Entry{entry(accountKey(acc.ID), acc), entry(routerKey(r.ID), r), entry(prefixKey(r.Prefix), r.ID),
				entry(ownedKey(acc.ID, r.ID), r.Prefix)},
			Delete: []string{held.Key},
		})
	})
}

// Router returns the router of a host's prefix.
func (a *Accounts) Router(ctx context.Context, prefix string) (Router, error) {
	var id string
	_, ok, err := a.record(ctx, prefixKey(prefix), &id)
	if err = found(err, ok, errNoRouter()); err != nil {
		return Router{}, err
	}
	return a.RouterByID(ctx, id)
}

func errNoRouter() *Error { return refuse(http.StatusNotFound, "there is no router here") }

// RouterByID returns a router.
func (a *Accounts) RouterByID(ctx context.Context, id string) (Router, error) {
	var r Router
	_, ok, err := a.record(ctx, routerKey(id), &r)
	return r, found(err, ok, errNoRouter())
}

// Routers lists an account's routers.
func (a *Accounts) Routers(ctx context.Context, account string) ([]Router, error) {
	var out []Router
	for after := ""; ; {
		page, err := a.cfg.Store.List(ctx, ownedKey(account, ""), after, 500)
		if err != nil {
			return nil, fmt.Errorf("relay's records: %w", err)
		}
		for _, e := range page {
			after = e.Key
			r, err := a.RouterByID(ctx, strings.TrimPrefix(e.Key, ownedKey(account, "")))
			if refusal := (*Error)(nil); errors.As(err, &refusal) {
				continue // removed since
			}
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
		if len(page) < 500 {
			return out, nil
		}
	}
}

// Rotate gives an account's router another prefix. The old one leads nowhere
// from then on.
func (a *Accounts) Rotate(ctx context.Context, account, prefix string) (Router, error) {
	var out Router
	return out, retry(func() error {
		r, e, err := a.owned(ctx, account, prefix)
		if err != nil {
			return err
		}
		r.Prefix = newPrefix()
		out = r
		return a.cfg.Store.Commit(ctx, Transaction{
			If:     []Entry{e, {Key: prefixKey(r.Prefix)}},
			Put:    []Entry{entry(e.Key, r), entry(prefixKey(r.Prefix), r.ID), entry(ownedKey(account, r.ID), r.Prefix)},
			Delete: []string{prefixKey(prefix)},
		})
	})
}

// RemoveRouter takes a router out of an account. Its certificate opens nothing
// from then on.
func (a *Accounts) RemoveRouter(ctx context.Context, account, prefix string) (Router, error) {
	var out Router
	return out, retry(func() error {
		r, e, err := a.owned(ctx, account, prefix)
		if err != nil {
			return err
		}
		out = r
		var acc Account
		held, ok, err := a.record(ctx, accountKey(account), &acc)
		if err = found(err, ok, errNoRouter()); err != nil {
			return err
		}
		acc.Usage = max(acc.Usage-1, 0)
		return a.cfg.Store.Commit(ctx, Transaction{
			If: []Entry{e, held}, Put: []Entry{entry(held.Key, acc)},
			Delete: []string{e.Key, prefixKey(prefix), ownedKey(account, r.ID)},
		})
	})
}

// owned returns the router of a prefix if it belongs to an account. That of
// another account is not there.
func (a *Accounts) owned(ctx context.Context, account, prefix string) (Router, Entry, error) {
	var id string
	_, ok, err := a.record(ctx, prefixKey(prefix), &id)
	if err = found(err, ok, errNoRouter()); err != nil {
		return Router{}, Entry{}, err
	}
	var r Router
	e, ok, err := a.record(ctx, routerKey(id), &r)
	return r, e, found(err, ok && r.Account == account && r.Prefix == prefix, errNoRouter())
}

// Seen notes that a router was connected, and with which version.
func (a *Accounts) Seen(ctx context.Context, id, version string) error {
	return retry(func() error {
		var r Router
		e, ok, err := a.record(ctx, routerKey(id), &r)
		if err = found(err, ok, errNoRouter()); err != nil {
			return err
		}
		r.LastSeen = a.cfg.Now().UTC().Truncate(time.Second)
		if checkName("a version", version) == nil {
			r.Version = version
		}
		return a.cfg.Store.Commit(ctx, Transaction{If: []Entry{e}, Put: []Entry{entry(e.Key, r)}})
	})
}
