package hotspot

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// EventType says what an [Event] is about. Its text is part of the API.
type EventType string

// The types of events.
const (
	EventLogin     EventType = "guest.login"
	EventLogout    EventType = "guest.logout"
	EventCreated   EventType = "voucher.created"
	EventExhausted EventType = "voucher.exhausted"
	EventSeen      EventType = "device.seen"
)

// EventTypes lists the types of events.
func EventTypes() []EventType {
	return []EventType{EventLogin, EventLogout, EventCreated, EventExhausted, EventSeen}
}

// Event is something that happened and that somebody outside wants to be told
// of. It is stored in the transaction that made it happen, and stays until
// everybody has been told, or gave up, or [MaxEvents] newer ones came.
type Event struct {
	Seq  uint64 // 0 until stored; ascending
	ID   string // names the event outside; see [NewEventID]
	Type EventType
	Time time.Time
	// Provisional: Time, and the times in Data, were read from a clock that
	// could not be believed.
	Provisional bool
	Data        []byte // a JSON object
	To          []EventTarget
}

// EventTarget is one who is still to be told of an event.
type EventTarget struct {
	Endpoint string // the name of the subscription
	Attempts int    // that failed
	Next     time.Time
}

// MaxEvents is how many events wait at most: one goes when that many newer ones
// have come.
const MaxEvents = 1000

// MaxSightings is how many devices are remembered for [EventSeen].
const MaxSightings = 2048

// EventReader reads what there is to tell, as a part of [Reader].
type EventReader interface {
	// Events returns up to limit events with a Seq above after, ascending.
	Events(after uint64, limit int) ([]Event, error)
	// Sightings returns when each remembered device was last on the guest
	// network.
	Sightings() (map[MAC]time.Time, error)
}

// EventWriter writes what there is to tell, as a part of [Tx].
type EventWriter interface {
	// PutEvent stores e, giving it the next Seq if it has none.
	PutEvent(e *Event) error
	// DeleteEvent deletes an event; one that is not there is no error.
	DeleteEvent(seq uint64) error
	PutSighting(m MAC, at time.Time) error
	// DeleteSighting forgets a device; one that is not there is no error.
	DeleteSighting(m MAC) error
}

// eventCode is base32 with digits and lower-case letters that sort as the bytes.
var eventCode = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewEventID returns a new name for an event: "evt_" and 26 characters, of which
// the first ten tell the time, so that names sort as they were given.
func NewEventID(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16)
	_, _ = rand.Read(b[6:]) // never fails
	return "evt_" + eventCode.EncodeToString(b[:])
}

// What is done to webhooks, in the audit log.
const (
	AuditWebhookAdded   Action = "webhook.added"
	AuditWebhookEdited  Action = "webhook.edited"
	AuditWebhookRotated Action = "webhook.secret_rotated"
	AuditWebhookRemoved Action = "webhook.removed"
	AuditWebhookStopped Action = "webhook.stopped"
)
