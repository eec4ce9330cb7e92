package store

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

func TestContract(t *testing.T) {
	hotspottest.TestStore(t, func(t *testing.T) hotspot.Store { return openNew(t) })
}
