package system

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// maxShown bounds the lines of the log on a page.
const maxShown = 200

// levels are those of the log, the least important first.
func levels() []string { return []string{"debug", "info", "warn", "error"} }

func (a *area) logsPage(q *panel.Request) {
	query := q.URL.Query()
	ask := api.LogQuery{Level: query.Get("level"), Text: clipName(query.Get("q")), Limit: maxShown}
	if !slices.Contains(levels(), ask.Level) {
		ask.Level = "info"
	}
	lines := a.System.LogLines(ask)
	level := &parts.FieldView{ID: "level", Name: "level", Label: q.T("system.logs.level"), Value: ask.Level}
	for _, l := range levels() {
		level.Options = append(level.Options, parts.OptionView{Value: l, Text: q.T("system.logs.from." + l)})
	}
	filter := &parts.FilterView{To: q.To(pathLogs), Submit: q.T("system.logs.show"),
		StreamFields: parts.Fields(level, &parts.FieldView{ID: "q", Name: "q", Label: q.T("system.logs.text"), Value: ask.Text, Type: "search", MaxLength: 100})}
	if ask.Text != "" || ask.Level != "info" {
		filter.Reset = &parts.LinkView{Text: q.T("system.logs.all"), To: q.To(pathLogs)}
	}
	v := &parts.TableView{Lang: q.Lang, ID: "log", Caption: q.T("system.logs.title"), Events: q.To(pathLogEvents),
		Columns: columns(q, "system.logs.time", "system.logs.level.short", "system.logs.line"),
		Empty:   &parts.EmptyView{Title: q.T("system.logs.none"), Text: q.T("system.logs.none.text")}}
	for i := range lines {
		v.Rows = append(v.Rows, logRow(q, &lines[i]))
	}
	show(q, http.StatusOK, pathLogs, titled(q, "system.logs.heading", filterBlock(filter), "system.logs.help"),
		table(v))
}

// logRow is one line of the log.
func logRow(q *panel.Request, l *api.LogLine) []parts.CellView {
	kind := parts.Plain
	switch l.Level {
	case "warn":
		kind = parts.Warning
	case "error":
		kind = parts.Bad
	}
	line := &lineView{Component: l.Component, Text: l.Text, Details: l.Details}
	return []parts.CellView{
		{Text: second(l.Time), Typed: true},
		{Badge: &parts.BadgeView{Kind: kind, Text: q.T("system.logs.is." + l.Level)}},
		{StreamContent: line.StreamLine},
	}
}

// lineView is what a line of the log says, in English, as in the system's log.
type lineView struct{ Component, Text, Details string }

// newsEvery is the least time between two renewals of the log.
const newsEvery = time.Second

// logEvents tells browsers that the log has grown.
func (a *area) logEvents(q *panel.Request) {
	if !strings.Contains(q.Header.Get("Accept"), "text/event-stream") { // it is no page
		q.Go(q.To(pathLogs))
		return
	}
	a.Streams.Serve(q, a.System.LogNews(q.Context()), newsEvery)
}
