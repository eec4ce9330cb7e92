package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// claimFor is how long a claim code is good.
const claimFor = 15 * time.Minute

// errClaim is one text for all codes that open nothing.
func errClaim() *Error {
	return refuse(http.StatusForbidden, "the claim code is wrong, was used, or is older than 15 minutes; make a new one")
}

// maxClaims bounds the codes of an account that nobody has used yet.
const maxClaims = 20

// NewClaim makes a code with which one router can enrol. Codes that are too old
// are removed on the way.
func (a *Accounts) NewClaim(ctx context.Context, account string) (string, time.Time, error) {
	var code string
	var c claim
	err := retry(func() error {
		var acc Account
		e, ok, err := a.record(ctx, accountKey(account), &acc)
		if err = found(err, ok, refuse(http.StatusNotFound, "there is no account %q", account)); err != nil {
			return err
		}
		now := a.cfg.Now().UTC().Truncate(time.Second)
		old, left, err := a.claims(ctx, account, now)
		if err != nil {
			return err
		}
		if left >= maxClaims {
			return refuse(http.StatusTooManyRequests, "the account has %d claim codes that nobody has used; use one, or wait until they are 15 minutes old", maxClaims)
		}
		code, c = newClaim(), claim{Account: account, Expires: now.Add(claimFor)}
		return a.cfg.Store.Commit(ctx, Transaction{
			If:     []Entry{e, {Key: claimKey(code)}},
			Put:    []Entry{entry(e.Key, acc), entry(claimKey(code), c), entry(openClaimKey(account, claimKey(code)), c.Expires)},
			Delete: old,
		})
	})
	if err != nil {
		return "", time.Time{}, err
	}
	return code, c.Expires, nil
}

// claims returns the keys of an account's claim codes that are too old, and how
// many are not.
func (a *Accounts) claims(ctx context.Context, account string, now time.Time) (old []string, left int, err error) {
	list, err := a.cfg.Store.List(ctx, openClaimKey(account, ""), "", maxClaims+1)
	if err != nil {
		return nil, 0, fmt.Errorf("relay's records: %w", err)
	}
	for _, e := range list {
		var expires time.Time
		if json.Unmarshal(e.Value, &expires) == nil && now.Before(expires) && expires.Sub(now) <= claimFor {
			left++
			continue
		}
		old = append(old, e.Key, strings.TrimPrefix(e.Key, openClaimKey(account, "")))
	}
	return old, left, nil
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
	if _, _, err := a.readClaim(ctx, code); err != nil {
		return Router{}, err // before a signature is made for whoever guesses
	}
	r := Router{ID: newID() + newID(), Name: in.Name, Version: in.Version, Created: a.cfg.Now().UTC().Truncate(time.Second)}
	fingerprint, err := sign(r.ID)
	if err != nil {
		return Router{}, err
	}
	r.Fingerprint = fingerprint
	err = retry(func() error {
		c, held, err := a.readClaim(ctx, code)
		if err != nil {
			return err
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
			Delete: []string{held.Key, openClaimKey(acc.ID, held.Key)},
		})
	})
	return r, err
}

// readClaim returns what a code is good for.
func (a *Accounts) readClaim(ctx context.Context, code string) (claim, Entry, error) {
	var c claim
	e, ok, err := a.record(ctx, claimKey(code), &c)
	now := a.cfg.Now()
	// A clock that was put back makes no code good for longer.
	return c, e, found(err, ok && now.Before(c.Expires) && c.Expires.Sub(now) <= claimFor, errClaim())
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
		page, next, err := a.RoutersPage(ctx, account, after, maxPage)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if next == "" {
			return out, nil
		}
		after = next
	}
}

// maxPage bounds how many routers are listed at a time.
const maxPage = 500

// RoutersPage lists up to limit of an account's routers, in an order that stays,
// behind the one that next was for on the page before. Without a next, there are
// no more.
func (a *Accounts) RoutersPage(ctx context.Context, account, after string, limit int) (out []Router, next string, err error) {
	if len(after) > 32 || strings.Trim(after, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return nil, "", refuse(http.StatusUnprocessableEntity, "after: the next of the page before")
	}
	limit = max(1, min(limit, maxPage))
	if after != "" {
		after = ownedKey(account, after)
	}
	page, err := a.cfg.Store.List(ctx, ownedKey(account, ""), after, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("relay's records: %w", err)
	}
	ids := make([]string, 0, limit)
	for _, e := range page[:min(limit, len(page))] {
		ids = append(ids, strings.TrimPrefix(e.Key, ownedKey(account, "")))
	}
	if len(page) > limit {
		next = ids[limit-1]
	}
	out, err = a.routersByID(ctx, ids)
	return out, next, err
}

// readsAtOnce is how many records are read at a time: they may be far away.
const readsAtOnce = 16

// routersByID returns routers in the order of their ids, without those that have
// been removed.
func (a *Accounts) routersByID(ctx context.Context, ids []string) ([]Router, error) {
	all, errs := make([]Router, len(ids)), make([]error, len(ids))
	var wg sync.WaitGroup
	for w := range min(readsAtOnce, len(ids)) {
		wg.Go(func() {
			for i := w; i < len(ids); i += readsAtOnce {
				all[i], errs[i] = a.RouterByID(ctx, ids[i])
			}
		})
	}
	wg.Wait()
	out := make([]Router, 0, len(all))
	for i, r := range all {
		var refusal *Error
		switch {
		case errors.As(errs[i], &refusal): // removed since
		case errs[i] != nil:
			return nil, errs[i]
		default:
			out = append(out, r)
		}
	}
	return out, nil
}

// Rotate gives an account's router another prefix. The old one leads nowhere
// from then on.
func (a *Accounts) Rotate(ctx context.Context, account, prefix string) (Router, error) {
	var out Router
	err := retry(func() error {
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
	return out, err
}

// RemoveRouter takes a router out of an account. Its certificate opens nothing
// from then on.
func (a *Accounts) RemoveRouter(ctx context.Context, account, prefix string) (Router, error) {
	var out Router
	err := retry(func() error {
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
	return out, err
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
