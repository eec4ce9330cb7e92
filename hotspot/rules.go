package hotspot

import (
	"slices"
	"time"
)

// moment is the time at which a rule is judged.
type moment struct {
	now      time.Time
	believed bool // the clock can be believed
}

// begin starts the validity if it does not run yet.
func (v *Voucher) begin(m moment, s Settings) {
	if !v.Started.IsZero() {
		return
	}
	v.Started, v.Provisional = m.now, !m.believed
	if start := v.startRule(s); !start.IsZero() {
		v.Started, v.Provisional = start, false
	}
}

// startRule is when the validity begins whether anybody logs in or not; zero
// if the first login begins it.
func (v *Voucher) startRule(s Settings) time.Time {
	switch {
	case !s.VoucherFromStart:
		return time.Time{}
	case v.ValidFrom.IsZero():
		return v.Created
	}
	return v.ValidFrom
}

// expiry is the end of the validity under the settings, if it has one yet.
func (v *Voucher) expiry(s Settings) (time.Time, bool) {
	start := v.Started
	if start.IsZero() {
		start = v.startRule(s)
	}
	if start.IsZero() || v.ValidFor == Always {
		return time.Time{}, false
	}
	return start.Add(time.Duration(v.ValidFor)), true
}

// refuse says why a voucher lets nobody in now, or nil.
func (v *Voucher) refuse(m moment, s Settings) *Error {
	if v.Disabled {
		return &Error{Code: CodeDisabled, Text: "this voucher has been disabled"}
	}
	// Before the clock is believed nobody is kept out for being early.
	if m.believed && m.now.Before(v.ValidFrom) {
		return &Error{Code: CodeNotYetValid, Text: "this voucher is not valid yet", When: v.ValidFrom}
	}
	if end, ok := v.expiry(s); ok && !m.now.Before(end) {
		return &Error{Code: CodeTimeUsed, Text: "this voucher's time is used up", When: end}
	}
	return v.Allowance.refuseUsed()
}

// refuseUsed says which quota is used up, or nil.
func (a Allowance) refuseUsed() *Error {
	switch d := a.Exhausted(); {
	case d.Has(Total):
		return &Error{Code: CodeDataUsed, Text: "the data limit is used up"}
	case d.Has(Down):
		return &Error{Code: CodeDownloadUsed, Text: "the download limit is used up"}
	case d.Has(Up):
		return &Error{Code: CodeUploadUsed, Text: "the upload limit is used up"}
	}
	return nil
}

// devices is how many devices may share the voucher.
func (v Voucher) devices(s Settings) int {
	if v.Devices > 0 {
		return v.Devices
	}
	return max(s.VoucherDevices, 1)
}

// bind makes room for a device. Those whose place it takes are returned.
func (v *Voucher) bind(m MAC, s Settings) (out []MAC, err *Error) {
	if slices.Contains(v.Bound, m) {
		return nil, nil
	}
	n := v.devices(s)
	if len(v.Bound) >= n {
		if !s.VoucherTakeover {
			return nil, &Error{Code: CodeOtherDevice, Text: "this voucher is in use on another device"}
		}
		cut := len(v.Bound) - n + 1
		out = slices.Clone(v.Bound[:cut])
		v.Bound = slices.Clone(v.Bound[cut:])
	}
	v.Bound = append(slices.Clone(v.Bound), m)
	return out, nil
}

// renew begins a new period of free access if the last one is over and the
// next may begin; otherwise it says when it may.
func (u *User) renew(m moment, s Settings) *Error {
	u.ValidFor = u.freeFor(s)
	next := u.Started.Add(s.FreeEvery)
	over := u.refuseUsed()
	if end, ok := u.Expires(); ok && !m.now.Before(end) {
		over = &Error{Code: CodeTimeUsed, Text: "your free time is used up"}
	}
	switch {
	case u.Started.IsZero() || (over != nil || s.FreeEvery > 0 && !u.extended()) && !m.now.Before(next):
		u.ExtraTime, u.Extra = 0, Usage{}
		u.Allowance = Allowance{ValidFor: Validity(s.FreeFor), Limit: s.FreeLimit, Started: m.now, Provisional: !m.believed}
		return nil
	case over != nil:
		over.When = next
		return over
	}
	u.setLimit(topUp(s.FreeLimit, u.Extra), 0)
	return nil
}

// deadline is when a session must end by itself, and why; zero if never.
func (x Session) deadline(a Allowance) (time.Time, Reason) {
	end, ok := a.Expires()
	why := EndExpired
	if x.Timeout > 0 {
		if t := x.Started.Add(x.Timeout); !ok || t.Before(end) {
			end, ok, why = t, true, EndTimeout
		}
	}
	if !ok {
		return time.Time{}, ""
	}
	return end, why
}
