package store

import (
	"net/netip"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The numbers of fields, methods and reasons below are in files on routers:
// never change one, never use one again.

// methodNumber writes a method as one byte instead of its text. A method
// that is not here is written as text.
func methodNumber(m hotspot.Method) uint64 {
	switch m {
	case hotspot.MethodVoucher:
		return 1
	case hotspot.MethodFree:
		return 2
	case hotspot.MethodEmail:
		return 3
	case hotspot.MethodMobile:
		return 4
	case hotspot.MethodFacebook:
		return 5
	}
	return 0
}

func methodOf(n uint64) hotspot.Method {
	return pick(n, hotspot.MethodVoucher, hotspot.MethodFree, hotspot.MethodEmail, hotspot.MethodMobile, hotspot.MethodFacebook)
}

// reasons are numbered from 1; a reason that is not here is written as text.
func reasons() [13]hotspot.Reason {
	return [...]hotspot.Reason{
		hotspot.EndLogout, hotspot.EndIdle, hotspot.EndTimeout, hotspot.EndExpired, hotspot.EndDownload,
		hotspot.EndUpload, hotspot.EndKicked, hotspot.EndRemoved, hotspot.EndDisabled, hotspot.EndReplaced,
		hotspot.EndNotYetValid, hotspot.EndBlocked, hotspot.EndData,
	}
}

func pick[T any](n uint64, from ...T) T {
	var none T
	if n == 0 || n > uint64(len(from)) {
		return none
	}
	return from[n-1]
}

// account writes an account in three fields: number or text of the method, id.
func (e *encoder) account(field int, a hotspot.AccountID) {
	if n := methodNumber(a.Method); n != 0 {
		e.varint(field, n)
	} else {
		e.string(field+1, string(a.Method))
	}
	e.uint(field+2, a.ID)
}

func (d *decoder) account(field int, a *hotspot.AccountID) {
	switch d.field - field {
	case 0:
		a.Method = methodOf(d.num)
	case 1:
		a.Method = hotspot.Method(d.text)
	case 2:
		a.ID = d.num
	}
}

// reason writes a reason in one of two fields: its number or its text.
func (e *encoder) reason(field int, r hotspot.Reason) {
	for i, known := range reasons() {
		if r == known {
			e.varint(field, uint64(i+1))
			return
		}
	}
	e.string(field+1, string(r))
}

func (d *decoder) reason(field int) hotspot.Reason {
	if d.field == field {
		known := reasons()
		return pick(d.num, known[:]...)
	}
	return hotspot.Reason(d.text)
}

func (d *decoder) mac() (m hotspot.MAC) {
	if len(d.text) != len(m) {
		d.err = errRecord
		return m
	}
	copy(m[:], d.text)
	return m
}

func (e *encoder) mac(field int, m hotspot.MAC) {
	if !m.IsZero() {
		e.bytes(field, m[:])
	}
}

// Fields of an allowance, the same in every record that has one. Started
// counts from the record's Created.
const (
	fValidFor = iota + 32 // and 33
	_
	fLimitDown
	fLimitUp
	fUsedDown
	fUsedUp
	fSpent
	fAllowanceStarted
	fAllowanceProvisional
	fLimitTotal
)

func (e *encoder) allowance(created time.Time, a *hotspot.Allowance) {
	e.span(fValidFor, time.Duration(a.ValidFor))
	e.uint(fLimitDown, a.Limit.Down)
	e.uint(fLimitUp, a.Limit.Up)
	e.uint(fUsedDown, a.Used.Down)
	e.uint(fUsedUp, a.Used.Up)
	e.uint(fSpent, uint64(a.Spent))
	e.time(fAllowanceStarted, created, a.Started)
	e.bool(fAllowanceProvisional, a.Provisional)
	e.uint(fLimitTotal, a.LimitTotal)
}

func (d *decoder) allowance(created time.Time, a *hotspot.Allowance) {
	switch d.field {
	case fValidFor:
		a.ValidFor = hotspot.Validity(time.Duration(d.int()) * time.Second)
	case fValidFor + 1:
		a.ValidFor = hotspot.Validity(d.int())
	case fLimitDown:
		a.Limit.Down = d.num
	case fLimitUp:
		a.Limit.Up = d.num
	case fUsedDown:
		a.Used.Down = d.num
	case fUsedUp:
		a.Used.Up = d.num
	case fSpent:
		a.Spent = hotspot.Direction(d.byte())
	case fAllowanceStarted:
		a.Started = d.time(created)
	case fAllowanceProvisional:
		a.Provisional = d.bool()
	case fLimitTotal:
		a.LimitTotal = d.num
	}
}

func encodeVoucher(v *hotspot.Voucher) []byte {
	e := encoder{make([]byte, 0, 128)}
	e.string(1, v.Username)
	e.string(2, v.Passcode)
	e.string(3, v.FullName)
	e.string(4, v.Note)
	e.time(5, time.Time{}, v.Created)
	e.time(6, v.Created, v.Modified)
	e.time(7, v.Created, v.FirstUse)
	e.time(8, v.Created, v.LastUse)
	e.time(9, v.Created, v.ValidFrom)
	e.bool(10, v.Disabled)
	e.int(11, int64(v.Devices))
	if len(v.Bound) > 0 {
		macs := make([]byte, 0, 6*len(v.Bound))
		for _, m := range v.Bound {
			macs = append(macs, m[:]...)
		}
		e.bytes(12, macs)
	}
	e.allowance(v.Created, &v.Allowance)
	return e.b
}

func decodeVoucher(id uint64, body string, v *hotspot.Voucher) error {
	d := decoder{rest: body}
	*v = hotspot.Voucher{ID: id}
	for d.next() {
		switch d.field {
		case 1:
			v.Username = d.text
		case 2:
			v.Passcode = d.text
		case 3:
			v.FullName = d.text
		case 4:
			v.Note = d.text
		case 5:
			v.Created = d.time(time.Time{})
		case 6:
			v.Modified = d.time(v.Created)
		case 7:
			v.FirstUse = d.time(v.Created)
		case 8:
			v.LastUse = d.time(v.Created)
		case 9:
			v.ValidFrom = d.time(v.Created)
		case 10:
			v.Disabled = d.bool()
		case 11:
			v.Devices = d.smallInt()
		case 12:
			v.Bound = d.macs()
		default:
			d.allowance(v.Created, &v.Allowance)
		}
	}
	return d.err
}

// voucherUsername reads only a voucher's username, which is its first field.
func voucherUsername(body string) (string, error) {
	d := decoder{rest: body}
	if d.next() && d.field == 1 {
		return d.text, d.err
	}
	return "", d.err
}

func (d *decoder) macs() []hotspot.MAC {
	const size = len(hotspot.MAC{})
	if len(d.text)%size != 0 || d.text == "" {
		d.err = errRecord
		return nil
	}
	macs := make([]hotspot.MAC, len(d.text)/size)
	for i := range macs {
		copy(macs[i][:], d.text[i*size:])
	}
	return macs
}

func encodeUser(u *hotspot.User) []byte {
	e := encoder{make([]byte, 0, 128)}
	e.string(1, u.Key)
	e.string(2, u.Name)
	e.string(3, u.Email)
	e.string(4, u.Comments[0])
	e.string(5, u.Comments[1])
	e.string(6, u.Comments[2])
	e.time(7, time.Time{}, u.Created)
	e.time(8, u.Created, u.Modified)
	e.time(9, u.Created, u.LastLogin)
	e.mac(10, u.MAC)
	e.uint(11, u.Visits)
	e.bool(12, u.Marketing)
	e.bool(13, u.Verified)
	e.span(14, u.ExtraTime) // to 15
	e.uint(16, u.Extra.Down)
	e.uint(17, u.Extra.Up)
	e.allowance(u.Created, &u.Allowance)
	return e.b
}

func decodeUser(m hotspot.Method, id uint64, body string, u *hotspot.User) error {
	d := decoder{rest: body}
	*u = hotspot.User{ID: id, Method: m}
	for d.next() {
		switch d.field {
		case 1:
			u.Key = d.text
		case 2:
			u.Name = d.text
		case 3:
			u.Email = d.text
		case 4, 5, 6:
			u.Comments[d.field-4] = d.text
		case 7:
			u.Created = d.time(time.Time{})
		case 8:
			u.Modified = d.time(u.Created)
		case 9:
			u.LastLogin = d.time(u.Created)
		case 10:
			u.MAC = d.mac()
		case 11:
			u.Visits = d.num
		case 12:
			u.Marketing = d.bool()
		case 13:
			u.Verified = d.bool()
		case 14:
			u.ExtraTime = time.Duration(d.int()) * time.Second
		case 15:
			u.ExtraTime = time.Duration(d.int())
		case 16:
			u.Extra.Down = d.num
		case 17:
			u.Extra.Up = d.num
		default:
			d.allowance(u.Created, &u.Allowance)
		}
	}
	return d.err
}

// Fields of a session. Ended is the first, so that pruning needs to look no
// further; the times after it count from it or, while it is open, from 1970.
func encodeSession(s *hotspot.Session) []byte {
	e := encoder{make([]byte, 0, 96)}
	e.time(1, time.Time{}, s.Ended)
	e.account(2, s.Account) // to 4
	e.string(5, s.Login)
	e.mac(6, s.MAC)
	for _, a := range s.Addrs {
		b, _ := a.MarshalBinary() // never fails
		e.b = append(e.b, 7<<1|wireBytes, byte(len(b)))
		e.b = append(e.b, b...)
	}
	e.time(8, s.Ended, s.Started)
	e.reason(9, s.Reason) // to 10
	e.uint(11, s.Used.Down)
	e.uint(12, s.Used.Up)
	e.time(13, s.Started, s.Deadline)
	e.reason(14, s.DeadlineReason) // to 15
	e.bool(16, s.Provisional)
	e.span(17, s.Timeout) // to 18
	return e.b
}

func decodeSession(id uint64, body string, s *hotspot.Session) error {
	d := decoder{rest: body}
	*s = hotspot.Session{ID: id}
	for d.next() {
		switch d.field {
		case 1:
			s.Ended = d.time(time.Time{})
		case 2, 3, 4:
			d.account(2, &s.Account)
		case 5:
			s.Login = d.text
		case 6:
			s.MAC = d.mac()
		case 7:
			s.Addrs = append(s.Addrs, d.addr())
		case 8:
			s.Started = d.time(s.Ended)
		case 9, 10:
			s.Reason = d.reason(9)
		case 11:
			s.Used.Down = d.num
		case 12:
			s.Used.Up = d.num
		case 13:
			s.Deadline = d.time(s.Started)
		case 14, 15:
			s.DeadlineReason = d.reason(14)
		case 16:
			s.Provisional = d.bool()
		case 17:
			s.Timeout = time.Duration(d.int()) * time.Second
		case 18:
			s.Timeout = time.Duration(d.int())
		}
	}
	return d.err
}

// sessionEnd reads only when a session ended; zero: it is open.
func sessionEnd(body string) (time.Time, error) {
	d := decoder{rest: body}
	if d.next() && d.field == 1 {
		return d.time(time.Time{}), d.err
	}
	return time.Time{}, d.err
}

// maxZone bounds an IPv6 zone: an interface's name.
const maxZone = 64

func (d *decoder) addr() (a netip.Addr) {
	if len(d.text) > 16+maxZone || a.UnmarshalBinary([]byte(d.text)) != nil {
		d.err = errRecord
	}
	return a
}

func encodeDevice(v *hotspot.Device) []byte {
	e := encoder{make([]byte, 0, 48)}
	e.account(1, v.Account) // to 3
	e.string(4, v.Login)
	e.bool(5, v.Returning)
	e.time(6, time.Time{}, v.LastEnd)
	e.reason(7, v.LastReason) // to 8
	return e.b
}

func decodeDevice(m hotspot.MAC, body string, v *hotspot.Device) error {
	d := decoder{rest: body}
	*v = hotspot.Device{MAC: m}
	for d.next() {
		switch d.field {
		case 1, 2, 3:
			d.account(1, &v.Account)
		case 4:
			v.Login = d.text
		case 5:
			v.Returning = d.bool()
		case 6:
			v.LastEnd = d.time(time.Time{})
		case 7, 8:
			v.LastReason = d.reason(7)
		}
	}
	return d.err
}

func encodeClockMark(m *hotspot.ClockMark) []byte {
	var e encoder
	e.time(1, time.Time{}, m.Time)
	e.time(2, m.Time, m.Wall)
	e.int(3, int64(m.Mono))
	e.string(4, m.Boot)
	e.bool(5, m.Believed)
	return e.b
}

func decodeClockMark(body string, m *hotspot.ClockMark) error {
	d := decoder{rest: body}
	*m = hotspot.ClockMark{}
	for d.next() {
		switch d.field {
		case 1:
			m.Time = d.time(time.Time{})
		case 2:
			m.Wall = d.time(m.Time)
		case 3:
			m.Mono = time.Duration(d.int())
		case 4:
			m.Boot = strings.Clone(d.text)
		case 5:
			m.Believed = d.bool()
		}
	}
	return d.err
}

// encodeText is the form of settings, secrets and numbers in meta.
func encodeText[T string | []byte](s T) []byte {
	var e encoder
	e.bytes(1, []byte(s))
	return e.b
}

func decodeText(body string) (string, error) {
	d := decoder{rest: body}
	text := ""
	for d.next() {
		if d.field == 1 {
			text = d.text
		}
	}
	return text, d.err
}

func encodeNumber(n uint64) []byte {
	var e encoder
	e.uint(1, n)
	return e.b
}

func decodeNumber(body string) (uint64, error) {
	d := decoder{rest: body}
	var n uint64
	for d.next() {
		if d.field == 1 {
			n = d.num
		}
	}
	return n, d.err
}
