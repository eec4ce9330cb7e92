package hotspot

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"time"
)

// What events carry. docs/webhooks.md shows each; members may be added, none
// changes its meaning. Bytes and seconds are whole numbers, times RFC 3339 in
// UTC. A passcode is in none of them.

type sessionEvent struct {
	Session   uint64       `json:"session"`
	Login     string       `json:"login"`
	Method    Method       `json:"method"`
	Voucher   uint64       `json:"voucher,omitzero"`
	MAC       MAC          `json:"mac"`
	Addresses []netip.Addr `json:"addresses"`
	Started   *time.Time   `json:"started"`
	Ends      *time.Time   `json:"ends,omitempty"`
	Ended     *time.Time   `json:"ended,omitempty"`
	Reason    Reason       `json:"reason,omitempty"`
	Seconds   *int64       `json:"seconds,omitempty"`
	Download  *uint64      `json:"download_used,omitempty"`
	Upload    *uint64      `json:"upload_used,omitempty"`
}

func sessionData(x *Session) *sessionEvent {
	d := &sessionEvent{Session: x.ID, Login: x.Login, Method: x.Account.Method, MAC: x.MAC,
		Addresses: append([]netip.Addr{}, x.Addrs...), Started: utc(x.Started)}
	if x.Account.Method == MethodVoucher {
		d.Voucher = x.Account.ID
	}
	if x.Open() {
		d.Ends = utc(x.Deadline)
		return d
	}
	seconds := int64(x.Ended.Sub(x.Started) / time.Second)
	d.Ended, d.Reason, d.Seconds, d.Download, d.Upload = utc(x.Ended), x.Reason, &seconds, &x.Used.Down, &x.Used.Up
	return d
}

type voucherEvent struct {
	ID       uint64     `json:"id"`
	Username string     `json:"username"`
	ValidFor string     `json:"valid_for"`
	From     *time.Time `json:"valid_from"`
	Devices  int        `json:"devices"`
	LimitDn  uint64     `json:"download_limit"`
	LimitUp  uint64     `json:"upload_limit"`
	Total    uint64     `json:"total_limit"`
}

type createdEvent struct {
	Count    int            `json:"count"`
	Vouchers []voucherEvent `json:"vouchers"` // the first of them
}

// maxListed bounds the vouchers that one event lists, so that its body stays
// below 20 kB whatever the usernames are.
const maxListed = 25

//go:noinline // it takes much code where it is called
func voucherData(v *Voucher) voucherEvent {
	return voucherEvent{ID: v.ID, Username: v.Username, ValidFor: v.ValidFor.String(), From: utc(v.ValidFrom),
		Devices: v.Devices, LimitDn: v.Limit.Down, LimitUp: v.Limit.Up, Total: v.LimitTotal}
}

func createdData(first []Voucher, count int) *createdEvent {
	d := &createdEvent{Count: count}
	for i := range first {
		d.Vouchers = append(d.Vouchers, voucherData(&first[i]))
	}
	return d
}

type exhaustedEvent struct {
	voucherEvent
	Reason   Reason     `json:"reason"`
	Started  *time.Time `json:"started"`
	Expires  *time.Time `json:"expires"`
	Download uint64     `json:"download_used"`
	Upload   uint64     `json:"upload_used"`
}

func exhaustedData(v *Voucher, why Reason) *exhaustedEvent {
	end, _ := v.Expires()
	return &exhaustedEvent{voucherData(v), why, utc(v.Started), utc(end), v.Used.Down, v.Used.Up}
}

type seenEvent struct {
	MAC       MAC          `json:"mac"`
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
	First     bool         `json:"first"`
	Last      *time.Time   `json:"last_seen"` // before; null: never
}

// utc is a time as events have it; the zero time is null.
//
//go:noinline // it takes much code where it is called
func utc(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func encodeData(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
