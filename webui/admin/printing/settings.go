package printing

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// settingsView is the page of the settings.
type settingsView struct {
	Notice *parts.NoticeView
	Sheet  *sheetView
	Form   parts.FormView
	Groups []groupView
	Try    parts.ButtonView // shows what it would look like
	Logo   logoView
}

// groupView is fields that belong together.
type groupView struct {
	Title  string
	Fields []parts.FieldView
}

// logoView is the venue's logo, with the forms to change it.
type logoView struct {
	Title, Text string
	Picture     webui.URL
	Upload      parts.FormView
	Remove      *parts.FormView
}

// groups are the settings by what they are about. Each stands in the form under
// its name without "print.".
var groups = [...]struct {
	name   string
	fields []string
}{
	{"paper", []string{"layout", "cut", "language"}},
	{"wifi", []string{"wifi_name", "wifi_password", "wifi_security", "wifi_hidden", "wifi_code", "show_wifi_password"}},
	{"login", []string{"login_code", "show_address", "portal"}},
	{"texts", []string{"title", "text_above", "text_below", "terms"}},
	{"shown", []string{"show_logo", "show_name", "show_validity", "show_limits", "show_devices"}},
}

// settings shows the form.
func (a *area) settings(q *panel.Request) { a.showSettings(q, nil, nil) }

// setSettings stores what the form says, or shows what it would look like.
func (a *area) setSettings(q *panel.Request) {
	values := map[string]string{}
	for _, k := range hotspot.SettingKeys() {
		name, ours := strings.CutPrefix(k.Key, "print.")
		if !ours {
			continue
		}
		v := strings.ReplaceAll(q.Form.Get(name), "\r\n", "\n")
		if k.Kind == "on|off" && v == "" {
			v = "off" // browsers leave out boxes that are not ticked
		}
		values[k.Key] = v
	}
	set, err := a.Service.Settings().With(values)
	if err == nil {
		err = a.tried(q, set)
	}
	if err == nil && q.Form.Get("do") != "try" {
		if err = a.Service.SetSettings(q.Context(), values); err == nil {
			q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("printing.saved")})
			q.Go(q.To(pathSettings))
			return
		}
	}
	a.showSettings(q, values, err)
}

// tried reports why sheets cannot be printed with settings.
func (a *area) tried(q *panel.Request, set hotspot.Settings) error {
	_, _, err := a.job(q, set)
	return err
}

// showSettings shows the form: with what was typed, if something was, and with
// what was refused.
func (a *area) showSettings(q *panel.Request, typed map[string]string, refused error) {
	faults, ok := a.faults(q, refused)
	if !ok {
		q.Fail(refused)
		return
	}
	set := a.Service.Settings()
	value := func(key string) string {
		if v, ok := typed[key]; ok {
			return v
		}
		return set.Value(key)
	}
	v := &settingsView{Try: parts.ButtonView{Text: q.T("printing.try"), Second: true, Name: "do", Value: "try"}, Logo: a.logoView(q, faults["logo"])}
	v.Form = parts.FormView{To: q.To(pathSettings), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("printing.save")}, StreamFields: v.StreamInputs,
		Cancel: &parts.LinkView{Text: q.T("printing.back"), To: q.To(Path)}}
	for _, g := range groups {
		group := groupView{Title: q.T("printing.group." + g.name)}
		for _, name := range g.fields {
			group.Fields = append(group.Fields, a.field(q, name, value("print."+name), faults["print."+name]))
		}
		v.Groups = append(v.Groups, group)
	}
	status := http.StatusOK
	switch {
	case len(faults) > 0:
		status = http.StatusUnprocessableEntity
		v.Notice = &parts.NoticeView{Kind: parts.Bad, Text: q.T("printing.refused"), Remedy: faults[""]}
	case typed != nil:
		v.Notice = &parts.NoticeView{Kind: parts.Warning, Text: q.T("printing.tried")}
		if next, err := set.With(typed); err == nil {
			set = next
		}
	}
	if j, left, err := a.job(q, set); err == nil && len(faults) == 0 {
		if sheet, err := sheetOf(q, j, nil, left); err == nil {
			v.Sheet = sheet
		}
	} else if len(faults) == 0 {
		v.Notice = a.notice(q, err)
	}
	q.ShowStatus(status, q.T("printing.settings"), v.StreamMain)
}

// field is the field of a setting.
func (a *area) field(q *panel.Request, name, value, fault string) parts.FieldView {
	f := parts.FieldView{ID: name, Name: name, Label: q.T("printing.field." + name), Value: value, Error: fault}
	if key := "printing.help." + name; q.Lang.Has(key) {
		f.Help = q.T(key)
	}
	switch name {
	case "layout":
		f.Options = named(q, hotspot.PrintLayouts(), "printing.layout.")
	case "cut":
		f.Options = named(q, hotspot.PrintCuts(), "printing.cut.")
	case "wifi_security":
		f.Options = named(q, hotspot.PrintSecurities(), "printing.security.")
	case "language":
		f.Options = append([]parts.OptionView{{Text: q.T("printing.language.reader")}}, a.languageOptions()...)
	case "title":
		f.MaxLength = hotspot.MaxPrintTitle
	case "text_above", "text_below":
		f.Lines, f.MaxLength = 2, hotspot.MaxPrintLine
	case "terms":
		f.Lines, f.MaxLength = 4, hotspot.MaxPrintTerms
	case "wifi_name", "wifi_password":
		f.Autocomplete = "off"
	case "portal":
		f.Autocomplete, f.InputMode = "off", "url"
		f.Help = q.T("printing.help.no_portal")
		if own := a.Portal(); own != "" {
			f.Help = q.T("printing.help.portal", "address", "\u2068"+own+"\u2069")
		}
	default:
		f.Checkbox, f.Checked, f.Value = true, value == "on", "on"
	}
	return f
}

// logoView is the logo as it is now.
func (a *area) logoView(q *panel.Request, fault string) logoView {
	v := logoView{Title: q.T("printing.logo"), Text: q.T("printing.logo.text")}
	v.Upload = parts.FormView{To: q.To(pathLogo), Token: q.Token(), File: true, Submit: parts.ButtonView{Text: q.T("printing.logo.upload"), Second: true},
		StreamFields: parts.Fields(&parts.FieldView{ID: "file", Name: "file", Type: "file", Accept: "image/png,image/jpeg", Label: q.T("printing.logo.file"), Error: fault, Required: true})}
	if l := a.Service.Logo(); l != nil {
		v.Picture = logoURL(l)
		v.Remove = &parts.FormView{To: q.To(pathNoLogo), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("printing.logo.remove"), Second: true}}
	}
	return v
}

// settingOf is the setting that a field of a sheet comes from.
var settingOf = [...]struct{ field, setting string }{
	{"layout", "print.layout"}, {"show", "print.login_code"}, {"show.wifi_code", "print.wifi_code"}, {"show.login_code", "print.login_code"},
	{"wifi.ssid", "print.wifi_name"}, {"wifi.password", "print.wifi_password"}, {"portal", "print.portal"}, {"venue", "print.title"},
	{"texts.title", "print.title"}, {"texts.above", "print.text_above"}, {"texts.below", "print.text_below"}, {"texts.terms", "print.terms"},
}

// each takes joined errors apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.DeleteFunc(joined.Unwrap(), func(err error) bool { return err == nil })
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// refusal is one refusal as a text, and the setting that it is about.
func (a *area) refusal(q *panel.Request, err error) (setting, text string, ok bool) {
	var e *hotspot.Error
	if errors.As(err, &e) {
		for _, of := range settingOf {
			if of.field == e.Field {
				moved := *e
				moved.Field, err = of.setting, &moved
			}
		}
	}
	return q.RefusedBy("printing", err)
}

// faults are the refusals among errors, by setting; under "" those that are
// about none of the form's. Not ok: something failed that is nobody's fault.
func (a *area) faults(q *panel.Request, err error) (map[string]string, bool) {
	faults := map[string]string{}
	for _, err := range each(err) {
		setting, text, ok := a.refusal(q, err)
		if !ok {
			return nil, false
		}
		if !strings.HasPrefix(setting, "print.") && setting != "logo" {
			setting = ""
		}
		faults[setting] = text
	}
	return faults, true
}

// notice tells why vouchers cannot be printed; nil: it is nobody's fault.
func (a *area) notice(q *panel.Request, err error) *parts.NoticeView {
	for _, err := range each(err) {
		if _, text, ok := a.refusal(q, err); ok {
			return &parts.NoticeView{Kind: parts.Bad, Text: q.T("printing.cannot"), Remedy: text}
		}
	}
	return nil
}
