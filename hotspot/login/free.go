package login

import (
	"context"
	"net/url"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Free is the login by a click. The person is the device.
type Free struct {
	settings Settings
}

// NewFree returns the click-through method.
func NewFree(s Settings) *Free { return &Free{s} }

// Name implements [Method].
func (*Free) Name() hotspot.Method { return hotspot.MethodFree }

// Enabled implements [Method].
func (*Free) Enabled(s hotspot.Settings) bool { return s.LoginFree }

// Claim implements [Method].
func (m *Free) Claim(_ context.Context, h hotspot.Host, form url.Values) (hotspot.Claim, error) {
	s := m.settings.Settings()
	if !m.Enabled(s) {
		return hotspot.Claim{}, errOff
	}
	comments, err := answers(s, form)
	if err != nil {
		return hotspot.Claim{}, err
	}
	mac := h.MAC.String()
	return hotspot.Claim{Method: hotspot.MethodFree, Login: mac,
		User: hotspot.User{Method: hotspot.MethodFree, Key: mac, Comments: comments}}, nil
}
