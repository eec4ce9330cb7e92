package peer

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// Headers of what relays ask one another. The client's address is in
// [tunnel.ClientHeader].
const (
	routerHeader    = "Vouchsafe-Router"
	toHeader        = "Vouchsafe-To"
	outcomeHeader   = "Vouchsafe-Outcome"
	elsewhereHeader = "Vouchsafe-Elsewhere"
)

// helloPath is where a relay answers that it is there, and movedPath where it is
// told that a router has moved.
const (
	helloPath = "/hello"
	movedPath = "/moved"
)

// Call is a request that a relay passes on.
type Call struct {
	From   string // the relay that asks; its certificate says so
	Router string // the id of the router that it is for
	Client netip.Addr
}

// Bounds of what names a router or a relay, in bytes.
const (
	maxRouter = 32
	maxNode   = 64
)

// set writes what a call is into a request to a relay.
func (c Call) set(h http.Header, to string) {
	h.Set(routerHeader, c.Router)
	h.Set(toHeader, to)
	if c.Client.IsValid() {
		h.Set(tunnel.ClientHeader, c.Client.String())
	}
}

// errCall is one text for all that is no call.
var errCall = errors.New("not a call of a relay")

// readCall reads what a request to this relay is. One that is for another relay
// is none, and neither is one without a client, but for word of a move.
func readCall(h http.Header, self string, moved bool) (c Call, err error) {
	one := func(name string, most int) string {
		v := h.Values(name)
		if len(v) != 1 || len(v[0]) > most {
			return ""
		}
		return v[0]
	}
	c.Router = one(routerHeader, maxRouter)
	if !isRouter(c.Router) || one(toHeader, maxNode) != self || self == "" {
		return Call{}, errCall
	}
	if moved {
		return c, nil
	}
	c.Client, err = netip.ParseAddr(one(tunnel.ClientHeader, 45))
	if err != nil || c.Client.Zone() != "" {
		return Call{}, errCall
	}
	return c, nil
}

// isRouter reports whether a text could be a router's id.
func isRouter(s string) bool {
	return s != "" && len(s) <= maxRouter && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// IsNode reports whether a text can be a relay's id: small letters, digits and
// dashes.
func IsNode(s string) bool {
	return s != "" && len(s) <= maxNode && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Outcome is what became of a request that was passed on.
type Outcome string

// The outcomes.
const (
	Answered Outcome = "answered" // what follows is the router's answer
	NotHere  Outcome = "not-here" // nothing was sent: the router is not at this relay
	Busy     Outcome = "busy"     // nothing was sent: the router or the relay has too much to do
	Late     Outcome = "late"     // the router did not answer in time
	Ended    Outcome = "ended"    // the router's connection ended
	Odd      Outcome = "odd"      // the router's answer cannot be passed on
)

// Answer says that the answer that is about to be written is the router's.
func Answer(w http.ResponseWriter) { w.Header().Set(outcomeHeader, string(Answered)) }

// Refuse answers with an outcome that is no answer of the router's. elsewhere is
// the relay that has the router, if this one knows.
func Refuse(w http.ResponseWriter, o Outcome, elsewhere string) {
	h := w.Header()
	h.Set(outcomeHeader, string(o))
	if elsewhere != "" {
		h.Set(elsewhereHeader, elsewhere)
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

// NotHereError says that nothing was sent to the router, since it is not at the
// relay that was asked.
type NotHereError struct {
	Elsewhere string // the relay that has it, if the one that was asked knows
}

// Error implements error.
func (e *NotHereError) Error() string { return "the router is not at that relay" }

// Is makes it a [tunnel.ErrNotSent].
func (e *NotHereError) Is(target error) bool { return target == tunnel.ErrNotSent }

// Failures of requests that were passed on. After the last three, the router may
// have done what was asked.
var (
	ErrUnreachable error = &notSent{"the relay that has the router cannot be reached"}
	ErrBusy        error = &notSent{"the router, or the relay that has it, has too much to do"}
	ErrLate              = errors.New("the router did not answer in time")
	ErrEnded             = errors.New("the router's connection ended")
	ErrOdd               = errors.New("the router's answer cannot be passed on")
)

// notSent is a failure after which a request may be made again.
type notSent struct{ text string }

func (e *notSent) Error() string        { return e.text }
func (e *notSent) Is(target error) bool { return target == tunnel.ErrNotSent }

// readOutcome returns the failure that an answer stands for; nil: it is the
// router's.
func readOutcome(h http.Header) error {
	v := h.Values(outcomeHeader)
	if len(v) != 1 {
		return errors.New("the relay that has the router did not say what became of the request")
	}
	switch Outcome(v[0]) {
	case Answered:
		return nil
	case NotHere:
		e := &NotHereError{}
		if at := h.Get(elsewhereHeader); IsNode(at) {
			e.Elsewhere = at
		}
		return e
	case Busy:
		return ErrBusy
	case Late:
		return ErrLate
	case Ended:
		return ErrEnded
	case Odd:
		return ErrOdd
	}
	return errors.New("the relay that has the router said something that is not known")
}
