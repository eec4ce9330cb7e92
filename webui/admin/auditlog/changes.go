package auditlog

import (
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// changeView is what a field was and is.
type changeView struct {
	Field, Old, New string
	Hidden          bool // it is a secret
}

// changesView is what was changed.
type changesView struct {
	Arrow  string
	Secret string // instead of what is hidden
	Rows   []changeView
}

func changesOf(q *panel.Request, changes []hotspot.Change) *changesView {
	v := &changesView{Arrow: q.T("auditlog.arrow"), Secret: q.T("auditlog.secret")}
	for _, c := range changes {
		v.Rows = append(v.Rows, changeView{fieldName(q.Lang, c.Field), told(q, c.Field, c.Old), told(q, c.Field, c.New), c.Old == "" && c.New == ""})
	}
	return v
}

// fieldName is what a field is called: settings as on the pages where they are
// made, if there are such pages.
func fieldName(l *webui.Language, field string) string {
	for _, area := range []string{"auditlog.field.", "system.set.", "loginpage.", "people.period.", "printing.field."} {
		key := area + field
		if area == "printing.field." {
			key = area + strings.TrimPrefix(field, "print.")
		}
		if l.Has(key) {
			return l.T(key)
		}
	}
	return field
}

// subject is what was changed, and how the log's file has it if that differs.
func subject(q *panel.Request, r *hotspot.AuditRow) (text, detail string) {
	switch r.Action {
	case hotspot.AuditSettingChanged:
		if text = fieldName(q.Lang, r.Subject); text != r.Subject {
			detail = r.Subject
		}
		return text, detail
	case hotspot.AuditPersonErased, hotspot.AuditSupportMade:
		return textOr(q, "auditlog.subject."+strings.ReplaceAll(r.Subject, " ", "_"), r.Subject), ""
	}
	if number, ok := strings.CutSuffix(r.Subject, " vouchers"); ok {
		if n, err := strconv.Atoi(number); err == nil {
			return q.Lang.N("auditlog.vouchers", int64(n)), ""
		}
	}
	return r.Subject, ""
}

// told is a value as people read it; the file has it as it was stored.
func told(q *panel.Request, field, value string) string {
	if less, ok := strings.CutSuffix(value, " more"); ok {
		if text := told(q, field, less); text != less {
			return q.T("auditlog.more", "value", text)
		}
	}
	if text, ok := amount(q, field, value); ok {
		return text
	}
	// Words of the log's own, where no other text can stand.
	switch field {
	case "role":
		return textOr(q, "auditlog.role."+value, value)
	case "disabled", "enabled", "on", "bound", "used", "valid_for", "download_limit", "upload_limit", "total_limit", "expires":
		return textOr(q, "auditlog.value."+value, value)
	}
	if strings.Contains(field, ".") && (value == "on" || value == "off") { // a setting
		return q.T("auditlog.value." + value)
	}
	return value
}

// amount writes what is counted.
func amount(q *panel.Request, field, value string) (text string, ok bool) {
	switch field {
	case "download_limit", "upload_limit", "total_limit":
		digits, _ := strings.CutSuffix(value, " bytes")
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return q.Lang.Bytes(n), true
		}
	case "valid_from", "expires":
		if t, err := time.Parse(time.RFC3339, value); err == nil {
			return q.Lang.Time(t.In(q.Now().Location()), q.Now()), true
		}
	case "valid_for", "voucher.valid_for":
		if v, err := hotspot.ParseValidity(value); err == nil && v != hotspot.Always {
			return q.Lang.Duration(time.Duration(v)), true
		}
	case "time":
		if d, err := time.ParseDuration(value); err == nil {
			return q.Lang.Duration(d), true
		}
	}
	return "", false
}
