package system

import (
	"net/http"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

func (a *area) clockPage(q *panel.Request) {
	c := a.System.Clock()
	trust := parts.FactView{Name: q.T("system.clock.trust"), Text: q.T("system.clock.by." + string(c.By)),
		Badge: &parts.BadgeView{Kind: parts.Good, Text: q.T("system.clock.believed")}}
	if !c.Believed {
		trust.Text, trust.Badge = q.T("system.clock.by"), &parts.BadgeView{Kind: parts.Warning, Text: q.T("system.clock.doubted")}
	}
	rows := []parts.FactView{
		{Name: q.T("system.clock.time"), Text: second(c.Time), Code: true, Detail: c.Zone},
		{Name: q.T("system.clock.system"), Text: second(c.System), Code: true},
		trust,
	}
	if c.Believed {
		since := q.T("system.clock.before")
		if c.Since != nil {
			since = at(q, c.Since)
		}
		rows = append(rows, parts.FactView{Name: q.T("system.clock.since"), Text: since})
	}
	compare := &compareView{Name: q.T("system.clock.browser"), Same: q.T("system.clock.same"), Other: q.T("system.clock.differs")}
	if c.System != nil {
		compare.Unix = c.System.Unix()
	}
	blocks := []webui.Block{card(parts.CardView{Title: q.T("system.clock.title"), StreamContent: together(facts(rows...), compare.StreamRow)})}
	if !c.Believed {
		blocks = append(blocks, card(parts.CardView{Title: q.T("system.clock.meanwhile"), List: []string{
			q.T("system.clock.meanwhile.count"), q.T("system.clock.meanwhile.from"), q.T("system.clock.meanwhile.none"), q.T("system.clock.meanwhile.log")}}))
		if q.May(panel.Writes(api.ScopeSettings)) {
			blocks = append(blocks, card(parts.CardView{Title: q.T("system.clock.right"), Texts: []string{q.T("system.clock.right.text")},
				StreamContent: form(parts.FormView{To: q.To(pathClock), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("system.clock.say")}})}))
		}
	}
	set := &parts.CopyView{Lang: q.Lang, ID: "set", Text: `date -u -s "2026-01-31 18:00" && vouchsafe clock synced`}
	blocks = append(blocks, card(parts.CardView{Title: q.T("system.clock.set"), Texts: []string{q.T("system.clock.set.text")}, StreamContent: copyBlock(set)}))
	show(q, http.StatusOK, pathClock, blocks...)
}

// compareView lets the script show the browser's own time.
type compareView struct {
	Name, Same, Other string
	Unix              int64
}

// second writes a moment to the second.
func second(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format("2006-01-02 15:04:05")
}

func (a *area) clockRight(q *panel.Request) {
	if err := a.System.SayClockRight(q.Context()); err != nil {
		q.Fail(err)
		return
	}
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("system.clock.said")})
	q.Go(q.To(pathClock))
}
