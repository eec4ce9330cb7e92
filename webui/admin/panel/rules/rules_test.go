package rules

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.WithoutEnglish(t, Files) }
