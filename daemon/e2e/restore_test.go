package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestRestoreUnderDownload restores a backup under a guest's download: it
// finishes, what it used is counted whole although the backup knows less of it,
// and who came after the backup is out.
func TestRestoreUnderDownload(t *testing.T) {
	h := newHouse(t, "rest", netlab.Options{Guests: 2})
	known, late := h.Guest(1), h.Guest(2)
	user, pass := h.voucher(map[string]any{"download_limit": 60})
	h.login(known, user, pass)
	before, _ := h.used(user)
	file := filepath.Join(t.TempDir(), "b.vsnap")
	done := make(chan netlab.FlowResult, 1)
	errs := make(chan error, 1)
	start, err := known.Counters()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		r, err := h.Send(t.Context(), netlab.Flow{Guest: known, Bytes: 40 * mb, Rate: 10 * mb, Time: patience})
		done <- r
		errs <- err
	}()
	received := func() uint64 {
		now, err := known.Counters()
		if err != nil {
			t.Fatal(err)
		}
		return now.RxBytes - start.RxBytes
	}
	eventually(t, "the download runs", func() bool { return received() > 5*mb })
	h.cli("backup", file)
	lateUser, latePass := h.voucher(map[string]any{"download_limit": 60})
	h.login(late, lateUser, latePass)
	if r := h.send(netlab.Flow{Guest: late, Bytes: mb}); r.End != netlab.EndComplete {
		t.Errorf("the guest who came after the backup: %s", r.End)
	}
	eventually(t, "the download goes on", func() bool { return received() > 10*mb })
	if got := h.cli("restore", file, "--yes"); !strings.HasPrefix(got, "Restored 1 voucher,") {
		t.Errorf("restore printed %q", got)
	}
	r := <-done
	if err := <-errs; err != nil || r.End != netlab.EndComplete {
		t.Fatalf("the download ended as %q after %d bytes, %v", r.End, r.Received, err)
	}
	var down uint64
	eventually(t, "the count over the restore is what arrived", func() bool {
		down, _ = h.used(user)
		return down-before == r.Down
	})
	if r := h.send(netlab.Flow{Guest: late, Bytes: mb, Time: 5 * time.Second}); r.Received > 0 {
		t.Errorf("a guest of whom the backup knows nothing received %d bytes", r.Received)
	}
	rest := h.send(netlab.Flow{Guest: known, Bytes: 40 * mb})
	if got := down + rest.Down; got > 60*mb || got < 60*mb-netGSO {
		t.Errorf("%d bytes passed of a quota of %d", got, 60*mb)
	}
}
