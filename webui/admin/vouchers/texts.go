package vouchers

import (
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// statusText is a state in the page's language.
func statusText(q *panel.Request, s hotspot.VoucherStatus) string {
	return q.T("vouchers.status." + statusWord(s))
}

// badge is a voucher's state.
func badge(q *panel.Request, v *hotspot.VoucherView) *parts.BadgeView {
	kind := parts.Plain
	switch v.Status {
	case hotspot.VoucherOnline, hotspot.VoucherActive:
		kind = parts.Good
	case hotspot.VoucherUsedUp, hotspot.VoucherExpired:
		kind = parts.Warning
	case hotspot.VoucherDisabled:
		kind = parts.Bad
	}
	return &parts.BadgeView{Kind: kind, Text: statusText(q, v.Status)}
}

// validText says until when a voucher is good, and from when if that is to come.
func validText(q *panel.Request, v *hotspot.VoucherView, now time.Time) (text, detail string) {
	switch {
	case v.Status == hotspot.VoucherExpired:
		text = q.T("vouchers.valid.ended", "time", q.Lang.Time(v.ExpiresAt, now))
	case !v.ExpiresAt.IsZero():
		text = q.T("vouchers.valid.until", "time", q.Lang.Time(v.ExpiresAt, now))
	case v.ValidFor == hotspot.Always:
		text = q.T("vouchers.valid.always")
	default:
		text = q.T("vouchers.valid.length", "length", q.Lang.Duration(time.Duration(v.ValidFor)))
	}
	if v.ValidFrom.After(now) {
		detail = q.T("vouchers.valid.from", "time", q.Lang.Time(v.ValidFrom, now))
	}
	return text, detail
}

// timeText is a time, or a dash for never.
func timeText(q *panel.Request, t, now time.Time) string {
	if t.IsZero() {
		return q.T("vouchers.never")
	}
	return q.Lang.Time(t, now)
}

// linesView are short texts, one below the other.
type linesView struct{ Texts []string }

// usedLines says what was used, and of how much.
func usedLines(q *panel.Request, key string, used, limit hotspot.Usage, total uint64) *linesView {
	list := []string{usedText(q, key+"down", used.Down, limit.Down), usedText(q, key+"up", used.Up, limit.Up)}
	if total > 0 {
		list = append(list, usedText(q, key+"total", used.Down+used.Up, total))
	}
	return &linesView{list}
}

func usedText(q *panel.Request, key string, used, limit uint64) string {
	text := q.Lang.Bytes(used)
	if used == 0 {
		text = q.Lang.Number(0)
	}
	if limit == 0 {
		return q.T(key, "used", text)
	}
	return q.T(key+".of", "used", text, "limit", q.Lang.Bytes(limit))
}

// devicesText is how many devices have logged in, of how many may.
func devicesText(q *panel.Request, v *hotspot.VoucherView, set *hotspot.Settings) string {
	n := v.Devices
	if n == 0 {
		n = max(set.VoucherDevices, 1)
	}
	return q.T("vouchers.devices.of", "n", len(v.Bound), "most", n)
}

// joined lists some of n names, each kept from turning its surroundings around.
func joined(names []string, n int) string {
	text := "\u2068" + strings.Join(names, "\u2069, \u2068") + "\u2069"
	if n > len(names) {
		text += " …"
	}
	return text
}

// taken are the last parts of addresses that are those of other pages.
var taken = map[string]bool{"new": true, "select": true, "change": true, "undo": true, "export.csv": true, "import": true, "by-id": true, ".": true, "..": true}

// pathOf is the path of a voucher's page: by its username, or by its number if
// that cannot stand in an address.
func pathOf(v hotspot.Voucher) string {
	if taken[v.Username] || strings.ContainsAny(v.Username, "/\\") || strings.TrimSpace(v.Username) == "" {
		return byNumber(v.ID)
	}
	return Path + "/" + v.Username
}

// byNumber is the path of a voucher's page by its number.
func byNumber(id uint64) string { return Path + "/by-id/" + strconv.FormatUint(id, 10) }
