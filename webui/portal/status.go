package portal

import (
	"net/http"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// statusView is the page of a guest who is online, or was.
type statusView struct {
	webui.Page
	Online                   bool
	Target                   target
	Before, After            string // around its host in the link to it
	TimeText, TimeDetail     string // left
	OnlineText, OnlineDetail string
	Quotas                   []quotaView
	Login                    string
	Self                     webui.URL // this page again
	Why                      string    // when offline
}

// quotaView is one direction's amount of data.
type quotaView struct {
	ID, Name, Text, Detail string
	Limited                bool
	Limit, Left            uint64 // in bytes, for <meter>
}

// status tells a guest how it stands. The page does not renew itself: people
// who need time to read it would lose their place.
func (p *portal) status(w http.ResponseWriter, r *http.Request) {
	h, ok := p.known(w, r)
	if !ok {
		return
	}
	st, err := p.standing(r.Context(), h)
	if err != nil {
		p.fault(w, r, "cannot tell how a guest stands", err)
		return
	}
	if p.keptOut(w, r, st.Why) {
		return
	}
	if !st.Online {
		p.render(w, http.StatusOK, p.offlineView(r, st))
		return
	}
	p.render(w, http.StatusOK, p.onlineView(r, st))
}

func (p *portal) offlineView(r *http.Request, st hotspot.GuestStatus) *statusView {
	v := &statusView{Page: p.page(r, "status.offline_title")}
	v.Why = v.T("status.offline")
	if st.Why != nil {
		v.Why = p.ended(v.Lang, st.Why)
	}
	return v
}

func (p *portal) onlineView(r *http.Request, st hotspot.GuestStatus) *statusView {
	v := &statusView{Page: p.page(r, "status.title"), Online: true, Login: st.Guest.Login}
	v.Target = p.target(r.URL.Query().Get(fieldTarget))
	v.Before, v.After = v.Lang.Around("status.continue", "site")
	v.Self = v.Local(pathStatus, v.Target.query())
	if st.Guest.Account.Method == hotspot.MethodFree {
		v.Login = "" // a hardware address tells the guest nothing
	}
	now, believed := p.cfg.Service.Now()
	v.TimeText = v.T("status.time_unlimited")
	if st.TimeLimited {
		v.TimeText = v.Lang.Duration(st.TimeLeft)
		if believed {
			v.TimeDetail = v.T("status.time_until", "time", v.Lang.Time(now.Add(st.TimeLeft), now))
		}
	}
	v.OnlineText = v.Lang.Duration(st.Guest.Uptime)
	if believed {
		v.OnlineDetail = v.T("status.since", "time", v.Lang.Time(now.Add(-st.Guest.Uptime), now))
	}
	a := st.Guest.Allowance
	v.Quotas = []quotaView{
		quota(v.Page, "down", a, hotspot.Down, a.Limit.Down, a.Used.Down),
		quota(v.Page, "up", a, hotspot.Up, a.Limit.Up, a.Used.Up),
	}
	if a.LimitTotal > 0 {
		q := quota(v.Page, "total", a, hotspot.Total, a.LimitTotal, a.Used.Down+a.Used.Up)
		if a.Limit.IsZero() {
			v.Quotas = nil // what counts is the sum
		}
		v.Quotas = append(v.Quotas, q)
	}
	return v
}

func quota(pg webui.Page, name string, a hotspot.Allowance, d hotspot.Direction, limit, used uint64) quotaView {
	q := quotaView{ID: name, Name: pg.T("status." + name)}
	left, limited := a.Left(d)
	if !limited {
		q.Text = pg.T("status.used", "used", pg.Lang.Bytes(used))
		q.Detail = pg.T("status.no_limit")
		return q
	}
	q.Limited = true
	q.Text = pg.T("status.left", "left", pg.Lang.Bytes(left))
	q.Detail = pg.T("status.left_of", "limit", pg.Lang.Bytes(limit))
	q.Left, q.Limit = left, limit
	return q
}
