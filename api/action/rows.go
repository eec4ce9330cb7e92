package action

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// row appends JSON objects, member by member in the order of the calls, to a
// buffer that is used again and again.
type row struct {
	b     []byte
	zone  *time.Location
	empty bool // no member yet
}

func (r *row) begin() { r.b, r.empty = append(r.b, '{'), true }
func (r *row) end()   { r.b = append(r.b, '}') }

func (r *row) name(n string) {
	if !r.empty {
		r.b = append(r.b, ',')
	}
	r.empty = false
	r.b = append(r.b, '"')
	r.b = append(r.b, n...) // all names are ours and need no escape
	r.b = append(r.b, '"', ':')
}

func (r *row) text(n, v string) {
	r.name(n)
	r.b = api.AppendString(r.b, v)
}

// textOrNull writes an empty text as null.
func (r *row) textOrNull(n, v string) {
	if v == "" {
		r.name(n)
		r.b = append(r.b, "null"...)
		return
	}
	r.text(n, v)
}

func (r *row) number(n string, v uint64) {
	r.name(n)
	r.b = strconv.AppendUint(r.b, v, 10)
}

// digits writes a number as text, as the live rows have it.
func (r *row) digits(n string, v uint64) { r.text(n, strconv.FormatUint(v, 10)) }

// flag writes a truth value as 0 or 1.
func (r *row) flag(n string, v bool) {
	var u uint64
	if v {
		u = 1
	}
	r.number(n, u)
}

// time writes null for a time that has not come.
func (r *row) time(n string, t time.Time) {
	if t.IsZero() {
		r.textOrNull(n, "")
		return
	}
	r.text(n, t.In(r.zone).Format(timeLayout))
}

// mac writes null for an address that is not known.
func (r *row) mac(n string, m hotspot.MAC) {
	if m.IsZero() {
		r.textOrNull(n, "")
		return
	}
	r.text(n, m.String())
}

func (r *row) duration(n string, d time.Duration) { r.text(n, formatDuration(d)) }

func voucherRow(r *row, v *hotspot.VoucherView) {
	r.number("id", v.ID)
	r.text("username", v.Username)
	r.text("password", v.Passcode)
	r.text("fullname", v.FullName)
	r.time("created_at", v.Created)
	r.time("last_modified", v.Modified)
	r.time("first_login", v.FirstUse)
	r.time("last_login", v.LastUse)
	r.text("valid_for", v.ValidFor.String())
	r.time("valid_from", validFrom(v.Voucher))
	r.mac("MAC", v.MAC())
	r.number("download_limit", megabytes(v.Limit.Down))
	r.number("upload_limit", megabytes(v.Limit.Up))
	r.number("download_used", v.Used.Down)
	r.number("upload_used", v.Used.Up)
	r.time("expires_at", v.ExpiresAt)
	r.text("status", string(v.Status))
}

func emailRow(r *row, u *hotspot.User) {
	r.number("id", u.ID)
	r.text("email", u.Key)
	visits(r, u)
	comments(r, u)
	r.time("last_modified", u.Modified)
	r.flag("marketing", u.Marketing)
	r.flag("verified", u.Verified)
}

func facebookRow(r *row, u *hotspot.User) {
	r.number("id", u.ID)
	r.text("fb_id", u.Key)
	r.text("name", u.Name)
	r.text("email", u.Email)
	visits(r, u)
	r.time("last_modified", u.Modified)
	r.flag("marketing", u.Marketing)
}

func mobileRow(r *row, u *hotspot.User) {
	r.number("id", u.ID)
	r.text("mobile", u.Key)
	visits(r, u)
	comments(r, u)
	r.time("last_modified", u.Modified)
	r.flag("marketing", u.Marketing)
	r.flag("verified", u.Verified)
}

func freeRow(r *row, u *hotspot.User) {
	r.number("id", u.ID)
	visits(r, u)
	comments(r, u)
	r.time("last_modified", u.Modified)
	r.flag("marketing", u.Marketing)
}

// visits writes the members that every kind of user has in this order.
func visits(r *row, u *hotspot.User) {
	r.time("created_at", u.Created)
	r.time("last_login", u.LastLogin)
	r.mac("MAC", u.MAC)
	r.number("visits", u.Visits)
}

func comments(r *row, u *hotspot.User) {
	r.text("comments", u.Comments[0])
	r.text("comments1", u.Comments[1])
	r.text("comments2", u.Comments[2])
}

func loginRow(r *row, s *hotspot.Session) {
	r.number("id", s.ID)
	r.text("login", s.Login)
	r.text("type", string(s.Account.Method))
	r.mac("MAC", s.MAC)
	r.textOrNull("address", address(s.Addr()))
	r.time("login_at", s.Started)
	r.time("logout_at", s.Ended)
	r.textOrNull("reason", string(s.Reason))
	r.number("bytes_out", s.Used.Down)
	r.number("bytes_in", s.Used.Up)
}

func guestRow(r *row, g *hotspot.Guest) {
	r.text("logins", g.Login)
	r.text("address", address(g.Session.Addr()))
	r.text("mac-address", g.Session.MAC.String())
	r.duration("uptime", g.Uptime)
	r.duration("idle-time", g.Idle)
	r.digits("bytes-out", g.Session.Used.Down)
	r.digits("bytes-in", g.Session.Used.Up)
}

// hostRow shows a device. One that is let in has its guest's idle time and
// bytes; to-address is the address that the outside is reached with, and the
// same here, since guests are not given another one.
func hostRow(r *row, h *hotspot.GuestHost) {
	var addr netip.Addr
	if len(h.Addrs) > 0 {
		addr = h.Addrs[0]
	}
	up, idle, used := h.Age, h.Idle, hotspot.Usage{}
	authorized := "false"
	if g := h.Guest; g != nil {
		authorized = "true"
		up, idle, used = max(up, g.Uptime), g.Idle, g.Session.Used
		if !addr.IsValid() {
			addr = g.Session.Addr()
		}
	}
	r.text("mac-address", h.MAC.String())
	r.text("address", address(addr))
	r.text("to-address", address(addr))
	r.text("host-name", h.Name)
	r.text("authorized", authorized)
	r.duration("uptime", up)
	r.duration("idle-time", idle)
	r.digits("bytes-out", used.Down)
	r.digits("bytes-in", used.Up)
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}

// formatDuration spells a duration as 1w2d3h04m05s: leading units that are
// zero are left out, and minutes and seconds after a larger unit have two
// digits.
func formatDuration(d time.Duration) string {
	s := uint64(max(d, 0) / time.Second)
	units := [...]struct {
		letter  byte
		seconds uint64
		padded  bool
	}{{'w', 7 * 24 * 3600, false}, {'d', 24 * 3600, false}, {'h', 3600, false}, {'m', 60, true}, {'s', 1, true}}
	var b []byte
	for _, u := range units {
		n := s / u.seconds
		s %= u.seconds
		if n == 0 && len(b) == 0 && u.letter != 's' {
			continue
		}
		if u.padded && n < 10 && len(b) > 0 {
			b = append(b, '0')
		}
		b = strconv.AppendUint(b, n, 10)
		b = append(b, u.letter)
	}
	return string(b)
}
