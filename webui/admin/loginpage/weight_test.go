package loginpage_test

import (
	"bytes"
	"compress/gzip"
	"regexp"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
)

// TestWeight: each part with its preview, and with all that only the preview
// loads, is light, packed as the panel packs. The logo is the operator's.
func TestWeight(t *testing.T) {
	const most = 30 << 10
	h := newHouse(t, api.RoleOwner)
	fill(t, h)
	packed := func(path string) int {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.Write([]byte(h.page(path))); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Len()
	}
	preview := packed("/login-page/preview")
	for _, asset := range regexp.MustCompile(`(?:href|src)="(/login-page/preview/(?:style|theme|icon)[^"]*)"`).FindAllStringSubmatch(h.page("/login-page/preview"), -1) {
		preview += packed(asset[1])
	}
	for name, path := range pages {
		n := packed(path) + preview
		t.Logf("%s: %d bytes, of which %d are the preview's", name, n, preview)
		if n > most {
			t.Errorf("%s has %d bytes, packed", name, n)
		}
	}
}
