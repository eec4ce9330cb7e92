package api

import (
	"context"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// CloudEndpoint is the address under which integrations on the internet reach
// this router, through a relay that the router connects to.
type CloudEndpoint interface {
	Status() CloudStatus
	// Enrol makes the router one of an account's at a relay, with a claim code of
	// that account, and switches the endpoint on.
	Enrol(ctx context.Context, n NewEnrolment) error
	// Switch turns the endpoint on or off. It stays enrolled.
	Switch(ctx context.Context, on bool) error
	// Rotate gets another address from the relay. The one before leads nowhere
	// from then on.
	Rotate(ctx context.Context) error
	// Leave takes the router out of the account and forgets its identity. told
	// reports whether the relay could be told.
	Leave(ctx context.Context) (told bool, err error)
}

// NewEnrolment is what enrolling needs.
type NewEnrolment struct {
	Domain string // of the relay, such as cloud.example.com
	Code   string // the claim code, as somebody typed it
	Name   string // of this router, for the account's owner
}

// CloudStatus tells how the endpoint is.
type CloudStatus struct {
	Enrolled bool
	On       bool
	Domain   string // of the relay
	Host     string // <prefix>.<domain>; empty: not known yet
	// Phase is what the tunnel does: "off", "connecting", "up" or "waiting".
	Phase   string
	Since   time.Time     // when that began; zero: unknown
	Latency time.Duration // of a round trip to the relay; 0: not measured yet
	Failure hotspot.Text  // why the last attempt failed; empty: none has
}
