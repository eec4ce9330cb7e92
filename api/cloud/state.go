package cloud

import "context"

// RouterState is a router, and how it is now.
type RouterState struct {
	Router
	Host   string
	Online bool
}

// stateOf completes a record with what is known here and not on record yet.
func (r *Relay) stateOf(ctx context.Context, x Router) RouterState {
	if s, ok := r.sightings.last(x.ID); ok {
		x.LastSeen = s.at
		if s.version != "" {
			x.Version = s.version
		}
	}
	online := r.links.at(x.ID) != nil
	if !online && r.others != nil {
		_, err := r.away(ctx, x.ID)
		online = err == nil
	}
	if online {
		x.LastSeen = r.cfg.Now()
	}
	return RouterState{x, x.Prefix + "." + r.cfg.Domain, online}
}

// RoutersPage lists some of an account's routers, as [Accounts.RoutersPage] does.
func (r *Relay) RoutersPage(ctx context.Context, account, after string, limit int) (out []RouterState, next string, err error) {
	list, next, err := r.cfg.Accounts.RoutersPage(ctx, account, after, limit)
	for _, x := range list {
		out = append(out, r.stateOf(ctx, x))
	}
	return out, next, err
}

// RouterOf returns an account's router.
func (r *Relay) RouterOf(ctx context.Context, account, prefix string) (RouterState, error) {
	x, _, err := r.cfg.Accounts.owned(ctx, account, prefix)
	if err != nil {
		return RouterState{}, err
	}
	return r.stateOf(ctx, x), nil
}

// Rotate gives an account's router another host, and tells it.
func (r *Relay) Rotate(ctx context.Context, account, prefix string) (Router, error) {
	x, err := r.cfg.Accounts.Rotate(ctx, account, prefix)
	if err == nil {
		r.renamed(x)
	}
	return x, err
}

// RemoveRouter takes a router out of an account, and ends its tunnel.
func (r *Relay) RemoveRouter(ctx context.Context, account, prefix string) (Router, error) {
	x, err := r.cfg.Accounts.RemoveRouter(ctx, account, prefix)
	if err == nil {
		r.cut(x.ID)
	}
	return x, err
}

// cut ends the tunnel of a router that has been removed.
func (r *Relay) cut(router string) {
	if r.links.cut(router) && r.others != nil {
		r.others.presence.touch(router)
	}
}
