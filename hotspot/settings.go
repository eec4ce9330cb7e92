package hotspot

import "time"

// Settings are what an operator changes while the router runs. The keys of
// `settings get|set` are in settingKeys.
type Settings struct {
	APIPost bool // api.post
	APIGet  bool // api.get

	VenueName   string // venue.name
	PortalTitle string // portal.title
	PortalText  string // portal.text
	PortalTerms string // portal.terms; guests agree by logging in

	LoginVoucher bool // login.voucher
	LoginFree    bool // login.free

	VoucherValidFor  Validity // voucher.valid_for, preset of new vouchers
	VoucherFromStart bool     // voucher.validity_from = valid_from instead of first_login
	VoucherDevices   int      // voucher.devices, at once, for vouchers without their own number
	VoucherTakeover  bool     // voucher.takeover: the newest device takes the oldest one's place
	VoucherReturn    bool     // voucher.return: known devices are let in without the form

	SessionIdle time.Duration // session.idle_timeout; 0 = none
	SessionMax  time.Duration // session.timeout; 0 = none

	FreeFor    time.Duration // free.duration, of one period
	FreeEvery  time.Duration // free.every: a new period may begin this long after the last began
	FreeLimit  Usage         // free.download_limit, free.upload_limit (MB)
	FreeReturn bool          // free.return: known devices are let in without the form

	LogAge  time.Duration // log.keep_days
	LogRows int           // log.keep_rows
}
