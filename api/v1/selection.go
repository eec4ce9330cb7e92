package v1

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Selection names vouchers by what they are like. What is given must all hold.
type Selection struct {
	All           bool     `json:"all,omitempty" doc:"every voucher; with nothing else"`
	Status        []string `json:"status,omitempty" doc:"any of these"`
	Username      string   `json:"username,omitempty" doc:"without regard to case; * stands for any text"`
	Note          string   `json:"note,omitempty" doc:"without regard to case; * stands for any text"`
	CreatedBefore string   `json:"created_before,omitempty" doc:"2006-01-02 15:04:05 in the venue's zone, or RFC 3339, or so long ago, such as 2 days"`
	CreatedAfter  string   `json:"created_after,omitempty" doc:"the same"`
}

// maxPattern bounds what texts are compared with.
const maxPattern = 1000

// matcher returns what tells whether a voucher is selected; nil: all are.
func (s *server) matcher(sel Selection) (func(*hotspot.VoucherView) bool, error) {
	all := []func(*hotspot.VoucherView) bool{}
	if len(sel.Status) > 0 {
		wanted, err := statusSet(sel.Status)
		if err != nil {
			return nil, err
		}
		all = append(all, func(v *hotspot.VoucherView) bool { return wanted[v.Status] })
	}
	for _, text := range []struct {
		field, pattern string
		of             func(*hotspot.VoucherView) string
	}{
		{"username", sel.Username, func(v *hotspot.VoucherView) string { return v.Username }},
		{"note", sel.Note, func(v *hotspot.VoucherView) string { return v.Note }},
	} {
		if text.pattern == "" {
			continue
		}
		if len(text.pattern) > maxPattern || !utf8.ValidString(text.pattern) {
			return nil, hotspot.Invalid(text.field, "must be valid UTF-8 of at most %d bytes", maxPattern)
		}
		parts := strings.Split(strings.ToLower(text.pattern), "*")
		all = append(all, func(v *hotspot.VoucherView) bool { return like(parts, strings.ToLower(text.of(v))) })
	}
	before, err := s.parseMoment("created_before", sel.CreatedBefore)
	if err != nil {
		return nil, err
	}
	after, err := s.parseMoment("created_after", sel.CreatedAfter)
	if err != nil {
		return nil, err
	}
	if !before.IsZero() || !after.IsZero() {
		all = append(all, func(v *hotspot.VoucherView) bool { return within(v.Created, after, before) })
	}
	if len(all) == 0 {
		return nil, nil
	}
	if sel.All {
		return nil, hotspot.Invalid("all", "goes with no other condition")
	}
	return func(v *hotspot.VoucherView) bool {
		for _, f := range all {
			if !f(v) {
				return false
			}
		}
		return true
	}, nil
}

// within reports whether from ≤ t < until; a zero bound is none.
func within(t, from, until time.Time) bool {
	return (from.IsZero() || !t.Before(from)) && (until.IsZero() || t.Before(until))
}

// voucherStatuses lists every status.
func voucherStatuses() []hotspot.VoucherStatus {
	return []hotspot.VoucherStatus{hotspot.VoucherNew, hotspot.VoucherActive, hotspot.VoucherOnline, hotspot.VoucherUsedUp,
		hotspot.VoucherExpired, hotspot.VoucherPending, hotspot.VoucherDisabled}
}

// statusSet reads statuses; "used-up" is easier to type than "used up".
func statusSet(names []string) (map[hotspot.VoucherStatus]bool, error) {
	wanted := map[hotspot.VoucherStatus]bool{}
	for _, name := range names {
		found := false
		for _, st := range voucherStatuses() {
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(name), "-", " "), string(st)) {
				wanted[st], found = true, true
			}
		}
		if !found {
			return nil, hotspot.Invalid("status", "%q is not one of new, active, online, used-up, expired, pending, disabled", name)
		}
	}
	return wanted, nil
}

// like compares a text with a pattern that was split at its stars.
func like(parts []string, text string) bool {
	first, rest := parts[0], parts[1:]
	if len(rest) == 0 {
		return text == first
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	last := rest[len(rest)-1]
	for _, part := range rest[:len(rest)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, last)
}
