package keys

import (
	"context"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// audit stores a row about a key in the transaction of its change.
//
//go:noinline // it takes much code where it is called
func (k *Keys) audit(ctx context.Context, by *api.Principal, tx hotspot.Tx, action hotspot.Action, subject string, changes ...hotspot.Change) error {
	now, believed := k.cfg.Now()
	row := hotspot.NewAudit(hotspot.WithActor(ctx, by.Actor()), now, believed, action, subject, changes...)
	return tx.PutAudit(&row)
}

// created tells what a new key may do, and for how long.
func (rec record) created() []hotspot.Change {
	scopes := make([]string, len(rec.Scopes))
	for i, s := range rec.Scopes {
		scopes[i] = string(s)
	}
	ends := "never"
	if rec.Expires != 0 {
		ends = milli(rec.Expires).Format(time.RFC3339)
	}
	return []hotspot.Change{{Field: "scopes", New: strings.Join(scopes, " ")}, {Field: "expires", New: ends}}
}

// ofOwner cuts what a key may do down to what the operator may do to whom it
// belongs. The key of one who is gone is [api.ErrWrongKey].
func (k *Keys) ofOwner(ctx context.Context, p *api.Principal) (*api.Principal, error) {
	if k.cfg.Operators == nil || p.Owner == (api.ID{}) {
		return p, nil
	}
	owner, err := k.cfg.Operators.Operator(ctx, p.Owner)
	if err != nil {
		return nil, err
	}
	cut := *p
	cut.Scopes, cut.ReadOnly = nil, p.ReadOnly || owner.ReadOnly
	for _, s := range p.Scopes {
		if owner.May(s) {
			cut.Scopes = append(cut.Scopes, s)
		}
	}
	return &cut, nil
}
