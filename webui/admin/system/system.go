// Package system has the panel's pages about the hotspot as a whole: settings
// that belong to no other page, what the configuration file says, an
// examination, backups, the clock, the log, what runs here, and the support
// bundle. Each is a tab with an address of its own below /settings.
package system

import (
	"context"
	"embed"
	"io"
	"log/slog"
	"net/http"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the pages need of [hotspot.Service].
type Service interface {
	Settings() hotspot.Settings
	SetSettings(ctx context.Context, values map[string]string) error
}

// Backups makes copies of the store and takes them back in two steps.
type Backups interface {
	Backup(ctx context.Context, w io.Writer) error
	Snapshots(ctx context.Context) ([]api.Snapshot, error)
	Snapshot(ctx context.Context, name string, w io.Writer) error
	// Stage verifies a backup whole and keeps it until it is restored,
	// forgotten, or too old; StageSnapshot does that with one that the router
	// has.
	Stage(ctx context.Context, name string, r io.Reader) (api.StagedBackup, error)
	StageSnapshot(ctx context.Context, name string) (api.StagedBackup, error)
	Staged(id api.ID) (api.StagedBackup, error)
	Unstage(id api.ID)
	// RestoreStaged ends the daemon's run, once the answer is out.
	RestoreStaged(ctx context.Context, id api.ID) (api.Backup, error)
}

// Config is what the pages are made of.
type Config struct {
	Service Service    // must not be nil
	System  api.System // must not be nil
	Backups Backups    // must not be nil
	// Fresh reports whether somebody has entered the password a short while ago.
	// Must not be nil.
	Fresh func(by *api.Principal) bool
	// Go runs what goes on beside a page, at most until the daemon stops. Must
	// not be nil.
	Go func(f func(ctx context.Context))
	// Streams tell open pages that the log has grown; must not be nil.
	Streams *panel.Streams
	Log     *slog.Logger // must not be nil
}

// The pages' addresses.
const (
	pathSettings    = "/settings"
	pathNetwork     = pathSettings + "/network"
	pathExamine     = pathNetwork + "/examination"
	pathBackup      = pathSettings + "/backup"
	pathBackupFile  = pathBackup + "/file"
	pathSnapshot    = pathBackup + "/snapshots/{name}"
	pathUpload      = pathBackup + "/upload"
	pathRestore     = pathBackup + "/restore"
	pathRestoreDrop = pathRestore + "/drop"
	pathClock       = pathSettings + "/clock"
	pathLogs        = pathSettings + "/logs"
	pathLogEvents   = pathLogs + "/events"
	pathAbout       = pathSettings + "/about"
	pathSupport     = pathSettings + "/support"
)

// maxUpload bounds a backup that is sent, with the form around it.
const maxUpload = 256<<20 + 64<<10

type area struct {
	Config
	exam exam
}

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{Config: cfg}
	reads, writes, all := panel.Reads(api.ScopeSettings), panel.Writes(api.ScopeSettings), panel.Writes(api.ScopeAll)
	get, post := http.MethodGet, http.MethodPost
	return panel.Section{
		Nav: []panel.NavItem{{Key: "system.nav", Path: pathSettings, Access: reads}},
		Pages: panel.PagesOf(a, []panel.PageOf[*area]{
			{Method: get, Path: pathSettings, Access: reads, Serve: (*area).settingsPage},
			{Method: post, Path: pathSettings, Access: writes, Serve: (*area).saveSettings},
			{Method: get, Path: pathNetwork, Access: reads, Serve: (*area).networkPage},
			{Method: post, Path: pathExamine, Access: writes, Serve: (*area).examine},
			{Method: get, Path: pathBackup, Access: all, Serve: (*area).backupPage},
			{Method: post, Path: pathBackupFile, Access: all, Serve: (*area).makeBackup},
			{Method: post, Path: pathSnapshot, Access: all, Serve: (*area).takeSnapshot},
			{Method: post, Path: pathUpload, Access: all, Serve: (*area).upload, MaxBody: maxUpload},
			{Method: get, Path: pathRestore, Access: all, Serve: (*area).restorePage},
			{Method: post, Path: pathRestore, Access: all, Serve: (*area).restore},
			{Method: post, Path: pathRestoreDrop, Access: all, Serve: (*area).dropStaged},
			{Method: get, Path: pathClock, Access: reads, Serve: (*area).clockPage},
			{Method: post, Path: pathClock, Access: writes, Serve: (*area).clockRight},
			{Method: get, Path: pathLogs, Access: all, Serve: (*area).logsPage},
			{Method: get, Path: pathLogEvents, Access: all, Serve: (*area).logEvents},
			{Method: get, Path: pathAbout, Access: reads, Serve: (*area).aboutPage},
			{Method: get, Path: pathSupport, Access: all, Serve: (*area).supportPage},
			{Method: post, Path: pathSupport, Access: all, Serve: (*area).makeSupport},
		}),
		Files: Files,
	}
}

// tabs are the pages that there are, for whom they are there.
func tabs(q *panel.Request, current string) *parts.TabsView {
	v := &parts.TabsView{Label: q.T("system.nav")}
	for _, t := range []struct {
		name, path string
		all        bool
	}{
		{"settings", pathSettings, false}, {"network", pathNetwork, false}, {"backup", pathBackup, true}, {"clock", pathClock, false},
		{"logs", pathLogs, true}, {"about", pathAbout, false}, {"support", pathSupport, true},
	} {
		if !t.all || q.May(panel.Writes(api.ScopeAll)) {
			v.Links = append(v.Links, parts.LinkView{Text: q.T("system.tab." + t.name), To: q.To(t.path), Current: t.path == current})
		}
	}
	return v
}

// show answers with a tab and what is on it.
func show(q *panel.Request, status int, path string, blocks ...webui.Block) {
	t := tabs(q, path)
	title := q.T("system.nav")
	for _, l := range t.Links {
		if l.Current {
			title = l.Text
		}
	}
	q.ShowStatus(status, title, func(w *quicktemplate.Writer) {
		parts.StreamTabs(w, t)
		for _, b := range blocks {
			b(w)
		}
	})
}

// The blocks that pages are put together from.

func card(v parts.CardView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamCard(w, &v) }
}

func facts(rows ...parts.FactView) webui.Block {
	v := &parts.FactsView{Rows: rows}
	return func(w *quicktemplate.Writer) { parts.StreamFacts(w, v) }
}

func table(v *parts.TableView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamTable(w, v) }
}

func notice(v parts.NoticeView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamNotice(w, &v) }
}

func form(v parts.FormView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamForm(w, &v) }
}

func together(blocks ...webui.Block) webui.Block {
	return func(w *quicktemplate.Writer) {
		for _, b := range blocks {
			b(w)
		}
	}
}

func hidden(name, value string) webui.Block {
	return func(w *quicktemplate.Writer) { streamhiddenField(w, name, value) }
}

func copyBlock(q *panel.Request, id, text string) webui.Block {
	v := &parts.CopyView{Lang: q.Lang, ID: id, Text: text}
	return func(w *quicktemplate.Writer) { parts.StreamCopy(w, v) }
}

func filterBlock(v *parts.FilterView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamFilter(w, v) }
}

// titled is a card whose title and paragraphs are texts of these keys. It is
// not inlined, as those below: it takes much code, in many places.
//
//go:noinline
func titled(q *panel.Request, title string, content webui.Block, texts ...string) webui.Block {
	return card(parts.CardView{Title: q.T(title), Texts: all(q, texts), StreamContent: content})
}

// listed is a card with a paragraph, if that has a key, and a list.
//
//go:noinline
func listed(q *panel.Request, title, text string, content webui.Block, list ...string) webui.Block {
	v := parts.CardView{Title: q.T(title), List: all(q, list), StreamContent: content}
	if text != "" {
		v.Texts = []string{q.T(text)}
	}
	return card(v)
}

// all are the texts of keys.
func all(q *panel.Request, keys []string) (texts []string) {
	for _, key := range keys {
		texts = append(texts, q.T(key))
	}
	return texts
}

// fact is a fact whose name is the text of a key.
//
//go:noinline
func fact(q *panel.Request, key, text string) parts.FactView {
	return parts.FactView{Name: q.T(key), Text: text}
}

// code is a fact that is written from left to right.
//
//go:noinline
func code(q *panel.Request, key, text string) parts.FactView {
	return parts.FactView{Name: q.T(key), Text: text, Code: true}
}

// button is a form with nothing to fill in but these fields, if any.
//
//go:noinline
func button(q *panel.Request, path, key string, fields webui.Block) parts.FormView {
	return parts.FormView{To: q.To(path), Token: q.Token(), Submit: parts.ButtonView{Text: q.T(key)}, StreamFields: fields}
}

// tell shows a notice on the next page, and goes there.
//
//go:noinline
func tell(q *panel.Request, kind parts.Kind, key, path string) {
	q.Say(parts.NoticeView{Kind: kind, Text: q.T(key)})
	q.Go(q.To(path))
}

// columns are headings with the texts of these keys.
//
//go:noinline
func columns(q *panel.Request, keys ...string) []parts.ColumnView {
	var out []parts.ColumnView
	for _, key := range keys {
		out = append(out, parts.ColumnView{Text: q.T(key)})
	}
	return out
}
