package api

import (
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Webhook is an endpoint that is told of events. Its secret is not in it.
type Webhook struct {
	ID          ID
	URL         string
	Description string
	Types       []string // of events; all of them if it was made for all
	Enabled     bool
	// Stopped says why it gets nothing although nobody disabled it, such as
	// that the receiver answered 410; empty: it is not so.
	Stopped  string
	Created  time.Time
	Modified time.Time
	// OldSecretUntil is how long signatures with the secret before are sent,
	// too; zero: there is none.
	OldSecretUntil time.Time
	Waiting        int             // events that it is still to be told of
	Last           WebhookDelivery // zero: none yet
	// Warning is what its operator should know.
	Warning string
}

// WebhookDelivery is one attempt to tell an endpoint of an event.
type WebhookDelivery struct {
	_ [0]func() // never compared

	Webhook ID
	Event   string // its id
	Type    string
	At      time.Time
	Attempt int // 1 is the first
	OK      bool
	Status  int // of the answer; 0: none came
	Took    time.Duration
	Error   hotspot.Text // why it failed
	// Next is when it is tried again; zero: it is not.
	Next time.Time
}

// NewWebhook says what endpoint to make.
type NewWebhook struct {
	URL         string
	Description string
	Types       []string // none: all
	Secret      string   // whsec_…; empty: a random one
	Disabled    bool
}

// WebhookEdit changes what is not nil.
type WebhookEdit struct {
	URL         *string
	Description *string
	Types       *[]string
	Enabled     *bool
}
