// Package login holds the login methods: each turns what a guest sends into a
// claim, which the rules of package hotspot then accept or refuse.
package login

import (
	"context"
	"net/url"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Method is one way to log in.
type Method interface {
	// Name is the method's name in settings, logs and the API.
	Name() hotspot.Method
	// Enabled reports whether the operator offers the method.
	Enabled(s hotspot.Settings) bool
	// Claim decides about a form that a device sent. A refusal is a
	// [hotspot.Error] whose code says why.
	Claim(ctx context.Context, h hotspot.Host, form url.Values) (hotspot.Claim, error)
}

// Methods are all methods that there are, in the order in which a login page
// shows them by itself. Each also asks what the operator asks of every guest.
// Wrong attempts are counted by l.
func Methods(v Vouchers, l *Limiter) []Method {
	all := []Method{NewVoucher(v, l), NewEmail(v, l), NewFree(v)}
	for i, m := range all {
		all[i] = &door{m, v, l}
	}
	return all
}

// errOff refuses a method that is switched off.
var errOff = &hotspot.Error{Code: hotspot.CodeMethodOff, Text: "this way to log in is not offered here"}

// Settings gives the settings in force.
type Settings interface{ Settings() hotspot.Settings }
