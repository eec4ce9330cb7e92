package login

import (
	"context"
	"net/url"
	"unicode/utf8"

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
	if !m.Enabled(m.settings.Settings()) {
		return hotspot.Claim{}, errOff
	}
	mac := h.MAC.String()
	return hotspot.Claim{Method: hotspot.MethodFree, Login: mac,
		User: hotspot.User{Method: hotspot.MethodFree, Key: mac, Comments: comments(form)}}, nil
}

// comments are the operator's three own fields, as the API names them.
func comments(form url.Values) (c [3]string) {
	for i, name := range [...]string{"comments", "comments1", "comments2"} {
		if v := clean(form.Get(name)); utf8.RuneCountInString(v) <= 64 {
			c[i] = v
		}
	}
	return c
}
