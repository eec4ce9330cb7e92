package store

import (
	"bytes"
	"testing"
)

// TestSnapshotIsTheSameEverywhere: a store makes the same bytes of the same
// records on every machine, whatever its byte order and word size. The golden
// file was made on amd64 and is restored by TestGoldenSnapshot everywhere; with
// this, a snapshot made on any machine can be restored on any other. A new
// schema brings a golden file of its own.
func TestSnapshotIsTheSameEverywhere(t *testing.T) {
	db := openNew(t)
	fill(t, db)
	got, want := unpacked(t, snapshotOf(t, db)), unpacked(t, read(t, "testdata/v3.vsnap"))
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want the %d of the golden file:\n%q\n%q", len(got), len(want), got, want)
	}
}
