package guests

import (
	"slices"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// extendForm is the form that gives a guest more, as it was filled in.
type extendForm struct {
	time, download, upload, total string // minutes, MB, MB, MB
	field, wrong                  string // what was refused, and why
}

// extensions are the times to choose from, in minutes.
var extensions = [...]int{15, 30, 60, 120, 240, 720, 1440, 2880, 10080}

// read reads the form; field is one that cannot be read, if there is one.
func (f *extendForm) read() (by hotspot.Extension, field string) {
	for _, x := range [...]struct {
		field, text string
		take        func(n uint64)
	}{
		{"time", f.time, func(n uint64) { by.Time = time.Duration(n) * time.Minute }},
		{"download", f.download, func(n uint64) { by.Data.Down = n * hotspot.MB }},
		{"upload", f.upload, func(n uint64) { by.Data.Up = n * hotspot.MB }},
		{"total", f.total, func(n uint64) { by.Total = n * hotspot.MB }},
	} {
		if x.text == "" {
			continue
		}
		n, err := strconv.ParseUint(x.text, 10, 32)
		if err != nil || n > hotspot.MaxLimitMB {
			return hotspot.Extension{}, x.field
		}
		x.take(n)
	}
	return by, ""
}

// extend gives a guest more.
func (a *area) extend(q *panel.Request, m hotspot.MAC) {
	f := &extendForm{time: q.Form.Get("time"), download: q.Form.Get("download"), upload: q.Form.Get("upload"), total: q.Form.Get("total")}
	by, field := f.read()
	if field != "" {
		f.field, f.wrong = field, q.T("guests.error.invalid."+field)
		a.showDevice(q, m, f)
		return
	}
	err := a.Service.Extend(q.Context(), m, by)
	if field, text, ok := q.RefusedBy("guests", err); ok && hotspot.CodeOf(err) == hotspot.CodeInvalid {
		f.field, f.wrong = field, text
		a.showDevice(q, m, f)
		return
	}
	done(q, err, "guests.extended", pageOf(m))
}

// extendCard is the form that gives a guest more of what is limited.
func extendCard(q *panel.Request, d *hotspot.DeviceView, was *extendForm) *parts.CardView {
	limited := d.Allowance
	if was == nil {
		was = &extendForm{}
	}
	var fields []*parts.FieldView
	if limited.ValidFor != hotspot.Always {
		f := extendField(q, "time", was.time)
		f.Options = []parts.OptionView{{Text: q.T("guests.extend.no_time")}}
		for _, n := range extensions {
			f.Options = append(f.Options, parts.OptionView{Value: strconv.Itoa(n), Text: q.Lang.Duration(time.Duration(n) * time.Minute)})
		}
		fields = append(fields, f)
	}
	if limited.Limit.Down > 0 {
		fields = append(fields, extendField(q, "download", was.download))
	}
	if limited.Limit.Up > 0 {
		fields = append(fields, extendField(q, "upload", was.upload))
	}
	if limited.LimitTotal > 0 {
		fields = append(fields, extendField(q, "total", was.total))
	}
	if len(fields) == 0 {
		return &parts.CardView{Title: q.T("guests.extend"), Texts: []string{q.T("guests.extend.nothing")}}
	}
	if was.wrong != "" {
		at := max(slices.IndexFunc(fields, func(f *parts.FieldView) bool { return f.Name == was.field }), 0)
		fields[at].Error = was.wrong
	}
	text := q.T("guests.extend.free")
	if d.Last.Account.Method == hotspot.MethodVoucher {
		text = q.T("guests.extend.voucher")
	}
	return parts.FormCard(q.T("guests.extend"), &parts.FormView{To: q.To(pageOf(d.MAC) + pathExtend), Token: q.Token(),
		Submit: parts.ButtonView{Text: q.T("guests.extend")}, StreamFields: parts.Fields(fields...)}, text)
}

func extendField(q *panel.Request, name, value string) *parts.FieldView {
	return &parts.FieldView{ID: name, Name: name, Label: q.T("guests.extend." + name), Value: value, InputMode: "numeric", MaxLength: 7, Autocomplete: "off"}
}
