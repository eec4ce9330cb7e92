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
	trust := fact(q, "system.clock.trust", q.T("system.clock.by"))
	trust.Badge = &parts.BadgeView{Kind: parts.Warning, Text: q.T("system.clock.doubted")}
	if c.Believed {
		trust.Text = q.T("system.clock.by." + string(c.By))
		trust.Badge = &parts.BadgeView{Kind: parts.Good, Text: q.T("system.clock.believed")}
	}
	now := code(q, "system.clock.time", second(c.Time))
	now.Detail = c.Zone
	rows := []parts.FactView{now, code(q, "system.clock.system", second(c.System)), trust}
	if c.Believed {
		since := q.T("system.clock.before")
		if c.Since != nil {
			since = at(q, c.Since)
		}
		rows = append(rows, fact(q, "system.clock.since", since))
	}
	compare := &compareView{Name: q.T("system.clock.browser"), Same: q.T("system.clock.same"), Other: q.T("system.clock.differs")}
	if c.System != nil {
		compare.Unix = c.System.Unix()
	}
	blocks := []webui.Block{titled(q, "system.clock.title", together(facts(rows...), compare.StreamRow))}
	if !c.Believed {
		blocks = append(blocks, listed(q, "system.clock.meanwhile", "", nil,
			"system.clock.meanwhile.count", "system.clock.meanwhile.from", "system.clock.meanwhile.none", "system.clock.meanwhile.log"))
		if q.May(panel.Writes(api.ScopeSettings)) {
			blocks = append(blocks, titled(q, "system.clock.right", form(button(q, pathClock, "system.clock.say", nil)), "system.clock.right.text"))
		}
	}
	blocks = append(blocks, titled(q, "system.clock.set", copyBlock(q, "set", `date -u -s "2026-01-31 18:00" && vouchsafe clock synced`), "system.clock.set.text"))
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
	tell(q, parts.Good, "system.clock.said", pathClock)
}
