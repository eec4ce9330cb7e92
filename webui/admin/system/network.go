package system

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// sections are the parts of the configuration file as the page shows them; a
// key is in the first one that has its beginning.
func sections() []struct {
	name     string
	prefixes []string
} {
	return []struct {
		name     string
		prefixes []string
	}{
		{"guest", []string{"guest.", "network."}},
		{"lan", []string{"lan.", "metrics.", "control."}},
		{"upkeep", []string{""}},
	}
}

func sectionOf(key string) int {
	for i, s := range sections() {
		for _, p := range s.prefixes {
			if strings.HasPrefix(key, p) {
				return i
			}
		}
	}
	return 0
}

// ConfigText is the key of a configuration key's name in words.
func configText(key string) string { return "system.conf." + key }

func (a *area) networkPage(q *panel.Request) {
	conf := a.System.Configuration()
	var blocks []webui.Block
	if !conf.Problem.IsZero() {
		blocks = append(blocks, notice(parts.NoticeView{Kind: parts.Bad, Text: q.T("system.conf.problem"), Remedy: q.Words(conf.Problem)}))
	}
	blocks = append(blocks, a.examBlock(q), changing(q, conf.File))
	rows := make([][]parts.FactView, len(sections()))
	for _, v := range conf.Values {
		i := sectionOf(v.Key)
		rows[i] = append(rows[i], configFact(q, v))
	}
	for i, s := range sections() {
		blocks = append(blocks, titled(q, "system.conf.section."+s.name, facts(rows[i]...)))
		if s.name == "lan" {
			blocks = append(blocks, certificate(q, conf.Certificate))
		}
	}
	show(q, http.StatusOK, pathNetwork, blocks...)
}

// changing says where the configuration is changed.
func changing(q *panel.Request, file string) webui.Block {
	if file == "" {
		return titled(q, "system.conf.title", nil, "system.conf.flags")
	}
	return titled(q, "system.conf.title", together(copyBlock(q, "edit", "vi "+file),
		copyBlock(q, "reload", "vouchsafe config check "+file+" && service vouchsafe reload")), "system.conf.text")
}

// configFact is one key of the file.
func configFact(q *panel.Request, v api.ConfigValue) parts.FactView {
	f := code(q, configText(v.Key), v.Value)
	f.Detail = v.Key
	if v.Value == "" {
		f.Text, f.Code = q.T("system.conf.none"), false
		if key := configText(v.Key) + ".none"; q.Lang.Has(key) {
			f.Text = q.T(key)
		}
	}
	if v.Restart {
		f.Detail = q.T("system.conf.restart", "key", v.Key)
	}
	return f
}

// certificate shows what browsers are shown.
func certificate(q *panel.Request, c *api.Certificate) webui.Block {
	if c == nil {
		return titled(q, "system.cert.title", nil, "system.cert.none")
	}
	var problems []string
	for _, p := range c.Problems {
		problems = append(problems, q.Words(p))
	}
	by := "system.cert.supplied"
	if c.Own {
		by = "system.cert.own"
	}
	return card(parts.CardView{Title: q.T("system.cert.title"), Texts: []string{q.T(by)}, List: problems, StreamContent: facts(
		fact(q, "system.cert.ends", at(q, c.Ends)),
		fact(q, "system.cert.begins", at(q, c.Begins)),
		code(q, "system.cert.names", strings.Join(c.Names, ", ")),
		code(q, "system.cert.fingerprint", c.Fingerprint))})
}

// at writes a moment that may not be known.
func at(q *panel.Request, t *time.Time) string {
	if t == nil {
		return q.T("system.unknown")
	}
	return q.Lang.Time(*t, q.Now())
}

// exam is the last examination. It is one for all operators: a second one
// beside it would find the same.
type exam struct {
	mu      sync.Mutex // guards all below
	running bool
	at      time.Time // when it was begun; zero: there was none
	found   []api.Finding
}

// state returns what was found until now.
func (e *exam) state() (running bool, at time.Time, found []api.Finding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running, e.at, append([]api.Finding(nil), e.found...)
}

// begin reports whether the caller shall make an examination.
func (e *exam) begin(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running {
		return false
	}
	e.running, e.at, e.found = true, now, nil
	return true
}

func (e *exam) add(f api.Finding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.found = append(e.found, f)
}

func (e *exam) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = false
}

// examine begins an examination; the page shows how it goes on.
func (a *area) examine(q *panel.Request) {
	if a.exam.begin(q.Now()) {
		a.Go(func(ctx context.Context) {
			defer a.exam.end()
			a.System.Examine(ctx, a.exam.add)
		})
	}
	q.Go(q.To(pathNetwork))
}

// examBlock shows the last examination. While one goes on, the browser asks
// again every second; it takes five.
func (a *area) examBlock(q *panel.Request) webui.Block {
	running, begun, found := a.exam.state()
	var inside []webui.Block
	switch {
	case running:
		q.W.Header().Set("Refresh", "1")
		inside = append(inside, notice(parts.NoticeView{Text: q.Lang.N("system.exam.running", int64(len(found)))}))
	case q.May(panel.Writes(api.ScopeSettings)):
		inside = append(inside, form(button(q, pathExamine, "system.exam.now", nil)))
	}
	if !running && !begun.IsZero() {
		inside = append(inside, notice(examResult(q, begun, found)))
	}
	if len(found) > 0 {
		inside = append(inside, findingsOf(q, worstFirst(found)).StreamList)
	}
	return titled(q, "system.exam.title", together(inside...), "system.exam.text")
}

// examResult sums an examination up.
func examResult(q *panel.Request, begun time.Time, found []api.Finding) parts.NoticeView {
	bad, warn := int64(0), int64(0)
	for _, f := range found {
		switch f.Verdict {
		case "problem":
			bad++
		case "warning":
			warn++
		}
	}
	when := q.T("system.exam.at", "time", q.Lang.Time(begun, q.Now()))
	switch {
	case bad > 0:
		return parts.NoticeView{Kind: parts.Bad, Text: q.Lang.N("system.exam.problems", bad), Remedy: when}
	case warn > 0:
		return parts.NoticeView{Kind: parts.Warning, Text: q.Lang.N("system.exam.warnings", warn), Remedy: when}
	}
	return parts.NoticeView{Kind: parts.Good, Text: q.T("system.exam.well"), Remedy: when}
}

// worstFirst puts what must be seen to first.
func worstFirst(found []api.Finding) []api.Finding {
	out := make([]api.Finding, 0, len(found))
	for _, want := range []string{"problem", "warning", "unknown", "ok"} {
		for _, f := range found {
			if f.Verdict == want {
				out = append(out, f)
			}
		}
	}
	return out
}

// findings are the outcome of an examination.
type findings struct{ Rows []findingView }

// findingView is one of them.
type findingView struct {
	Badge                *parts.BadgeView
	Check, Found, Remedy string
}

func findingsOf(q *panel.Request, found []api.Finding) *findings {
	v := &findings{make([]findingView, len(found))}
	for i := range v.Rows {
		f, row := &found[i], &v.Rows[i]
		row.Badge, row.Check = badge(q, f.Verdict), q.Words(hotspot.Said(f.Check))
		row.Found, row.Remedy = q.Words(f.Found), q.Words(f.Remedy)
	}
	return v
}

// badge is a verdict in a word.
func badge(q *panel.Request, verdict string) *parts.BadgeView {
	kind := parts.Plain
	switch verdict {
	case "ok":
		kind = parts.Good
	case "warning":
		kind = parts.Warning
	case "problem":
		kind = parts.Bad
	}
	return &parts.BadgeView{Kind: kind, Text: q.T("system.verdict." + verdict)}
}
