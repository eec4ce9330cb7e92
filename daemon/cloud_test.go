package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/daemon/config"
)

func TestCloudRoots(t *testing.T) {
	if roots, err := cloudRoots(config.Cloud{}); roots != nil || err != nil {
		t.Errorf("%v %v", roots, err)
	}
	path := filepath.Join(t.TempDir(), "relay.pem")
	for _, text := range []string{"", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if text != "" {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := cloudRoots(config.Cloud{CAFile: path}); err == nil || !strings.Contains(err.Error(), "cloud.ca_file") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
