package hotspot

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// change appends a change if there is one.
func change(list []Change, field, old, is string) []Change {
	if old == is {
		return list
	}
	return append(list, Change{field, old, is})
}

// diff tells what differs between two states of a voucher. A passcode opens the
// network, so neither is told.
func (v Voucher) diff(is Voucher) (list []Change) {
	list = change(list, "username", v.Username, is.Username)
	if v.Passcode != is.Passcode {
		list = append(list, Change{Field: "passcode"})
	}
	list = change(list, "fullname", v.FullName, is.FullName)
	list = change(list, "note", v.Note, is.Note)
	list = change(list, "valid_for", v.ValidFor.String(), is.ValidFor.String())
	list = change(list, "valid_from", auditTime(v.ValidFrom), auditTime(is.ValidFrom))
	list = change(list, "download_limit", auditBytes(v.Limit.Down), auditBytes(is.Limit.Down))
	list = change(list, "upload_limit", auditBytes(v.Limit.Up), auditBytes(is.Limit.Up))
	list = change(list, "total_limit", auditBytes(v.LimitTotal), auditBytes(is.LimitTotal))
	list = change(list, "devices", strconv.Itoa(v.Devices), strconv.Itoa(is.Devices))
	list = change(list, "disabled", strconv.FormatBool(v.Disabled), strconv.FormatBool(is.Disabled))
	return change(list, "bound", joinMACs(v.Bound), joinMACs(is.Bound))
}

// auditTime writes a time of the audit log; zero is "".
func auditTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// auditBytes writes a limit.
func auditBytes(n uint64) string {
	if n == 0 {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10) + " bytes"
}

func joinMACs(list []MAC) string {
	var b strings.Builder
	for i, m := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(m.String())
	}
	return b.String()
}

// wish tells what an edit of many vouchers asks for. What each was before would
// fill the log.
func (e VoucherEdit) wish() (list []Change) {
	text := func(field string, v *string) {
		if v != nil {
			list = append(list, Change{field, "", *v})
		}
	}
	text("username", e.Username)
	if e.Passcode != nil {
		list = append(list, Change{Field: "passcode"})
	}
	text("fullname", e.FullName)
	text("note", e.Note)
	if e.ValidFor != nil {
		list = append(list, Change{"valid_for", "", e.ValidFor.String()})
	}
	if e.Extend > 0 {
		list = append(list, Change{"valid_for", "", Validity(e.Extend).String() + " more"})
	}
	if e.ValidFrom != nil {
		list = append(list, Change{"valid_from", "", auditTime(*e.ValidFrom)})
	}
	bytes := func(field string, v *uint64, form string) {
		if v != nil {
			list = append(list, Change{field, "", fmt.Sprintf(form, auditBytes(*v))})
		}
	}
	if e.Limit != nil {
		bytes("download_limit", &e.Limit.Down, "%s")
		bytes("upload_limit", &e.Limit.Up, "%s")
	}
	bytes("download_limit", e.LimitDown, "%s")
	bytes("upload_limit", e.LimitUp, "%s")
	bytes("total_limit", e.LimitTotal, "%s")
	if e.TopUp != nil {
		bytes("download_limit", &e.TopUp.Down, "%s more")
		bytes("upload_limit", &e.TopUp.Up, "%s more")
	}
	if e.TopUpTotal > 0 {
		bytes("total_limit", &e.TopUpTotal, "%s more")
	}
	if e.Devices != nil {
		list = append(list, Change{"devices", "", strconv.Itoa(*e.Devices)})
	}
	if e.Disabled != nil {
		list = append(list, Change{"disabled", "", strconv.FormatBool(*e.Disabled)})
	}
	if e.Unbind {
		list = append(list, Change{"bound", "", "nobody"})
	}
	return list
}

// namedVouchers is how many vouchers one row names.
const namedVouchers = 10

// auditVouchers stores a row about vouchers: one is the subject itself, of
// several some are named. Nothing is stored about none.
func (s *Service) auditVouchers(ctx context.Context, tx Tx, m moment, action Action, names []string, n int, changes []Change) error {
	switch n {
	case 0:
		return nil
	case 1:
		row := s.audit(ctx, m, action, names[0], changes...)
		return tx.PutAudit(&row)
	}
	list := strings.Join(names, " ")
	if n > len(names) {
		list += fmt.Sprintf(" and %d more", n-len(names))
	}
	row := s.audit(ctx, m, action, fmt.Sprintf("%d vouchers", n), append([]Change{{"usernames", "", list}}, changes...)...)
	return tx.PutAudit(&row)
}

// firstNames are the usernames that a row shows.
func firstNames(vs []Voucher) []string {
	names := make([]string, 0, namedVouchers)
	for _, v := range vs[:min(len(vs), namedVouchers)] {
		names = append(names, v.Username)
	}
	return names
}

// auditCreated stores a row about vouchers that were made.
func (s *Service) auditCreated(ctx context.Context, tx Tx, m moment, made []Voucher) error {
	var changes []Change
	if len(made) == 1 {
		v := made[0]
		v.Username, v.Passcode = "", "" // the subject, and a secret
		none := Voucher{}
		none.ValidFor = v.ValidFor
		changes = append([]Change{{"valid_for", "", v.ValidFor.String()}}, none.diff(v)...)
	}
	return s.auditVouchers(ctx, tx, m, AuditVoucherCreated, firstNames(made), len(made), changes)
}

// auditEdited stores a row about vouchers that were edited. was are the states
// before, in the same order. An edit that changed nothing is not recorded.
func (s *Service) auditEdited(ctx context.Context, tx Tx, m moment, was, is []Voucher, e VoucherEdit) error {
	changes := e.wish()
	if len(is) == 1 {
		changes = was[0].diff(is[0])
	}
	if e.Reset {
		changes = append(changes, Change{"used", "", "forgotten"})
	}
	if len(changes) == 0 {
		return nil
	}
	return s.auditVouchers(ctx, tx, m, AuditVoucherEdited, firstNames(was), len(is), changes)
}
