package cloudtest_test

import (
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/cloudtest"
)

func TestMemory(t *testing.T) {
	cloudtest.TestStore(t, func(*testing.T) cloud.Store { return cloudtest.NewMemory() })
}

func TestHub(t *testing.T) {
	cloudtest.TestRegistry(t, func(*testing.T) cloudtest.Relays {
		store := cloudtest.NewMemory()
		hub := cloudtest.NewHub(store, time.Millisecond)
		return cloudtest.Relays{Store: store, Join: func(t *testing.T, id string) cloud.Registry {
			return hub.Join(t, cloud.Node{ID: id, Peer: id + ".test:7443"})
		}}
	})
}
