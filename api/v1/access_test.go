package v1

import (
	"testing"

	surface "github.com/vouchsafe/vouchsafe/api"
)

// Nobody can register an operation and forget who may use it.
func TestAccessMustBeGiven(t *testing.T) {
	for _, a := range []access{{}, {kind: accessRead}, {kind: accessWrite, scope: "everything"}, {scope: surface.ScopeAll}, {accessOpen, surface.ScopeAll}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was taken", a)
				}
			}()
			a.mustBeGiven("an operation")
		}()
	}
	for _, a := range []access{forAll(), forKnown(), reads(surface.ScopeLive), writes(surface.ScopeAll)} {
		a.mustBeGiven("an operation")
	}
}
