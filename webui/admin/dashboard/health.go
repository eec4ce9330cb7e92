package dashboard

import (
	"sort"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// alertView is something that needs a look, with what to do about it.
type alertView struct {
	Kind    parts.Kind
	Text    string
	Remedy  string
	Fix     *parts.LinkView // where to do it; nil: not in the panel, or not by whoever asks
	Details string          // the summary of what follows; "": it is all that there is to say
	// Found and Advice are the examination's own words.
	Found, Advice string
}

// known are the checks that have texts of their own, and where in the panel what
// they found is put right, for those with an access.
var known = map[string]struct {
	key, fix string
	access   panel.Access
}{
	"guest interface": {"guest_network", pathSettings + "/network", panel.Reads(api.ScopeSettings)},
	"uplink":          {"internet", pathSettings + "/network", panel.Reads(api.ScopeSettings)},
	"DHCP":            {"addresses", pathSettings + "/network", panel.Reads(api.ScopeSettings)},
	"clock":           {"clock", pathSettings + "/clock", panel.Reads(api.ScopeSettings)},
	"data directory":  {"flash", pathSettings + "/about", panel.Reads(api.ScopeSettings)},
	"snapshots":       {"snapshots", pathSettings + "/backup", panel.Writes(api.ScopeAll)},
	"memory":          {"memory", pathSettings + "/about", panel.Reads(api.ScopeSettings)},
}

// Verdicts of an examination.
const (
	verdictOK      = "ok"
	verdictWarning = "warning"
	verdictProblem = "problem"
)

// addHealth adds how the parts of the hotspot are, and first of all what needs a
// look.
func (a *area) addHealth(q *panel.Request, v *view) {
	facts := &parts.FactsView{}
	found := a.Health(q.Context())
	for i := range found {
		f := &found[i]
		facts.Rows = append(facts.Rows, parts.FactView{Name: checkName(q, f.Check), Badge: badge(q, f.Verdict)})
		if f.Verdict == verdictWarning || f.Verdict == verdictProblem {
			v.Alerts = append(v.Alerts, alert(q, f))
		}
	}
	for _, n := range a.Notices() {
		v.Alerts = append(v.Alerts, alertView{Kind: parts.Warning, Text: q.T("dashboard.notice"), Found: q.Words(n)})
	}
	sort.SliceStable(v.Alerts, func(i, j int) bool { return v.Alerts[i].Kind < v.Alerts[j].Kind }) // bad before warning
	v.Health = &parts.CardView{Title: q.T("dashboard.health"), Texts: []string{q.T("dashboard.health.fine")}, StreamContent: factsBlock(facts)}
	if len(v.Alerts) > 0 {
		v.Health.Texts[0] = q.Lang.N("dashboard.health.look", int64(len(v.Alerts)))
	}
}

// checkName is what a check is called.
func checkName(q *panel.Request, check string) string {
	if k, ok := known[check]; ok {
		return q.T("dashboard.check." + k.key)
	}
	return q.Words(hotspot.Said(check))
}

// badge is a verdict in a word.
func badge(q *panel.Request, verdict string) *parts.BadgeView {
	kind := map[string]parts.Kind{verdictOK: parts.Good, verdictWarning: parts.Warning, verdictProblem: parts.Bad}[verdict]
	if kind == parts.Plain {
		verdict = "unknown"
	}
	return &parts.BadgeView{Kind: kind, Text: q.T("dashboard.verdict." + verdict)}
}

// alert tells of a finding in the page's language, as far as it is known there.
func alert(q *panel.Request, f *api.Finding) alertView {
	v := alertView{Kind: parts.Warning, Text: checkName(q, f.Check), Found: q.Words(f.Found), Advice: q.Words(f.Remedy)}
	if f.Verdict == verdictProblem {
		v.Kind = parts.Bad
	}
	k, ok := known[f.Check]
	if !ok {
		return v
	}
	v.Text, v.Remedy, v.Details = q.T("dashboard.alert."+k.key), q.T("dashboard.remedy."+k.key), q.T("dashboard.details")
	if q.May(k.access) {
		v.Fix = &parts.LinkView{Text: q.T("dashboard.fix"), To: q.To(k.fix)}
	}
	return v
}
