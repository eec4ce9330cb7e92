package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// TestPageIsCurrent fails when the table of keys changed and the page did not.
func TestPageIsCurrent(t *testing.T) {
	t.Chdir("../../..")
	example, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page(config.Fields(), example)), string(have)); diff != "" {
		t.Fatalf("%s is out of date; run go run ./daemon/config/gen\n%s", target, diff)
	}
}
