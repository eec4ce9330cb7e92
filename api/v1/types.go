package v1

import (
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Voucher is a voucher as it stands.
type Voucher struct {
	ID            uint64        `json:"id"`
	Username      string        `json:"username"`
	Passcode      string        `json:"passcode" doc:"empty for callers that may only read"`
	FullName      string        `json:"full_name"`
	Note          string        `json:"note" doc:"the operator's own; guests never see it"`
	Status        string        `json:"status" enum:"new,active,online,used up,expired,pending,disabled"`
	Disabled      bool          `json:"disabled"`
	Online        int           `json:"online" doc:"devices on it now" format:"int64"`
	Devices       int           `json:"devices" doc:"how many may share it; 0: the setting voucher.devices" format:"int64"`
	Bound         []hotspot.MAC `json:"bound" nullable:"false" doc:"the devices that have logged in"`
	ValidFor      string        `json:"valid_for" doc:"always, 1 hour … 365 days"`
	ValidFrom     *time.Time    `json:"valid_from"`
	Created       *time.Time    `json:"created"`
	Modified      *time.Time    `json:"modified"`
	FirstUse      *time.Time    `json:"first_use"`
	LastUse       *time.Time    `json:"last_use"`
	ExpiresAt     *time.Time    `json:"expires_at" doc:"null while the time has not begun, and when it never ends"`
	DownloadLimit uint64        `json:"download_limit" doc:"bytes; 0: unlimited"`
	UploadLimit   uint64        `json:"upload_limit" doc:"bytes; 0: unlimited"`
	TotalLimit    uint64        `json:"total_limit" doc:"bytes of both directions together; 0: unlimited"`
	DownloadUsed  uint64        `json:"download_used" doc:"bytes"`
	UploadUsed    uint64        `json:"upload_used" doc:"bytes"`
}

// NewVouchers says what vouchers to make.
type NewVouchers struct {
	_ [0]func() // never compared

	Count         int    `json:"count,omitempty" minimum:"0" maximum:"5000" doc:"how many; 0 or missing: 1. All are made in one transaction, or none" format:"int64"`
	Username      string `json:"username,omitempty" doc:"missing: random; only for a single voucher"`
	Prefix        string `json:"prefix,omitempty" doc:"what random usernames begin with"`
	Passcode      string `json:"passcode,omitempty" doc:"missing: random"`
	FullName      string `json:"full_name,omitempty" doc:"missing: a random readable name"`
	Note          string `json:"note,omitempty"`
	ValidFor      string `json:"valid_for,omitempty" doc:"missing: the setting voucher.valid_for"`
	ValidFrom     string `json:"valid_from,omitempty" doc:"2006-01-02 15:04:05 in the venue's zone, or RFC 3339; missing: at once"`
	DownloadLimit uint64 `json:"download_limit,omitempty" doc:"bytes; missing: unlimited"`
	UploadLimit   uint64 `json:"upload_limit,omitempty" doc:"bytes; missing: unlimited"`
	TotalLimit    uint64 `json:"total_limit,omitempty" doc:"bytes of both directions together, alone or beside the other limits; missing: unlimited"`
	Devices       int    `json:"devices,omitempty" minimum:"0" doc:"missing: the setting voucher.devices" format:"int64"`
}

// MaxBatch is the largest number of vouchers made by one request.
const MaxBatch = 5000

// VoucherEdit changes what is not null. Guests who are online feel it at once.
type VoucherEdit struct {
	Username      *string `json:"username,omitempty"`
	Passcode      *string `json:"passcode,omitempty"`
	FullName      *string `json:"full_name,omitempty"`
	Note          *string `json:"note,omitempty"`
	ValidFor      *string `json:"valid_for,omitempty"`
	ValidFrom     *string `json:"valid_from,omitempty" doc:"empty: at once"`
	DownloadLimit *uint64 `json:"download_limit,omitempty" doc:"bytes; 0: unlimited"`
	UploadLimit   *uint64 `json:"upload_limit,omitempty" doc:"bytes; 0: unlimited"`
	TotalLimit    *uint64 `json:"total_limit,omitempty" doc:"bytes of both directions together; 0: unlimited"`
	TopUpDownload uint64  `json:"top_up_download,omitempty" doc:"bytes added to the limit; an unlimited direction stays so"`
	TopUpUpload   uint64  `json:"top_up_upload,omitempty" doc:"bytes added to the limit; an unlimited direction stays so"`
	TopUpTotal    uint64  `json:"top_up_total,omitempty" doc:"bytes added to the limit of both directions together, if there is one"`
	Extend        string  `json:"extend,omitempty" doc:"1 hour … 365 days, or such as 90m: added to the validity. One that is over ends so long from now; one that never ends stays so"`
	Devices       *int    `json:"devices,omitempty" minimum:"0" doc:"0: the setting voucher.devices" format:"int64"`
	Disabled      *bool   `json:"disabled,omitempty"`
	Unbind        bool    `json:"unbind,omitempty" doc:"forget the devices, so that others may use the voucher"`
	Reset         bool    `json:"reset,omitempty" doc:"forget what was used: bytes, and the begin of the validity"`
}

// Guest is a device that is let in now.
type Guest struct {
	MAC           hotspot.MAC `json:"mac"`
	Addresses     []string    `json:"addresses" nullable:"false"`
	Name          string      `json:"name" doc:"as the device calls itself"`
	Login         string      `json:"login" doc:"voucher, e-mail address, number …"`
	FullName      string      `json:"full_name" doc:"of the voucher, or of the person"`
	Method        string      `json:"method"`
	Since         *time.Time  `json:"since"`
	Uptime        int64       `json:"uptime" doc:"seconds"`
	Idle          int64       `json:"idle" doc:"seconds since the last byte"`
	DownloadUsed  uint64      `json:"download_used" doc:"bytes of this session"`
	UploadUsed    uint64      `json:"upload_used" doc:"bytes of this session"`
	DownloadRate  uint64      `json:"download_rate" doc:"bytes per second, smoothed"`
	UploadRate    uint64      `json:"upload_rate" doc:"the same"`
	DownloadLeft  *uint64     `json:"download_left" doc:"bytes left of the account; null: unlimited"`
	UploadLeft    *uint64     `json:"upload_left" doc:"bytes left of the account; null: unlimited"`
	TotalLeft     *uint64     `json:"total_left" doc:"bytes left of the limit of both directions together; null: unlimited"`
	Ends          *time.Time  `json:"ends" doc:"when the session must end; null: never"`
	EndsBecauseOf string      `json:"ends_because_of" doc:"empty without an end"`
}

// Host is a device seen on the guest network, let in or not.
type Host struct {
	MAC       hotspot.MAC `json:"mac"`
	Addresses []string    `json:"addresses" nullable:"false"`
	Name      string      `json:"name" doc:"as the device calls itself"`
	Age       int64       `json:"age" doc:"seconds since it was first seen"`
	Idle      int64       `json:"idle" doc:"seconds since it was last heard of"`
	Online    bool        `json:"online" doc:"let in"`
	Login     string      `json:"login" doc:"of the guest, if let in"`
}

// Setting is one setting with its description.
type Setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default string `json:"default"`
	Kind    string `json:"kind" doc:"what values it takes"`
	Doc     string `json:"doc" doc:"what it does"`
	Secret  bool   `json:"secret" doc:"the value is shown only to those who may change it"`
}

// Status tells how the daemon fares.
type Status struct {
	Version string `json:"version"`
	// Running is false when the command line opened a stopped daemon's store.
	Running       bool       `json:"running" doc:"false: read from the store of a daemon that is stopped"`
	Backend       string     `json:"backend" doc:"what decides about packets; empty while stopped"`
	Uptime        int64      `json:"uptime" doc:"seconds since the daemon started"`
	Time          *time.Time `json:"time" doc:"the house's time"`
	Zone          string     `json:"zone" doc:"the venue's time zone"`
	ClockBelieved bool       `json:"clock_believed" doc:"false: the clock may be wrong, so no voucher's time is judged yet"`
	GuestsOnline  int        `json:"guests_online" format:"int64"`
	Vouchers      *uint64    `json:"vouchers" doc:"how many there are; null: not counted"`
	Run           int        `json:"run" doc:"counts up when a restore starts the daemon's parts anew; 0 while stopped" format:"int64"`
	Certificate   string     `json:"certificate,omitempty" doc:"SHA-256 fingerprint of the certificate for HTTPS on the LAN; empty: HTTPS is not served"`
	RestoreError  string     `json:"restore_error,omitempty" doc:"why the restore that began this run did not succeed; what was stored before is still there"`
	Notices       []string   `json:"notices" nullable:"false" doc:"what the operator should know, such as a store restored from a snapshot"`
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T `json:"items" nullable:"false"`
	// Next is the cursor of the following page; empty on the last one.
	Next string `json:"next" doc:"cursor of the following page; empty on the last one"`
}

// List is a whole list.
type List[T any] struct {
	Items []T `json:"items" nullable:"false"`
}
