package hotspot

import (
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"time"
)

// What an export of a person holds, in this order: who, when, where; users,
// devices, vouchers; then the logins, as events have them.

type exportedUser struct {
	ID        uint64     `json:"id"`
	Method    Method     `json:"method"`
	Key       string     `json:"key"`
	Name      string     `json:"name"`
	Email     string     `json:"email"`
	Comments  [3]string  `json:"comments"`
	MAC       MAC        `json:"mac"`
	Visits    uint64     `json:"visits"`
	Marketing bool       `json:"marketing"`
	Verified  bool       `json:"verified"`
	Created   *time.Time `json:"created"`
	Modified  *time.Time `json:"last_modified"`
	LastLogin *time.Time `json:"last_login"`
	Began     *time.Time `json:"allowance_began"`
	Download  uint64     `json:"download_used"`
	Upload    uint64     `json:"upload_used"`
}

type exportedDevice struct {
	MAC       MAC          `json:"mac"`
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
	Login     string       `json:"last_login_as"`
	LastEnd   *time.Time   `json:"last_session_ended"`
	Reason    Reason       `json:"last_session_ended_by"`
	Seen      *time.Time   `json:"last_seen"`
	Blocked   *time.Time   `json:"blocked_since"`
	Note      string       `json:"blocked_note"`
}

type exportedVoucher struct {
	voucherEvent
	FullName string     `json:"full_name"`
	Note     string     `json:"note"`
	FirstUse *time.Time `json:"first_login"`
	LastUse  *time.Time `json:"last_login"`
	Bound    []MAC      `json:"devices_bound"`
}

// ExportPerson writes all that is known of somebody as one JSON object. The
// logins are written as they are read.
func (s *Service) ExportPerson(ctx context.Context, w Who, out io.Writer) error {
	t, err := s.trace(ctx, w)
	if err != nil {
		return err
	}
	p, err := s.person(ctx, w, t)
	if err != nil {
		return err
	}
	now := s.moment().now
	e := exporter{out: out}
	e.field("{\n", "venue", s.Settings().VenueName)
	e.field(",\n", "written", utc(now))
	e.field(",\n", "asked_for", w.String())
	e.list("users", len(p.Users), func(i int) any { return exportUser(&p.Users[i]) })
	e.list("devices", len(p.Devices), func(i int) any { return exportDevice(&p.Devices[i]) })
	e.list("vouchers", len(p.Vouchers), func(i int) any { return exportVoucher(&p.Vouchers[i], t) })
	e.raw(",\n\"logins\": [")
	before, first := "\n", true
	q := LoginQuery{Match: func(x *Session) bool { return t.owns(x.Account, x.MAC) }, Limit: MaxFind / 4}
	for e.err == nil && (first || q.Before > 0) {
		page, err := s.FindLogins(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Logins {
			e.value(before, sessionData(&page.Logins[i].Session))
			before = ",\n"
		}
		q.Before, first = page.Next, false
	}
	e.raw("\n]\n}\n")
	return e.err
}

func exportUser(u *User) *exportedUser {
	return &exportedUser{u.ID, u.Method, u.Key, u.Name, u.Email, u.Comments, u.MAC, u.Visits, u.Marketing, u.Verified,
		utc(u.Created), utc(u.Modified), utc(u.LastLogin), utc(u.Started), u.Used.Down, u.Used.Up}
}

func exportDevice(d *PersonDevice) *exportedDevice {
	return &exportedDevice{d.MAC, d.Name, append([]netip.Addr{}, d.Addrs...), d.Login, utc(d.LastEnd), d.LastReason, utc(d.Seen), utc(d.Blocked), d.Note}
}

// exportVoucher leaves out the devices of others, and the passcode.
func exportVoucher(v *Voucher, t *traces) *exportedVoucher {
	x := &exportedVoucher{voucherData(v), v.FullName, v.Note, utc(v.FirstUse), utc(v.LastUse), []MAC{}}
	for _, m := range v.Bound {
		if t.macs[m] {
			x.Bound = append(x.Bound, m)
		}
	}
	return x
}

// exporter writes JSON piece by piece, up to the first error.
type exporter struct {
	out io.Writer
	err error
}

func (e *exporter) raw(s string) {
	if e.err == nil {
		_, e.err = io.WriteString(e.out, s)
	}
}

func (e *exporter) value(before string, v any) {
	b, err := json.Marshal(v)
	if err != nil && e.err == nil {
		e.err = err
	}
	e.raw(before)
	e.raw(string(b))
}

func (e *exporter) field(before, name string, v any) {
	e.raw(before + `"` + name + `": `)
	e.value("", v)
}

func (e *exporter) list(name string, n int, at func(int) any) {
	e.raw(",\n\"" + name + "\": [")
	before := "\n"
	for i := range n {
		e.value(before, at(i))
		before = ",\n"
	}
	e.raw("\n]")
}
