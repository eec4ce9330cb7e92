package main

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// The daemon must accept what the lab writes for it.
func TestDaemonAcceptsTheConfiguration(t *testing.T) {
	d, _ := newDemo(t, roleVouchsafe)
	lab, err := netlab.New(t.Context(), netlab.Options{ID: d.id, Guests: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	path, err := lab.WriteConfig(netlab.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); err != nil {
		t.Error(err)
	}
}
