package system

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// group is a part of the page.
type group struct {
	name string
	keys []string // in the order of the page
}

// groups are the settings of the page, in its order. Others have pages of their
// own.
func groups() []group {
	return []group{
		{"session", []string{"session.idle_timeout", "session.timeout"}},
		{"voucher", []string{"voucher.valid_for", "voucher.validity_from", "voucher.devices", "voucher.takeover", "voucher.return"}},
		{"free", []string{"free.duration", "free.every", "free.download_limit", "free.upload_limit", "free.return"}},
		{"records", []string{"log.keep_days", "log.keep_rows", "audit.keep_days", "audit.keep_rows"}},
		{"webhook", []string{"webhook.device_away", "webhook.local"}},
	}
}

// ours are the settings of the page, by key.
func ours() map[string]hotspot.SettingKey {
	all := map[string]hotspot.SettingKey{}
	for _, k := range hotspot.SettingKeys() {
		for _, g := range groups() {
			if slices.Contains(g.keys, k.Key) {
				all[k.Key] = k
			}
		}
	}
	return all
}

// Fields of the form beside those that are called as the settings.
const (
	fieldWas   = "was:"  // what the page showed: others may have changed it meanwhile
	fieldUnit  = "unit:" // of a duration
	fieldReset = "reset"
)

func (a *area) settingsPage(q *panel.Request) { a.showSettings(q, http.StatusOK, nil, nil) }

// showSettings shows the form with what was typed, if it was refused.
func (a *area) showSettings(q *panel.Request, status int, typed url.Values, refused map[string]string) {
	set := a.Service.Settings()
	var blocks []webui.Block
	if len(refused) > 0 {
		blocks = append(blocks, notice(parts.NoticeView{Kind: parts.Bad, Text: q.T("system.settings.refused")}))
	}
	writes := q.May(panel.Writes(api.ScopeSettings))
	known := ours()
	var cards []webui.Block
	for _, g := range groups() {
		v := parts.CardView{ID: g.name, Title: q.T("system.group." + g.name), Texts: []string{q.T("system.group." + g.name + ".text")}}
		var rows []webui.Block
		var plain []parts.FactView
		for _, key := range g.keys {
			k, ok := known[key]
			if !ok {
				continue
			}
			r := a.row(q, k, set.Value(k.Key), typed, refused)
			rows = append(rows, r.StreamRow)
			plain = append(plain, parts.FactView{Name: r.Label, Text: inWords(q.Lang, k, set.Value(k.Key)), Detail: r.Default})
		}
		if v.StreamContent = facts(plain...); writes {
			v.StreamContent = func(w *quicktemplate.Writer) { streamsettings(w, together(rows...)) }
		}
		cards = append(cards, card(v))
	}
	if !writes {
		show(q, status, pathSettings, append(blocks, cards...)...)
		return
	}
	show(q, status, pathSettings, append(blocks, form(parts.FormView{To: q.To(pathSettings), Token: q.Token(),
		Submit: parts.ButtonView{Text: q.T("system.save")}, StreamFields: together(cards...)}))...)
}

// settingRow is a setting in the form.
type settingRow struct {
	parts.FieldView
	Was      string // field of what the page shows
	WasValue string
	Suffix   string             // unit, if it is always the same
	Unit     string             // field of the unit, if it can be chosen
	Units    []parts.OptionView // of a duration
	UnitOf   string             // the one that is chosen
	UnitText string             // label of that
	Default  string
	Reset    *parts.ButtonView // nil: it is at its default
}

// row makes the row of a setting.
func (a *area) row(q *panel.Request, k hotspot.SettingKey, value string, typed url.Values, refused map[string]string) *settingRow {
	l := q.Lang
	id := strings.ReplaceAll(k.Key, ".", "-")
	r := &settingRow{Was: fieldWas + k.Key, WasValue: value, Default: q.T("system.default", "value", inWords(l, k, k.Default)),
		FieldView: parts.FieldView{ID: id, Name: k.Key, Label: l.T("system.set." + k.Key), Help: l.T("system.set." + k.Key + ".help"),
			Value: value, Error: refused[k.Key]}}
	if value != k.Default {
		r.Reset = &parts.ButtonView{Text: q.T("system.reset"), Second: true, Name: fieldReset, Value: k.Key}
	}
	switch kind := kindOf(k); kind {
	case kindFlag:
		r.Checkbox, r.Checked, r.Value = true, value == "on", "on"
	case kindChoice:
		for _, v := range strings.Split(k.Kind, "|") {
			r.Options = append(r.Options, parts.OptionView{Value: v, Text: inWords(l, k, v)})
		}
	case kindValidity:
		for _, v := range hotspot.Validities() {
			r.Options = append(r.Options, parts.OptionView{Value: v.String(), Text: inWords(l, k, v.String())})
		}
	case kindDuration:
		r.Type, r.InputMode = "text", "numeric"
		r.Value, r.UnitOf = split(value)
		r.Unit, r.UnitText = fieldUnit+k.Key, l.T("system.unit.of", "name", r.Label)
		for _, u := range units() {
			r.Units = append(r.Units, parts.OptionView{Value: u.name, Text: l.T("system.unit." + u.name)})
		}
	case kindText:
	default:
		r.InputMode = "numeric"
		if kind != kindNumber {
			r.Suffix = l.T("system.unit." + string(kind))
		}
	}
	if typed != nil {
		r.Checked = typed.Has(k.Key)
		if !r.Checkbox {
			r.Value = typed.Get(k.Key)
		}
		if u := typed.Get(fieldUnit + k.Key); unitLen(u) > 0 {
			r.UnitOf = u
		}
		r.WasValue = typed.Get(r.Was)
	}
	return r
}

// kind is how a setting's value is typed.
type kind string

const (
	kindFlag     kind = "flag"
	kindChoice   kind = "choice"
	kindValidity kind = "validity"
	kindDuration kind = "duration"
	kindNumber   kind = "number"
	kindDays     kind = "days"
	kindMB       kind = "MB"
	kindText     kind = "text"
)

func kindOf(k hotspot.SettingKey) kind {
	switch {
	case k.Kind == "on|off":
		return kindFlag
	case strings.Contains(k.Kind, "|"):
		return kindChoice
	case strings.Contains(k.Kind, "–"):
		return kindNumber
	case k.Kind == "validity", k.Kind == "duration", k.Kind == "days", k.Kind == "MB":
		return kind(k.Kind)
	}
	return kindText
}

// unit is one of those that durations are typed in.
type unit struct {
	name string
	len  time.Duration
}

// units are in order of length.
func units() []unit {
	return []unit{{"seconds", time.Second}, {"minutes", time.Minute}, {"hours", time.Hour}, {"days", 24 * time.Hour}}
}

func unitLen(name string) time.Duration {
	for _, u := range units() {
		if u.name == name {
			return u.len
		}
	}
	return 0
}

// split writes a duration as a number and the longest unit that goes into it.
// Nothing goes into none, which is written in minutes.
func split(value string) (number, name string) {
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return strings.TrimSuffix(value, "s"), "minutes"
	}
	all := units()
	for i := len(all) - 1; i >= 0; i-- {
		if u := all[i]; d%u.len == 0 {
			return strconv.FormatInt(int64(d/u.len), 10), u.name
		}
	}
	return value, "seconds"
}

// join writes a number with its unit as a duration. What is none stays as it
// is: the rules refuse it.
func join(number, name string) string {
	n, err := strconv.ParseUint(number, 10, 24)
	if err != nil || unitLen(name) == 0 {
		return number
	}
	return (time.Duration(n) * unitLen(name)).String() // below 2^24 days
}

// inWords writes a setting's value in a language.
func inWords(l *webui.Language, k hotspot.SettingKey, value string) string {
	zero := func() string {
		if key := "system.zero." + k.Key; l.Has(key) {
			return l.T(key)
		}
		return "0"
	}
	switch kind := kindOf(k); kind {
	case kindFlag:
		return l.T("system.value." + value)
	case kindChoice:
		return l.T("system.value." + k.Key + "." + value)
	case kindValidity:
		v, err := hotspot.ParseValidity(value)
		if err != nil || v == hotspot.Always {
			return l.T("system.value.always")
		}
		return l.Duration(time.Duration(v))
	case kindDuration:
		d, err := time.ParseDuration(value)
		switch {
		case err != nil || d == 0:
			return zero()
		case d%time.Minute == 0:
			return l.Duration(d)
		}
		return l.T("system.number_unit", "n", d.Round(time.Second)/time.Second, "unit", l.T("system.unit.seconds"))
	case kindText:
		return value
	default:
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case err != nil || n == 0:
			return zero()
		case kind == kindDays:
			return l.N("duration.day", n)
		case kind == kindMB:
			return l.T("system.number_unit", "n", n, "unit", l.T("system.unit.MB"))
		}
		return l.Number(n)
	}
}

// typedSettings reads the form: the settings that somebody has changed since
// they were shown.
func typedSettings(form url.Values) map[string]string {
	values := map[string]string{}
	for key, k := range ours() {
		if !form.Has(fieldWas + key) {
			continue
		}
		value := form.Get(key)
		switch kindOf(k) {
		case kindFlag:
			if value = "off"; form.Get(key) == "on" {
				value = "on"
			}
		case kindDuration:
			value = join(value, form.Get(fieldUnit+key))
			if d, err := time.ParseDuration(value); err == nil {
				if was, err := time.ParseDuration(form.Get(fieldWas + key)); err == nil && was == d {
					continue
				}
			}
		}
		if value != form.Get(fieldWas+key) {
			values[key] = value
		}
	}
	return values
}

// saveSettings stores what was changed, all of it or nothing.
func (a *area) saveSettings(q *panel.Request) {
	values := typedSettings(q.Form)
	said := "system.settings.saved"
	if key := q.Form.Get(fieldReset); key != "" {
		k, ok := ours()[key]
		if !ok {
			q.Fail(hotspot.ErrNotFound)
			return
		}
		values, said = map[string]string{key: k.Default}, "system.settings.reset"
	}
	if len(values) == 0 {
		tell(q, parts.Plain, "system.settings.same", pathSettings)
		return
	}
	if err := a.Service.SetSettings(q.Context(), values); err != nil {
		refused := refusals(q, err)
		if len(refused) == 0 {
			q.Fail(err)
			return
		}
		a.showSettings(q, http.StatusUnprocessableEntity, q.Form, refused)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T(said, "name", q.T("system.set."+q.Form.Get(fieldReset)), "n", len(values))})
	q.Go(q.To(pathSettings))
}

// refusals are the texts for the settings that were refused; none: something
// else went wrong.
func refusals(q *panel.Request, err error) map[string]string {
	all := map[string]string{}
	known := ours()
	for _, e := range each(err) {
		var bad *hotspot.Error
		if !errors.As(e, &bad) || bad.Code != hotspot.CodeInvalid {
			return nil
		}
		k, ok := known[bad.Field]
		if !ok {
			return nil
		}
		text := bad.Text
		switch kind := kindOf(k); kind {
		case kindNumber:
			least, most, _ := strings.Cut(k.Kind, "–")
			text = q.T("system.refused.range", "least", count(q, least), "most", count(q, most))
		case kindText:
		default:
			text = q.T("system.refused." + string(kind))
		}
		all[bad.Field] = text
	}
	return all
}

func count(q *panel.Request, digits string) string {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return digits
	}
	return q.Lang.Number(n)
}

// each takes joined errors apart.
func each(err error) []error {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		return many.Unwrap()
	}
	return []error{err}
}
