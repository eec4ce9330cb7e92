package guests_test

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/webui/admin/guests"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, guests.Files) }
