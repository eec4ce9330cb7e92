package integrations_test

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
)

// TestWeight: the page with every example on it, as it is sent.
func TestWeight(t *testing.T) {
	const budget = 30 << 10
	h := newHouse(t, api.RoleOwner)
	if err := h.service.SetSettings(t.Context(), map[string]string{"api.post": "on", "api.get": "on"}); err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "it", "ar"} {
		page := h.Get(t, "/integrations/api?lang="+lang).Body
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(page)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, %d gzipped", lang, len(page), b.Len())
		if b.Len() > budget {
			t.Errorf("%s: %d bytes, more than %d", lang, b.Len(), budget)
		}
	}
}
