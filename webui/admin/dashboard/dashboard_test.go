package dashboard_test

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/webui/admin/dashboard"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, dashboard.Files) }
