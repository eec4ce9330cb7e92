package panel

import (
	"net/http"
	"sync"

	"github.com/vouchsafe/vouchsafe/api"
)

// maxOnce bounds how many sessions have something waiting to be shown once.
const maxOnce = 64

// Once keeps what a page shows a session once, such as a key just made: after
// the form was sent, and not again when the page is reloaded. The zero Once is
// ready. It is safe for concurrent use.
type Once struct {
	mu sync.Mutex
	by map[api.ID]shownOnce
}

// shownOnce is a text, and the path of the page that shows it.
type shownOnce struct{ path, text string }

// Put keeps a text for the next time that the session opens a page.
func (o *Once) Put(q *Request, path, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by == nil || len(o.by) >= maxOnce {
		o.by = map[api.ID]shownOnce{}
	}
	o.by[q.By.Session] = shownOnce{path, text}
}

// Take returns the text for the page that is asked for, and forgets it; "":
// there is none.
func (o *Once) Take(q *Request) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept, ok := o.by[q.By.Session]
	if !ok || kept.path != q.URL.Path || q.Method != http.MethodGet || q.Renews() {
		return ""
	}
	delete(o.by, q.By.Session)
	return kept.text
}
