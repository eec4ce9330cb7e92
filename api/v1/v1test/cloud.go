package v1test

import (
	"context"
	"sync"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Cloud is an api.CloudEndpoint without a relay. Every code is taken but "WRONG".
type Cloud struct {
	mu sync.Mutex
	st api.CloudStatus
}

// Status implements api.CloudEndpoint.
func (c *Cloud) Status() api.CloudStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.st
	if st.Phase = "off"; st.On {
		st.Phase = "up"
	}
	return st
}

// Enrol implements api.CloudEndpoint.
func (c *Cloud) Enrol(_ context.Context, n api.NewEnrolment) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.st.Enrolled:
		return &hotspot.Error{Code: hotspot.CodeNameTaken, Text: "this router is enrolled already"}
	case n.Code == "WRONG":
		return hotspot.Invalid("code", "the claim code is wrong")
	}
	c.st = api.CloudStatus{Enrolled: true, On: true, Domain: n.Domain, Host: "2b080b3af6." + n.Domain}
	return nil
}

// change changes what is enrolled.
func (c *Cloud) change(f func(*api.CloudStatus)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.st.Enrolled {
		return &hotspot.Error{Code: hotspot.CodeNotFound, Text: "this router is not enrolled at a cloud"}
	}
	f(&c.st)
	return nil
}

// Switch implements api.CloudEndpoint.
func (c *Cloud) Switch(_ context.Context, on bool) error {
	return c.change(func(st *api.CloudStatus) { st.On = on })
}

// Rotate implements api.CloudEndpoint.
func (c *Cloud) Rotate(context.Context) error {
	return c.change(func(st *api.CloudStatus) { st.Host = "0123456789." + st.Domain })
}

// Leave implements api.CloudEndpoint.
func (c *Cloud) Leave(context.Context) (told bool, err error) {
	return true, c.change(func(st *api.CloudStatus) { *st = api.CloudStatus{} })
}
