package system

import (
	"net/http"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// project is where the program's source and documentation are.
const project = "https://github.com/vouchsafe/vouchsafe"

func (a *area) aboutPage(q *panel.Request) {
	v := a.System.About(q.Context())
	var blocks []webui.Block
	for _, n := range v.Notices {
		blocks = append(blocks, notice(parts.NoticeView{Kind: parts.Warning, Text: n}))
	}
	program := []parts.FactView{
		{Name: q.T("system.about.version"), Text: v.Version, Code: true, Detail: v.Revision},
		{Name: q.T("system.about.backend"), Text: v.Backend, Code: true},
		{Name: q.T("system.about.uptime"), Text: seconds(q, v.Uptime)},
		{Name: q.T("system.about.resident"), Text: bytesOf(q, v.Resident)},
		{Name: q.T("system.about.go"), Text: v.Go + " " + v.Arch, Code: true},
	}
	machine := []parts.FactView{
		{Name: q.T("system.about.host"), Text: v.Host, Typed: true},
		{Name: q.T("system.about.kernel"), Text: v.Kernel, Code: true},
		{Name: q.T("system.about.host_uptime"), Text: seconds(q, v.HostUptime)},
		{Name: q.T("system.about.memory"), Text: share(q, v.MemoryFree, v.Memory)},
		{Name: q.T("system.about.flash"), Text: share(q, v.FlashFree, v.Flash)},
		{Name: q.T("system.about.store"), Text: bytesOf(q, v.Store), Detail: q.T("system.about.store_free", "free", bytesOf(q, v.StoreFree))},
	}
	links := parts.LinksBlock(
		parts.LinkView{Text: q.T("system.about.api"), To: q.To("/api/v1/docs")},
		parts.LinkView{Text: q.T("system.about.project"), To: webui.Outside(project)},
	)
	blocks = append(blocks,
		card(parts.CardView{Title: q.T("system.about.program"), StreamContent: facts(program...)}),
		card(parts.CardView{Title: q.T("system.about.machine"), StreamContent: facts(machine...)}),
		card(parts.CardView{Title: q.T("system.about.update"), Texts: []string{q.T("system.about.update.text")},
			StreamContent: copyBlock(&parts.CopyView{Lang: q.Lang, ID: "update", Text: "opkg update && opkg upgrade vouchsafe"})}),
		card(parts.CardView{Title: q.T("system.about.docs"), Texts: []string{q.T("system.about.docs.text")}, StreamContent: links}),
		table(moduleTable(q, v.Modules)))
	show(q, http.StatusOK, pathAbout, blocks...)
}

// seconds writes how long something has run.
func seconds(q *panel.Request, n int64) string {
	return q.Lang.Duration(time.Duration(n) * time.Second)
}

// bytesOf writes an amount that may not be known.
func bytesOf(q *panel.Request, n uint64) string {
	if n == 0 {
		return q.T("system.unknown")
	}
	return q.Lang.Bytes(n)
}

// share writes how much is free of what there is.
func share(q *panel.Request, free, all uint64) string {
	if all == 0 {
		return q.T("system.unknown")
	}
	return q.T("system.about.free", "free", q.Lang.Bytes(free), "all", q.Lang.Bytes(all))
}

// moduleTable lists what of others is in the program.
func moduleTable(q *panel.Request, all []api.Module) *parts.TableView {
	v := &parts.TableView{Lang: q.Lang, ID: "modules", Caption: q.T("system.about.modules"),
		Columns: []parts.ColumnView{{Text: q.T("system.about.module")}, {Text: q.T("system.about.version")}, {Text: q.T("system.about.licence")}},
		Empty:   &parts.EmptyView{Title: q.T("system.unknown"), Text: q.T("system.about.modules.none")}}
	for _, m := range all {
		l := licenceOf(m.Path)
		if l == "" {
			l = q.T("system.unknown")
		}
		v.Rows = append(v.Rows, []parts.CellView{{Text: m.Path, Typed: true}, {Text: m.Version, Typed: true}, {Text: l, Typed: true}})
	}
	return v
}
