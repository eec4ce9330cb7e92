package printing

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestWeight: a page with its preview is no more than a slow router should have
// to send.
func TestWeight(t *testing.T) {
	const most = 30 << 10
	h := newHouse(t, api.RoleOwner, 24)
	h.logo(t)
	for _, layout := range hotspot.PrintLayouts() {
		for _, path := range []string{"/print?ids=1-24&layout=" + layout, "/print?layout=" + layout} {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			if _, err := z.Write([]byte(h.Get(t, path).Body)); err != nil || z.Close() != nil {
				t.Fatal(err)
			}
			if t.Logf("%s: %d bytes", path, b.Len()); b.Len() > most {
				t.Errorf("%s: %d bytes, and may have %d", path, b.Len(), most)
			}
		}
	}
}
