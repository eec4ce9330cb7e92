package printing

import (
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// maxUpload is how much of a file is read, so that one that is too large can be
// told how large it may be.
const maxUpload = 2 << 20

// logoURL is the address of a logo.
func logoURL(l *hotspot.Logo) webui.URL {
	return webui.Local(pathLogo, url.Values{"v": {l.Version()}})
}

// logo serves the picture.
func (a *area) logo(q *panel.Request) {
	l := a.Service.Logo()
	if l == nil {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	h := q.W.Header()
	h.Set("Content-Type", l.Type)
	h.Set("Content-Length", strconv.Itoa(len(l.Data)))
	if q.URL.Query().Get("v") == l.Version() {
		h.Set("Cache-Control", "private, max-age=86400, immutable")
	}
	if q.Method != http.MethodHead {
		// A failed write means that the operator went away.
		_, _ = q.W.Write(l.Data)
	}
}

// setLogo takes a picture in.
func (a *area) setLogo(q *panel.Request) {
	var file []byte
	if q.File != nil {
		var err error
		if file, err = io.ReadAll(q.File); err != nil {
			a.showSettings(q, nil, hotspot.Invalid("logo", "too large"))
			return
		}
	}
	if len(file) == 0 {
		a.showSettings(q, nil, hotspot.Invalid("logo", "choose a file first"))
		return
	}
	if _, err := a.Service.SetLogo(q.Context(), file); err != nil {
		a.showSettings(q, nil, err)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("printing.logo.saved")})
	q.Go(q.To(pathSettings))
}

// dropLogo removes the picture.
func (a *area) dropLogo(q *panel.Request) {
	if _, err := a.Service.SetLogo(q.Context(), nil); err != nil {
		q.Fail(err)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("printing.logo.removed")})
	q.Go(q.To(pathSettings))
}
