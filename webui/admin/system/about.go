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
		blocks = append(blocks, notice(parts.NoticeView{Kind: parts.Warning, Text: q.Words(n)}))
	}
	version, store, host := code(q, "system.about.version", v.Version), fact(q, "system.about.store", bytesOf(q, v.Store)), fact(q, "system.about.host", v.Host)
	version.Detail, host.Typed = v.Revision, true
	if v.StoreFree > 0 {
		store.Detail = q.T("system.about.store_free", "free", bytesOf(q, v.StoreFree))
	}
	links := parts.LinksBlock(
		parts.LinkView{Text: q.T("system.about.api"), To: q.To("/api/v1/docs")},
		parts.LinkView{Text: q.T("system.about.project"), To: webui.Outside(project)},
	)
	blocks = append(blocks,
		titled(q, "system.about.program", facts(version,
			code(q, "system.about.backend", v.Backend),
			fact(q, "system.about.uptime", seconds(q, v.Uptime)),
			fact(q, "system.about.resident", bytesOf(q, v.Resident)),
			code(q, "system.about.go", v.Go+" "+v.Arch))),
		titled(q, "system.about.machine", facts(host,
			code(q, "system.about.kernel", v.Kernel),
			fact(q, "system.about.host_uptime", seconds(q, v.HostUptime)),
			fact(q, "system.about.memory", share(q, v.MemoryFree, v.Memory)),
			fact(q, "system.about.flash", share(q, v.FlashFree, v.Flash)),
			store)),
		titled(q, "system.about.update", copyBlock(q, "update", "opkg update && opkg upgrade vouchsafe"), "system.about.update.text"),
		titled(q, "system.about.docs", links, "system.about.docs.text"),
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
		Columns: columns(q, "system.about.module", "system.about.version", "system.about.licence"),
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
