package panel

import (
	"sync"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// maxNotices bounds how many sessions have a notice waiting.
const maxNotices = 256

// notices are what sessions shall read on their next page. They live in memory:
// one that is lost with a restart tells of something that happened all the same.
type notices struct {
	mu sync.Mutex
	by map[api.ID]*parts.NoticeView
}

// put makes a notice wait; a newer one takes its place.
func (n *notices) put(session api.ID, v *parts.NoticeView) {
	if session == (api.ID{}) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.by == nil || len(n.by) >= maxNotices {
		n.by = map[api.ID]*parts.NoticeView{}
	}
	n.by[session] = v
}

// take returns a session's notice, once.
func (n *notices) take(session api.ID) *parts.NoticeView {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := n.by[session]
	delete(n.by, session)
	return v
}
