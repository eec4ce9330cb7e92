package people

import (
	"net/http"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// periods are the settings of the page, in its order.
func periods() []string {
	return []string{"people.keep_days", "log.keep_days", "log.keep_rows", "audit.keep_days", "audit.keep_rows"}
}

// presets fill in the form; nothing is changed before it is sent.
func presets() []struct {
	name   string
	values [5]string
} {
	return []struct {
		name   string
		values [5]string
	}{
		{"short", [5]string{"30", "30", "50000", "180", "5000"}},
		{"half", [5]string{"180", "180", "50000", "365", "5000"}},
		{"usual", [5]string{"365", "365", "50000", "730", "5000"}},
		{"ever", [5]string{"0", "0", "50000", "0", "5000"}},
	}
}

func (a *area) retention(q *panel.Request) {
	set := a.Service.Settings()
	values := map[string]string{}
	for _, key := range periods() {
		values[key] = set.Value(key)
	}
	chosen := q.URL.Query().Get("preset")
	for _, p := range presets() {
		if p.name == chosen {
			for i, key := range periods() {
				values[key] = p.values[i]
			}
		}
	}
	a.showRetention(q, http.StatusOK, values, nil)
}

// showRetention shows the form with values, and errors at some fields.
func (a *area) showRetention(q *panel.Request, status int, values map[string]string, wrong map[string]bool) {
	form := &cardView{
		Card: parts.CardView{Title: q.T("people.periods"), Texts: []string{q.T("people.periods_text")}},
		Form: &parts.FormView{To: q.To(pathRetention), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("people.save")}, Cancel: &parts.LinkView{Text: q.T("people.cancel"), To: q.To(pathList)}},
	}
	for _, key := range periods() {
		f := &parts.FieldView{ID: key, Name: key, Label: q.T("people.period." + key), Help: q.T("people.period." + key + ".help"), Value: values[key], InputMode: "numeric", MaxLength: 8, Required: true}
		if wrong[key] {
			f.Error = q.T("people.period_wrong")
		}
		form.Fields = append(form.Fields, f)
	}
	choice := &cardView{Card: parts.CardView{Title: q.T("people.presets"), Texts: []string{q.T("people.presets_text")}}}
	for _, p := range presets() {
		choice.Links = append(choice.Links, parts.LinkView{Text: q.T("people.preset." + p.name), To: q.To(pathRetention, "preset", p.name)})
	}
	about := &cardView{Card: parts.CardView{Title: q.T("people.held"), List: []string{
		q.T("people.held.users"), q.T("people.held.log"), q.T("people.held.audit"), q.T("people.held.statistics"), q.T("people.held.backups")}}}
	v := &pageView{Cards: []*cardView{choice, form, about}}
	q.ShowStatus(status, q.T("people.retention"), v.streamMain)
}

func (a *area) keep(q *panel.Request) {
	values, wrong := map[string]string{}, map[string]bool{}
	for _, key := range periods() {
		values[key] = hotspot.ASCIIDigits(q.Form.Get(key))
		if _, err := a.Service.Settings().With(map[string]string{key: values[key]}); err != nil {
			wrong[key] = true
		}
	}
	if len(wrong) > 0 {
		a.showRetention(q, http.StatusUnprocessableEntity, values, wrong)
		return
	}
	if err := a.Service.SetSettings(q.Context(), values); err != nil {
		q.Fail(err)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("people.saved")})
	q.Go(q.To(pathRetention))
}
