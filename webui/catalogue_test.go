package webui_test

import (
	"os"
	"testing"

	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, os.DirFS(".")) }
