package system

import (
	"io"
	"net/http"

	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

func (a *area) supportPage(q *panel.Request) {
	box := parts.Fields(&parts.FieldView{ID: "personal", Name: "personal", Value: "on", Checkbox: true,
		Label: q.T("system.support.personal"), Help: q.T("system.support.personal.help")})
	show(q, http.StatusOK, pathSupport,
		listed(q, "system.support.title", "system.support.text", form(button(q, pathSupport, "system.support.make", box)),
			"system.support.about", "system.support.conf", "system.support.exam", "system.support.settings", "system.support.log"),
		titled(q, "system.support.never", nil, "system.support.never.text"))
}

// makeSupport answers with the support bundle.
func (a *area) makeSupport(q *panel.Request) {
	personal := q.Form.Get("personal") == "on"
	a.download(q, a.fileName(q, "support", ".tar.gz"), "application/gzip", func(w io.Writer) error {
		return a.System.Support(q.Context(), w, personal)
	})
}
