package bench

import "context"

func none(context.Context, *run) (Section, error) { return Section{}, nil }

var restarts, adoption, dead, creation, listing, redirects, size = none, none, none, none, none, none, none
