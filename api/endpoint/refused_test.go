package endpoint

import (
	"errors"
	"net/http"
	"testing"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestRefused: what a relay says is told as it said it; to be told in other
// languages, there is what its status means.
func TestRefused(t *testing.T) {
	meanings := map[string]bool{}
	for _, tc := range []struct {
		err  error
		code hotspot.Code
		text string
	}{
		{&tunnel.RefusedError{Status: http.StatusForbidden, Message: "wrong"}, hotspot.CodeInvalid, "wrong"},
		{&tunnel.RefusedError{Status: http.StatusConflict, Message: "full"}, hotspot.CodeInvalid, "full"},
		{&tunnel.RefusedError{Status: http.StatusUnprocessableEntity, Message: "odd"}, hotspot.CodeInvalid, "odd"},
		{&tunnel.RefusedError{Status: http.StatusTooManyRequests, Message: "slow down"}, hotspot.CodeUnavailable, "the relay refused: slow down"},
		{&tunnel.RefusedError{Status: http.StatusBadGateway, Message: "asleep"}, hotspot.CodeUnavailable, "the relay refused: asleep"},
		{errors.New("no route"), hotspot.CodeUnavailable, "no route; look at the uplink, the name of the cloud and the router's clock"},
	} {
		var e *hotspot.Error
		if !errors.As(refusal(tc.err), &e) || e.Code != tc.code || e.Text != tc.text {
			t.Fatalf("%v: %+v", tc.err, e)
		}
		meaning, args := e.Message()
		if meaning == e.Text || len(args) > 0 || meanings[meaning] {
			t.Errorf("%v means %q %v", tc.err, meaning, args)
		}
		meanings[meaning] = true
	}
}
