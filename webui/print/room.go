package print

import (
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Extra is a part of a voucher that guests can do without.
type Extra string

// The extras, the one first that is least missed.
const (
	ExtraName     Extra = "name"
	ExtraDevices  Extra = "devices"
	ExtraAddress  Extra = "address"
	ExtraLogo     Extra = "logo"
	ExtraPassword Extra = "wifi_password" // in letters, beside the QR code
	ExtraLimits   Extra = "limits"
)

// NewFitting is [New] for a sheet whose vouchers may be too small for all that
// they shall show: it leaves out as many extras as it must, and tells which. The
// error is that of the whole sheet.
func NewFitting(s Sheet) (*Job, []Extra, error) {
	j, err := New(s)
	if err == nil || hotspot.CodeOf(err) != hotspot.CodeInvalid {
		return j, nil, err
	}
	had, n := s.extras(), 0
	for n < len(had) {
		if n++; s.without(had[:n]) != nil {
			break
		}
	}
	left := slices.Clone(had[:n])
	if j = s.without(left); j == nil {
		return nil, nil, err
	}
	// One that was left out early may have room now.
	for i := len(left) - 2; i >= 0; i-- {
		fewer := slices.Delete(slices.Clone(left), i, i+1)
		if more := s.without(fewer); more != nil {
			j, left = more, fewer
		}
	}
	return j, left, nil
}

// without plans a sheet that leaves extras out; nil: there is no room.
func (s Sheet) without(left []Extra) *Job {
	for _, e := range left {
		s.leaveOut(e)
	}
	j, err := New(s)
	if err != nil {
		return nil
	}
	return j
}

// extras are those that a sheet shows.
func (s *Sheet) extras() (all []Extra) {
	show := &s.Show
	for _, x := range []struct {
		e    Extra
		have bool
	}{
		{ExtraName, show.FullName}, {ExtraDevices, show.Devices}, {ExtraAddress, show.Address}, {ExtraLogo, s.Logo != nil},
		{ExtraPassword, show.WiFiPassword && show.WiFiCode && s.WiFi.Password != ""}, {ExtraLimits, show.Limits},
	} {
		if x.have {
			all = append(all, x.e)
		}
	}
	return all
}

// leaveOut takes an extra out of a sheet.
func (s *Sheet) leaveOut(e Extra) {
	switch e {
	case ExtraName:
		s.Show.FullName = false
	case ExtraDevices:
		s.Show.Devices = false
	case ExtraAddress:
		s.Show.Address = false
	case ExtraLogo:
		s.Logo = nil
	case ExtraPassword:
		s.Show.WiFiPassword = false
	case ExtraLimits:
		s.Show.Limits = false
	}
}
