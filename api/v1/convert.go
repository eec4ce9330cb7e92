package v1

import (
	"context"
	"net/netip"
	"time"

	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// when gives a time as JSON has it: null instead of the zero time.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// in is when, in a zone and to the second.
func in(zone *time.Location, t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return when(t.In(zone).Truncate(time.Second))
}

// voucherFor is a voucher as a caller may see it: with the passcode, somebody who
// may only look could use it.
func (s *server) voucherFor(ctx context.Context, v hotspot.VoucherView) Voucher {
	out := voucherOf(v, s.Service.Zone())
	if surface.PrincipalOf(ctx).ReadOnly {
		out.Passcode = ""
	}
	return out
}

func voucherOf(v hotspot.VoucherView, zone *time.Location) Voucher {
	out := Voucher{
		ID: v.ID, Username: v.Username, Passcode: v.Passcode, FullName: v.FullName, Note: v.Note,
		Status: string(v.Status), Disabled: v.Disabled, Online: v.Online,
		Devices: v.Devices, Bound: v.Bound, ValidFor: v.ValidFor.String(),
		ValidFrom: in(zone, v.ValidFrom), Created: in(zone, v.Created), Modified: in(zone, v.Modified),
		FirstUse: in(zone, v.FirstUse), LastUse: in(zone, v.LastUse), ExpiresAt: in(zone, v.ExpiresAt),
		DownloadLimit: v.Limit.Down, UploadLimit: v.Limit.Up, TotalLimit: v.LimitTotal,
		DownloadUsed: v.Used.Down, UploadUsed: v.Used.Up,
	}
	if out.Bound == nil {
		out.Bound = []hotspot.MAC{}
	}
	return out
}

func guestOf(g hotspot.Guest, zone *time.Location) Guest {
	return Guest{
		MAC: g.MAC, Addresses: texts(g.Addrs), Name: g.Name,
		Login: g.Login, FullName: g.FullName, Method: string(g.Account.Method), Since: in(zone, g.Started),
		Uptime: seconds(g.Uptime), Idle: seconds(g.Idle),
		DownloadUsed: g.Used.Down, UploadUsed: g.Used.Up,
		DownloadRate: g.Rate.Down, UploadRate: g.Rate.Up,
		DownloadLeft: left(g.Allowance, hotspot.Down), UploadLeft: left(g.Allowance, hotspot.Up), TotalLeft: left(g.Allowance, hotspot.Total),
		Ends: in(zone, g.Deadline), EndsBecauseOf: string(g.DeadlineReason),
	}
}

func hostOf(h hotspot.GuestHost) Host {
	out := Host{
		MAC: h.MAC, Addresses: texts(h.Addrs), Name: h.Name,
		Age: seconds(h.Age), Idle: seconds(h.Idle), Online: h.Guest != nil,
	}
	if h.Guest != nil {
		out.Login = h.Guest.Login
	}
	return out
}

func texts(addrs []netip.Addr) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func left(a hotspot.Allowance, d hotspot.Direction) *uint64 {
	if n, limited := a.Left(d); limited {
		return &n
	}
	return nil
}

// parseMoment reads a time, or how long ago it was.
func (s *server) parseMoment(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := hotspot.ReadTime(field, text, s.Service.Zone())
	if err == nil {
		return t, nil
	}
	ago, e := time.ParseDuration(text)
	if e != nil {
		var v hotspot.Validity
		v, e = hotspot.ReadValidity(text)
		ago = time.Duration(v)
	}
	if e != nil || ago <= 0 {
		return time.Time{}, hotspot.Invalid(field, "%q is neither a time such as \"2026-01-31 18:00\" nor so long ago, such as \"2 days\" or \"90m\"", text)
	}
	now, _ := s.Service.Now()
	return now.Add(-ago), nil
}
