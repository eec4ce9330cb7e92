package auditlog

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the pages need of [hotspot.Service].
type Service interface {
	// FindAudit returns rows of the audit log, newest first, and where to go on;
	// 0: there is no more.
	FindAudit(ctx context.Context, q hotspot.AuditQuery) (rows []hotspot.AuditRow, next uint64, err error)
}

// Config is what the pages are made of.
type Config struct {
	Service Service      // must not be nil
	Log     *slog.Logger // must not be nil
}

const (
	path       = "/audit"
	pathExport = path + "/export"
	// pageRows is how many rows a page has, fileRows how many are read at a time
	// for a file.
	pageRows, fileRows = 50, 500
	maxText            = 100 // of what is looked for, in bytes
	dayLayout          = "2006-01-02"
)

type area struct{ Config }

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{cfg}
	owner := panel.Reads(api.ScopeAll)
	return panel.Section{
		Nav: []panel.NavItem{{Key: "auditlog.nav", Path: path, Access: owner}},
		Pages: []panel.Page{
			{Method: http.MethodGet, Path: path, Access: owner, Serve: a.page},
			{Method: http.MethodGet, Path: pathExport, Access: owner, Serve: a.export},
		},
		Files: Files,
	}
}

// groups are what actions are about: what stands before the dot.
var groups = [...]string{"voucher", "guest", "person", "device", "setting", "key", "device_key", "operator", "webhook", "cloud", "backup", "clock", "support"}

// asked is what is looked for, as the address has it.
type asked struct {
	who, action, from, to string
	wrong                 map[string]bool // fields that do not parse
}

// read reads what is looked for. What is wrong is not looked for, and said.
func read(values url.Values, zone *time.Location) (asked, hotspot.AuditQuery) {
	in := asked{who: clip(values.Get("who")), action: clip(values.Get("action")), from: clip(values.Get("from")), to: clip(values.Get("to")), wrong: map[string]bool{}}
	q := hotspot.AuditQuery{Actor: in.who, Action: hotspot.Action(in.action), Limit: pageRows}
	q.Since = in.day("from", in.from, zone)
	if q.Until = in.day("to", in.to, zone); !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1) // that day, too
	}
	// What is no number is the newest rows.
	q.Before, _ = strconv.ParseUint(values.Get("before"), 10, 64)
	return in, q
}

// day reads a day as the beginning of it.
func (in *asked) day(name, text string, zone *time.Location) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(dayLayout, text, zone)
	if in.wrong[name] = err != nil; err != nil {
		return time.Time{}
	}
	return t
}

func clip(s string) string {
	return strings.TrimSpace(strings.ToValidUTF8(s[:min(len(s), maxText)], ""))
}

// query is what is looked for as an address has it, with another one of before.
func (in *asked) query(before uint64) []string {
	q := []string{"who", in.who, "action", in.action, "from", in.from, "to", in.to}
	if before != 0 {
		q = append(q, "before", strconv.FormatUint(before, 10))
	}
	return q
}

func (in *asked) used() bool { return in.who+in.action+in.from+in.to != "" }

// listView is the page.
type listView struct {
	Filter *parts.FilterView
	Fields []*parts.FieldView
	Table  *parts.TableView
	Newest *parts.LinkView // to the first page, on others
	Export *parts.LinkView
}

func (a *area) page(q *panel.Request) {
	in, query := read(q.URL.Query(), q.Now().Location())
	rows, next, err := a.Service.FindAudit(q.Context(), query)
	if err != nil {
		q.Fail(err)
		return
	}
	v := &listView{Fields: in.fields(q), Export: &parts.LinkView{Text: q.T("auditlog.export"), To: q.To(pathExport, in.query(0)...)}}
	v.Filter = &parts.FilterView{To: q.To(path), Submit: q.T("auditlog.find"), StreamFields: parts.Fields(v.Fields...)}
	v.Table = &parts.TableView{Lang: q.Lang, ID: "audit", Caption: q.T("auditlog.caption"), Empty: &parts.EmptyView{Title: q.T("auditlog.none"), Text: q.T("auditlog.none_text")}}
	if in.used() {
		v.Filter.Reset = &parts.LinkView{Text: q.T("auditlog.reset"), To: q.To(path)}
		v.Table.Empty = &parts.EmptyView{Title: q.T("auditlog.nothing"), Text: q.T("auditlog.nothing_text"), Action: v.Filter.Reset}
	}
	if next != 0 {
		v.Table.Next = q.To(path, in.query(next)...)
		v.Table.Empty.Text = q.T("auditlog.further")
	}
	if query.Before != 0 {
		v.Newest = &parts.LinkView{Text: q.T("auditlog.newest"), To: q.To(path, in.query(0)...)}
	}
	for _, key := range []string{"when", "who", "what", "subject", "changes"} {
		v.Table.Columns = append(v.Table.Columns, parts.ColumnView{Text: q.T("auditlog." + key)})
	}
	for i := range rows {
		v.Table.Rows = append(v.Table.Rows, cells(q, &rows[i]))
	}
	q.Show(q.T("auditlog.title"), v.StreamMain)
}

// fields are those that say what is looked for.
func (in *asked) fields(q *panel.Request) []*parts.FieldView {
	action := &parts.FieldView{ID: "action", Name: "action", Label: q.T("auditlog.about"), Value: in.action,
		Options: []parts.OptionView{{Text: q.T("auditlog.everything")}}}
	listed := in.action == ""
	for _, g := range groups {
		action.Options = append(action.Options, parts.OptionView{Value: g, Text: q.T("auditlog.group." + g)})
		listed = listed || g == in.action
	}
	if !listed { // one action, or a group of a newer version
		action.Options = append(action.Options, parts.OptionView{Value: in.action, Text: actionText(q, hotspot.Action(in.action))})
	}
	all := []*parts.FieldView{
		{ID: "who", Name: "who", Label: q.T("auditlog.who"), Value: in.who, MaxLength: maxText, Autocomplete: "off"}, action,
		{ID: "from", Name: "from", Label: q.T("auditlog.from"), Value: in.from, Type: "date"},
		{ID: "to", Name: "to", Label: q.T("auditlog.to"), Value: in.to, Type: "date"},
	}
	for _, f := range all {
		if in.wrong[f.Name] {
			f.Value, f.Error = "", q.T("auditlog.no_day") // browsers show nothing else than days there
		}
	}
	return all
}

// cells are a row of the table.
func cells(q *panel.Request, r *hotspot.AuditRow) []parts.CellView {
	when := parts.CellView{Text: q.Lang.Time(r.Time, q.Now())}
	if r.Provisional {
		when.Badge = &parts.BadgeView{Kind: parts.Warning, Text: q.T("auditlog.unsure")}
	}
	who, by := actor(q, &r.Actor)
	what, detail := subject(q, r)
	view := changesOf(q, r.Changes)
	return []parts.CellView{when, {Text: who, Typed: true, Detail: by}, {Text: actionText(q, r.Action)}, {Text: what, Typed: true, Detail: detail},
		{StreamContent: func(w *quicktemplate.Writer) { streamchanges(w, view) }}}
}

// actor names who did something, and says by what right and from where.
func actor(q *panel.Request, a *hotspot.Actor) (who, detail string) {
	kind := textOr(q, "auditlog.kind."+strings.ReplaceAll(string(a.Kind), " ", "_"), string(a.Kind))
	if who = a.Name; who == "" || who == string(a.Kind) {
		who = kind
	}
	if a.Role != "" {
		kind = textOr(q, "auditlog.role."+a.Role, a.Role)
	}
	if a.Token {
		kind = q.T("auditlog.token", "kind", kind)
	}
	switch {
	case a.Addr.IsValid():
	case who == kind:
		return who, ""
	default:
		return who, kind
	}
	return who, q.T("auditlog.at", "kind", kind, "address", a.Addr.String())
}

func actionText(q *panel.Request, a hotspot.Action) string {
	return textOr(q, "auditlog.action."+string(a), string(a))
}

// textOr is the text of a key, or another one for what newer versions brought.
func textOr(q *panel.Request, key, other string) string {
	if q.Lang.Has(key) {
		return q.T(key)
	}
	return other
}

// export sends all that is looked for as a file.
func (a *area) export(q *panel.Request) {
	in, query := read(q.URL.Query(), q.Now().Location())
	if in.wrong["from"] || in.wrong["to"] {
		q.Go(q.To(path, in.query(0)...))
		return
	}
	query.Limit = fileRows
	rows, next, err := a.Service.FindAudit(q.Context(), query)
	if err != nil {
		q.Fail(err)
		return
	}
	w := sheet.NewTableWriter(q.Download("audit-"+q.Now().Format(dayLayout)+".csv", "text/csv; charset=utf-8"),
		"id", "time", "clock_believed", "kind", "name", "role", "token", "address", "action", "subject", "changes")
	for err == nil {
		for i := range rows {
			if err := w.Write(record(&rows[i], q.Now().Location())...); err != nil {
				return // the operator went away
			}
		}
		if next == 0 || q.Context().Err() != nil {
			break
		}
		query.Before = next
		rows, next, err = a.Service.FindAudit(q.Context(), query)
	}
	if err != nil {
		a.Log.Error("a list was cut off", "action", "audit", "error", err)
		panic(http.ErrAbortHandler) // half a file must not look like a whole one
	}
	// A failed write means that the operator went away.
	_ = w.Flush()
}

// record is a row of the file.
func record(r *hotspot.AuditRow, zone *time.Location) []string {
	address := ""
	if r.Actor.Addr.IsValid() {
		address = r.Actor.Addr.String()
	}
	var changes []string
	for _, c := range r.Changes {
		text := c.Field + ": " + c.Old + " → " + c.New
		if c.Old == "" && c.New == "" {
			text = c.Field + ": (secret)"
		}
		changes = append(changes, text)
	}
	return []string{strconv.FormatUint(r.ID, 10), r.Time.In(zone).Format(time.RFC3339), strconv.FormatBool(!r.Provisional), string(r.Actor.Kind), r.Actor.Name,
		r.Actor.Role, strconv.FormatBool(r.Actor.Token), address, string(r.Action), r.Subject, strings.Join(changes, "\n")}
}
