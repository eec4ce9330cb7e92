package cloudtest_test

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/cloudtest"
)

func TestMemory(t *testing.T) {
	cloudtest.TestStore(t, func(*testing.T) cloud.Store { return cloudtest.NewMemory() })
}
