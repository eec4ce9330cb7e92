package vouchers

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
)

// maxPage is how heavy a page may be, packed.
const maxPage = 30 << 10

// TestWeight: a full page of the list is light, packed as the panel packs.
func TestWeight(t *testing.T) {
	h := venue(t, api.RoleManager)
	for _, path := range []string{Path, Path + "?ids=1-50", Path + "/ROOM12", pathNew} {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.Write([]byte(h.page(path, http.StatusOK))); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", path, b.Len())
		if b.Len() > maxPage {
			t.Errorf("%s has %d bytes, packed", path, b.Len())
		}
	}
}
