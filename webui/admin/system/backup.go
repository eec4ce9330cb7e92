package system

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// snapshotType is what browsers are told of a backup.
const snapshotType = "application/octet-stream"

// uploadView is the form for a backup's file.
type uploadView struct {
	To          webui.URL
	Token       string
	Label, Help string
	Refused     bool // Help says why
	Submit      parts.ButtonView
}

func (v *uploadView) helpClass() string {
	if v.Refused {
		return "error"
	}
	return "help"
}

// waitView is shown while the daemon begins its next run.
type waitView struct {
	Text, Link string
	Next       webui.URL
}

func (a *area) backupPage(q *panel.Request) { a.showBackup(q, http.StatusOK, "") }

// showBackup shows the page; refused is why a file was.
func (a *area) showBackup(q *panel.Request, status int, refused string) {
	kept, err := a.Backups.Snapshots(q.Context())
	if err != nil {
		q.Fail(err)
		return
	}
	var blocks []webui.Block
	if failed := a.System.About(q.Context()).RestoreError; !failed.IsZero() {
		blocks = append(blocks, notice(parts.NoticeView{Kind: parts.Bad, Text: q.T("system.restore.failed"), Remedy: q.Words(failed)}))
	}
	send := &uploadView{To: q.To(pathUpload), Token: q.Token(), Label: q.T("system.restore.file"), Help: q.T("system.restore.help"),
		Submit: parts.ButtonView{Text: q.T("system.restore.check"), Second: true}}
	if refused != "" {
		send.Help, send.Refused = refused, true
	}
	show(q, status, pathBackup, append(blocks,
		titled(q, "system.backup.title", form(button(q, pathBackupFile, "system.backup.make", nil)), "system.backup.text", "system.backup.secret"),
		titled(q, "system.restore.title", send.StreamForm, "system.restore.text"),
		table(snapshotTable(q, kept)))...)
}

// snapshotTable lists the backups that are on the router.
func snapshotTable(q *panel.Request, kept []api.Snapshot) *parts.TableView {
	v := &parts.TableView{Lang: q.Lang, ID: "snapshots", Caption: q.T("system.snapshots.title"),
		Columns: columns(q, "system.snapshots.made", "system.snapshots.size", "system.snapshots.use"),
		Empty:   &parts.EmptyView{Title: q.T("system.snapshots.none"), Text: q.T("system.snapshots.none.text")}}
	v.Columns[1].Number = true
	for _, s := range kept {
		name := parts.CellView{Text: at(q, s.Created), Detail: s.Name}
		if s.Name == beforeRestore {
			name.Text = q.T("system.snapshots.before")
		}
		use := &snapshotForm{To: q.To(pathBackup + "/snapshots/" + s.Name), Token: q.Token(),
			Take:    parts.ButtonView{Text: q.T("system.snapshots.take"), Second: true},
			Restore: parts.ButtonView{Text: q.T("system.snapshots.restore"), Second: true, Name: "restore", Value: "1"}}
		v.Rows = append(v.Rows, []parts.CellView{name, {Text: q.Lang.Bytes(s.Size)}, {StreamContent: use.StreamForm}})
	}
	return v
}

// beforeRestore is the name of the copy of what the last restore replaced.
const beforeRestore = "before-restore.vsnap"

// snapshotForm has what can be done with a backup that the router has.
type snapshotForm struct {
	To            webui.URL
	Token         string
	Take, Restore parts.ButtonView
}

// fileName is what a browser calls a file of this router.
func (a *area) fileName(q *panel.Request, what, ending string) string {
	host := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, a.System.About(q.Context()).Host)
	return "vouchsafe-" + what + "-" + strings.Trim(host, "-") + q.Now().Format("-20060102-1504") + ending
}

// makeBackup answers with a copy of all that is stored.
func (a *area) makeBackup(q *panel.Request) {
	a.download(q, a.fileName(q, "backup", ".vsnap"), snapshotType, func(w io.Writer) error { return a.Backups.Backup(q.Context(), w) })
}

// takeSnapshot answers with one of the router's own backups, or puts it where
// one that is sent would be.
func (a *area) takeSnapshot(q *panel.Request) {
	name := q.PathValue("name")
	if q.Form.Get("restore") == "" {
		a.download(q, name, snapshotType, func(w io.Writer) error { return a.Backups.Snapshot(q.Context(), name, w) })
		return
	}
	staged, err := a.Backups.StageSnapshot(q.Context(), name)
	a.staged(q, staged, err)
}

// download answers with a file. What holds secrets, or guests, is given to those
// only who have just shown that they are who signed in.
func (a *area) download(q *panel.Request, name, mime string, write func(io.Writer) error) {
	if !a.Fresh(q.By) {
		q.Say(parts.NoticeView{Text: q.T("system.backup.again")})
		q.Fail(api.ErrConfirm)
		return
	}
	out := &download{q: q, name: name, mime: mime, conn: http.NewResponseController(q.W)}
	err := write(out)
	switch {
	case err == nil:
	case out.begun:
		if q.Context().Err() == nil {
			a.Log.Error("a file was cut short", "type", mime, "err", err)
		}
		panic(http.ErrAbortHandler) // the browser sees that it is not whole
	default:
		q.Fail(err)
	}
}

// download begins the answer with the first byte: until then there may be an
// error to tell of.
type download struct {
	q          *panel.Request
	name, mime string
	conn       *http.ResponseController
	begun      bool
}

// Write implements io.Writer. Each part has its own time to arrive.
func (d *download) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !d.begun {
		d.begun = true
		d.q.Download(d.name, d.mime)
		d.q.W.Header().Set("Cache-Control", "no-store")
	}
	_ = d.conn.SetWriteDeadline(time.Now().Add(api.WriteTimeout))
	return d.q.W.Write(p)
}

// uploadTime is how long a part of a file may take to arrive.
const uploadTime = 30 * time.Second

// patient gives each part of a body its own time.
type patient struct {
	conn *http.ResponseController
	r    io.Reader
}

// Read implements io.Reader.
func (p patient) Read(b []byte) (int, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(uploadTime))
	return p.r.Read(b)
}

// upload takes a backup, and verifies it.
func (a *area) upload(q *panel.Request) {
	if q.File == nil {
		a.showBackup(q, http.StatusUnprocessableEntity, q.T("system.restore.nothing"))
		return
	}
	conn := http.NewResponseController(q.W)
	staged, err := a.Backups.Stage(q.Context(), clipName(q.File.Name), patient{conn, q.File})
	_ = conn.SetWriteDeadline(time.Now().Add(api.WriteTimeout)) // the server's began with the request
	a.staged(q, staged, err)
}

// staged leads on to what a verified backup has in it, or says why it is none.
func (a *area) staged(q *panel.Request, staged api.StagedBackup, err error) {
	var bad *hotspot.Error
	switch {
	case errors.As(err, &bad) && bad.Code == hotspot.CodeInvalid:
		_, why, _ := q.Refusal(err)
		a.showBackup(q, http.StatusUnprocessableEntity, q.T("system.restore.refused", "why", why))
	case err != nil:
		q.Fail(err)
	default:
		q.Go(q.To(pathRestore, "id", staged.ID.String()))
	}
}

// clipName shortens what a browser calls a file.
func clipName(name string) string {
	const most = 100
	name = strings.ToValidUTF8(name, "\uFFFD")
	if r := []rune(name); len(r) > most {
		name = string(r[:most]) + "…"
	}
	return name
}

// waiting is the backup that a page or a form names.
func (a *area) waiting(q *panel.Request, text string) (api.StagedBackup, bool) {
	id, err := api.ParseID(text)
	var kept api.StagedBackup
	if err == nil {
		kept, err = a.Backups.Staged(id)
	}
	if err != nil {
		tell(q, parts.Warning, "system.restore.gone", pathBackup)
	}
	return kept, err == nil
}

func (a *area) restorePage(q *panel.Request) {
	if !a.Fresh(q.By) { // before anything is typed
		q.Fail(api.ErrConfirm)
		return
	}
	if kept, ok := a.waiting(q, q.URL.Query().Get("id")); ok {
		a.showRestore(q, http.StatusOK, kept, "")
	}
}

// kinds are the kinds of records that the summary of a backup names.
func kinds() []string { return []string{"vouchers", "users", "sessions", "audit"} }

// showRestore says what is in a backup and what comes of restoring it, and asks
// for a word.
func (a *area) showRestore(q *panel.Request, status int, kept api.StagedBackup, refused string) {
	name := fact(q, "system.restore.name", kept.Name)
	name.Typed, name.Detail = true, q.Lang.Bytes(uint64(max(0, kept.Size)))
	rows := []parts.FactView{fact(q, "system.restore.made", at(q, inZone(q, kept.Backup.Created))), name}
	for _, k := range kinds() {
		rows = append(rows, fact(q, "system.record."+k, q.Lang.Number(int64(kept.Backup.Records[k]))))
	}
	rows = append(rows, fact(q, "system.restore.schema", q.Lang.Number(int64(kept.Backup.Schema))))
	id := hidden("id", kept.ID.String())
	word := &parts.FieldView{ID: "word", Name: "word", Label: q.T("system.restore.type", "word", q.T("system.restore.word")),
		Error: refused, Required: true, Autocomplete: "off", MaxLength: 40}
	ask, drop := button(q, pathRestore, "system.restore.now", together(id, parts.Fields(word))), button(q, pathRestoreDrop, "system.restore.drop", id)
	ask.Submit.Kind, drop.Submit.Second = parts.Bad, true
	show(q, status, pathBackup,
		notice(parts.NoticeView{Kind: parts.Good, Text: q.T("system.restore.whole")}),
		titled(q, "system.restore.summary", facts(rows...)),
		listed(q, "system.restore.happens", "", together(form(ask), form(drop)),
			"system.restore.happens.replace", "system.restore.happens.keep", "system.restore.happens.guests",
			"system.restore.happens.signin", "system.restore.happens.other"))
}

func inZone(q *panel.Request, t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	local := t.In(q.Now().Location())
	return &local
}

// restore puts the backup that waits in place of everything.
func (a *area) restore(q *panel.Request) {
	kept, ok := a.waiting(q, q.Form.Get("id"))
	if !ok {
		return
	}
	if !strings.EqualFold(q.Form.Get("word"), q.T("system.restore.word")) {
		a.showRestore(q, http.StatusUnprocessableEntity, kept, q.T("system.restore.wrong"))
		return
	}
	if !a.Fresh(q.By) {
		q.Fail(api.ErrConfirm)
		return
	}
	_, err := a.Backups.RestoreStaged(q.Context(), kept.ID)
	// On a slow router a large store may have taken longer than an answer may.
	_ = http.NewResponseController(q.W).SetWriteDeadline(time.Now().Add(api.WriteTimeout))
	if err != nil {
		q.Fail(err)
		return
	}
	next := q.To("/")
	q.W.Header().Set("Refresh", "10;url="+next.Href()) // without script
	v := &waitView{Text: q.T("system.restore.wait"), Link: q.T("system.restore.next"), Next: next}
	q.ShowBare(q.T("system.restore.underway"), v.StreamMain)
}

func (a *area) dropStaged(q *panel.Request) {
	if kept, ok := a.waiting(q, q.Form.Get("id")); ok {
		a.Backups.Unstage(kept.ID)
		tell(q, parts.Plain, "system.restore.dropped", pathBackup)
	}
}
