package vouchers

import (
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const day = 24 * time.Hour

// lengths are those that a form offers: the list of all that the API takes
// would be too long to choose from.
var lengths = [...]time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour,
	day, 2 * day, 3 * day, 4 * day, 5 * day, 6 * day, 7 * day, 10 * day, 14 * day, 21 * day, 30 * day, 60 * day, 90 * day, 180 * day, 365 * day}

// lengthOptions are lengths of time to choose from, with one more that is in
// use already, and before all others the text for none.
func lengthOptions(q *panel.Request, also hotspot.Validity, none string) []parts.OptionView {
	options := []parts.OptionView{{Value: "", Text: none}}
	there := also == hotspot.Always
	for _, d := range lengths {
		if !there && time.Duration(also) < d {
			options = append(options, lengthOption(q, also))
			there = true
		}
		there = there || time.Duration(also) == d
		options = append(options, lengthOption(q, hotspot.Validity(d)))
	}
	if !there {
		options = append(options, lengthOption(q, also))
	}
	return options
}

func lengthOption(q *panel.Request, v hotspot.Validity) parts.OptionView {
	return parts.OptionView{Value: v.String(), Text: q.Lang.Duration(time.Duration(v))}
}

// parseAmount reads an amount of data as people type it; empty is 0.
func parseAmount(s string) (uint64, error) {
	return sheet.ParseAmount(hotspot.ASCIIDigits(s))
}

// amountText is an amount as a form has it; none is empty.
func amountText(n uint64) string {
	if n == 0 {
		return ""
	}
	return sheet.FormatAmount(n)
}

// localForm is how a browser writes the value of a field for a time.
const localForm = "2006-01-02T15:04"

// localText is a time as such a field has it.
func localText(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(localForm)
}

// number reads a whole number within bounds; empty is 0.
func number(s string, most int) (n int, ok bool) {
	s = hotspot.ASCIIDigits(s)
	if len(s) > 9 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n <= most
}

// faults are what is wrong with a form, by field.
type faults map[string]string

// fields builds a form's fields: with what was typed, and what was wrong.
type fields struct {
	q      *panel.Request
	value  func(name string) string
	faults faults
}

// field is one of them. Its texts are under vouchers.NAME and
// vouchers.NAME.help.
func (f fields) field(name string) *parts.FieldView {
	v := &parts.FieldView{ID: name, Name: name, Label: f.q.T("vouchers." + name), Value: f.value(name), Error: f.faults[name]}
	if key := "vouchers." + name + ".help"; f.q.Lang.Has(key) {
		v.Help = f.q.T(key)
	}
	return v
}

// typed is field with more decided about it.
func (f fields) typed(name, kind string, most int) *parts.FieldView {
	v := f.field(name)
	v.Type, v.MaxLength = kind, most
	if kind == "number" {
		v.Type, v.InputMode = "", "numeric" // so that digits of any keyboard do
	}
	return v
}

// lines is a field of several lines.
func (f fields) lines(name string, most int) *parts.FieldView {
	v := f.field(name)
	v.Lines, v.MaxLength = 2, most
	return v
}

// refusal puts what the rules refuse at its field.
func (x faults) refusal(q *panel.Request, err error) bool {
	field, text, ok := q.RefusedBy("vouchers", err)
	if !ok {
		return false
	}
	switch field {
	case "fullname":
		field = "full_name"
	case "limit":
		field = "limit_down"
	case "":
		field = "username"
	}
	x[field] = text
	return true
}
