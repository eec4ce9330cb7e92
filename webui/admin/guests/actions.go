package guests

import (
	"net/http"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// askView asks whether something shall be done to a device, in a dialog or on a
// page of its own.
type askView struct {
	ID, Title string
	Kind      parts.Kind
	Text      string
	Name, MAC string
	More      []string
	Form      parts.FormView
}

// ask begins a question. key is that of its texts, and of its address.
func ask(q *panel.Request, d *hotspot.DeviceView, key string, kind parts.Kind) *askView {
	v := &askView{ID: "ask-" + key, Title: q.T("guests." + key), Kind: kind, Text: q.T("guests." + key + ".ask"), MAC: d.MAC.String(),
		More: []string{q.T("guests." + key + ".more")}}
	switch {
	case d.Guest != nil && d.Guest.Login != v.MAC:
		v.Name = d.Guest.Login
	case d.Host != nil:
		v.Name = d.Host.Name
	case d.Blocked != nil:
		v.Name = d.Blocked.Name
	}
	v.Form = parts.FormView{To: q.To(pageOf(d.MAC) + "/" + key), Token: q.Token(), Submit: parts.ButtonView{Text: v.Title, Kind: kind},
		Cancel: &parts.LinkView{Text: q.T("guests.back"), To: q.To(pageOf(d.MAC))}}
	return v
}

func kickView(q *panel.Request, d *hotspot.DeviceView) *askView {
	return ask(q, d, "kick", parts.Warning)
}

func unblockView(q *panel.Request, d *hotspot.DeviceView) *askView {
	return ask(q, d, "unblock", parts.Plain)
}

func blockView(q *panel.Request, d *hotspot.DeviceView, note, wrong string) *askView {
	v := ask(q, d, "block", parts.Bad)
	v.More = append(v.More, q.T("guests.block_random"))
	field := noteField(q, note)
	field.Error = wrong
	v.Form.StreamFields = parts.Fields(field)
	return v
}

// asking shows a question as a page.
func (a *area) asking(q *panel.Request, m hotspot.MAC, view func(*hotspot.DeviceView) *askView) {
	a.askingStatus(q, http.StatusOK, m, view)
}

func (a *area) askingStatus(q *panel.Request, status int, m hotspot.MAC, view func(*hotspot.DeviceView) *askView) {
	d, err := a.Service.Device(q.Context(), m)
	if err != nil {
		q.Fail(err)
		return
	}
	v := view(&d)
	q.ShowStatus(status, v.Title, v.StreamMain)
}

func (a *area) askKick(q *panel.Request, m hotspot.MAC) {
	a.asking(q, m, func(d *hotspot.DeviceView) *askView { return kickView(q, d) })
}

func (a *area) askUnblock(q *panel.Request, m hotspot.MAC) {
	a.asking(q, m, func(d *hotspot.DeviceView) *askView { return unblockView(q, d) })
}

// askBlock also changes the note of a device that is blocked already.
func (a *area) askBlock(q *panel.Request, m hotspot.MAC) {
	a.asking(q, m, func(d *hotspot.DeviceView) *askView {
		note := ""
		if d.Blocked != nil {
			note = d.Blocked.Note
		}
		return blockView(q, d, note, "")
	})
}

func (a *area) kick(q *panel.Request, m hotspot.MAC) {
	done(q, a.Service.Kick(q.Context(), m), "guests.kicked", pathList)
}

func (a *area) unblock(q *panel.Request, m hotspot.MAC) {
	done(q, a.Service.Unblock(q.Context(), m), "guests.unblocked", pageOf(m))
}

func (a *area) block(q *panel.Request, m hotspot.MAC) {
	note := q.Form.Get("note")
	_, err := a.Service.Block(q.Context(), m, note)
	if field, text, ok := q.RefusedBy("guests", err); ok && field == "note" {
		a.askingStatus(q, http.StatusUnprocessableEntity, m, func(d *hotspot.DeviceView) *askView { return blockView(q, d, note, text) })
		return
	}
	done(q, err, "guests.blocked", pageOf(m))
}

// blockTyped blocks the device whose address was typed.
func (a *area) blockTyped(q *panel.Request) {
	typed, note := q.Form.Get("mac"), q.Form.Get("note")
	m, err := hotspot.ParseMAC(typed)
	if err != nil {
		a.showBlocked(q, typed, note, "mac", q.T("guests.error.invalid.mac"))
		return
	}
	_, err = a.Service.Block(q.Context(), m, note)
	if field, text, ok := q.RefusedBy("guests", err); ok && hotspot.CodeOf(err) == hotspot.CodeInvalid {
		a.showBlocked(q, typed, note, field, text)
		return
	}
	done(q, err, "guests.blocked", pathBlocked)
}

// done says what was done, on the next page.
func done(q *panel.Request, err error, key, next string) {
	if err != nil {
		q.Fail(err)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T(key)})
	q.Go(q.To(next))
}
