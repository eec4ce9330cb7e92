package system

import (
	"io"
	"net/http"

	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

func (a *area) supportPage(q *panel.Request) {
	ask := parts.FormView{To: q.To(pathSupport), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("system.support.make")},
		StreamFields: parts.Fields(&parts.FieldView{ID: "personal", Name: "personal", Value: "on", Checkbox: true,
			Label: q.T("system.support.personal"), Help: q.T("system.support.personal.help")})}
	show(q, http.StatusOK, pathSupport,
		card(parts.CardView{Title: q.T("system.support.title"), Texts: []string{q.T("system.support.text")}, List: []string{
			q.T("system.support.about"), q.T("system.support.conf"), q.T("system.support.exam"), q.T("system.support.settings"), q.T("system.support.log")},
			StreamContent: form(ask)}),
		card(parts.CardView{Title: q.T("system.support.never"), Texts: []string{q.T("system.support.never.text")}}))
}

// makeSupport answers with the support bundle.
func (a *area) makeSupport(q *panel.Request) {
	personal := q.Form.Get("personal") == "on"
	a.download(q, a.fileName(q, "support", ".tar.gz"), "application/gzip", func(w io.Writer) error {
		return a.System.Support(q.Context(), w, personal)
	})
}
