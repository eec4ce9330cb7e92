package panel

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"sync"

	"github.com/vouchsafe/vouchsafe/webui"
)

// packFrom is the size, in bytes, from which packing a page is worth the work.
const packFrom = 1 << 10

// packer sends pages under gzip. There is one compressor: it takes much memory, and
// a router has one core.
type packer struct {
	mu sync.Mutex
	z  *gzip.Writer
}

// render answers with a page. Nothing is sent before the whole page is made.
func (p *packer) render(w http.ResponseWriter, r *http.Request, status int, v webui.View) {
	webui.RenderWith(w, status, v, func(page []byte) []byte {
		if status >= http.StatusBadRequest {
			page = atFault(page)
		}
		w.Header().Add("Vary", "Accept-Encoding")
		if len(page) < packFrom || !webui.AcceptsGzip(r.Header.Get("Accept-Encoding")) {
			return page
		}
		w.Header().Set("Content-Encoding", "gzip")
		return p.pack(page)
	})
}

// atFault has the browser begin at the first field with something wrong: on a
// phone it may be far below, and readers of the screen are told what it is.
// Fields do not know of each other, and no text is written without escaping its
// quotes, so the first attribute of that kind is the one.
func atFault(page []byte) []byte {
	const invalid = `aria-invalid="true"`
	return bytes.Replace(page, []byte(invalid), []byte(invalid+" autofocus"), 1)
}

func (p *packer) pack(page []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(page) / 3)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.z == nil {
		// The level is one that there is.
		p.z, _ = gzip.NewWriterLevel(&b, gzip.BestSpeed)
	} else {
		p.z.Reset(&b)
	}
	// A buffer takes everything.
	_, _ = p.z.Write(page)
	_ = p.z.Close()
	return b.Bytes()
}
