package sheet

import (
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// MaxRow bounds one row of a file, in bytes.
const MaxRow = 32 << 10

// Voucher is one voucher of a file: what an operator decides about it, and
// nothing of its use. What is missing takes the default of a new voucher; of a
// voucher that is updated, it stays as it is.
type Voucher struct {
	Username      *string `json:"username,omitempty"`
	Passcode      *string `json:"passcode,omitempty"`
	FullName      *string `json:"full_name,omitempty"`
	Note          *string `json:"note,omitempty"`
	ValidFor      *string `json:"valid_for,omitempty"`
	ValidFrom     *string `json:"valid_from,omitempty"`
	DownloadLimit *uint64 `json:"download_limit,omitempty"`
	UploadLimit   *uint64 `json:"upload_limit,omitempty"`
	TotalLimit    *uint64 `json:"total_limit,omitempty"` // of both together
	Devices       *int    `json:"devices,omitempty"`
	Disabled      *bool   `json:"disabled,omitempty"`
}

// Of is what an export says of a voucher, with times in a zone.
func Of(v hotspot.Voucher, zone *time.Location) Voucher {
	from, validFor := "", v.ValidFor.String()
	if !v.ValidFrom.IsZero() {
		from = v.ValidFrom.In(zone).Truncate(time.Second).Format(time.RFC3339)
	}
	return Voucher{
		Username: &v.Username, Passcode: &v.Passcode, FullName: &v.FullName, Note: &v.Note,
		ValidFor: &validFor, ValidFrom: &from, DownloadLimit: &v.Limit.Down, UploadLimit: &v.Limit.Up, TotalLimit: &v.LimitTotal,
		Devices: &v.Devices, Disabled: &v.Disabled,
	}
}

// Edit is what a voucher of a file asks for, with times in a zone.
func (v Voucher) Edit(zone *time.Location) (hotspot.VoucherEdit, error) {
	e := hotspot.VoucherEdit{Username: v.Username, Passcode: v.Passcode, FullName: v.FullName, Note: v.Note,
		LimitDown: v.DownloadLimit, LimitUp: v.UploadLimit, LimitTotal: v.TotalLimit, Devices: v.Devices, Disabled: v.Disabled}
	if v.ValidFor != nil && *v.ValidFor != "" {
		length, err := hotspot.ReadValidity(*v.ValidFor)
		if err != nil {
			return e, err
		}
		e.ValidFor = &length
	}
	if v.ValidFrom != nil {
		from, err := hotspot.ReadTime("valid_from", *v.ValidFrom, zone)
		if err != nil {
			return e, err
		}
		e.ValidFrom = &from
	}
	return e, nil
}
