package vouchers

import (
	"errors"
	"hash/maphash"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const (
	// maxRows bounds a file's vouchers.
	maxRows = 100_000
	// atOnce is how many are one transaction: one of a whole file would take a
	// router's memory, and keep guests waiting.
	atOnce = 5000
	// shownRefused is how many rows that cannot be are shown.
	shownRefused = 50
	// sendTime is how long a file may take to arrive.
	sendTime = 2 * time.Minute
)

// outcome is what an import did, or would do.
type outcome struct {
	hotspot.ImportResult
	refused int
	rows    []refusedRow // the first of them
	fault   string       // what ended the reading; empty: nothing
}

// refusedRow is a row that cannot be imported.
type refusedRow struct {
	line   int
	column string
	text   string
	taken  bool // its username is
}

// conflicts are what can be done about usernames that are taken.
var conflicts = [...]hotspot.OnConflict{hotspot.ConflictFail, hotspot.ConflictSkip, hotspot.ConflictUpdate}

// importPage asks for a file.
func (a *area) importPage(q *panel.Request) { a.showImport(q, statusOK, "") }

func (a *area) showImport(q *panel.Request, status int, refused string) {
	f := fields{q, func(string) string { return string(hotspot.ConflictFail) }, faults{"file": refused}}
	file := f.typed("file", "file", 0)
	file.Accept, file.Value = ".csv,text/csv", ""
	v := &formView{Fields: []*parts.FieldView{conflictField(f), file},
		Form: parts.FormView{To: q.To(pathImport), Token: q.Token(), File: true, Submit: parts.ButtonView{Text: q.T("vouchers.import.look")},
			Cancel: &parts.LinkView{Text: q.T("vouchers.cancel"), To: q.To(Path)}}}
	v.Form.StreamFields = v.StreamInputs
	card := &parts.CardView{Title: q.T("vouchers.import.file"), Texts: []string{q.T("vouchers.import.text"), q.T("vouchers.import.columns")}, StreamContent: v.StreamMain}
	q.ShowStatus(status, q.T("vouchers.import"), (&cardView{card}).StreamMain)
}

func conflictField(f fields) *parts.FieldView {
	v := f.field("conflict")
	for _, c := range conflicts {
		v.Options = append(v.Options, parts.OptionView{Value: string(c), Text: f.q.T("vouchers.conflict." + string(c))})
	}
	return v
}

// upload takes a file and leads to what it would do.
func (a *area) upload(q *panel.Request) {
	if q.File == nil {
		a.showImport(q, http.StatusUnprocessableEntity, q.T("vouchers.import.no_file"))
		return
	}
	// The server's limit is for forms.
	_ = http.NewResponseController(q.W).SetReadDeadline(time.Now().Add(sendTime))
	err := a.uploads.put(q.By.Session, q.File.Name, q.File, q.Now())
	patience(q)
	switch {
	case errors.Is(err, errTooLarge), errors.As(err, new(*http.MaxBytesError)):
		a.showImport(q, http.StatusUnprocessableEntity, q.T("vouchers.import.too_large", "most", maxFile>>20))
		return
	case err != nil:
		q.Fail(err)
		return
	}
	q.Go(q.To(pathCheck, "conflict", q.Form.Get("conflict")))
}

// checkView is what a file would do.
type checkView struct {
	Fault   *parts.NoticeView
	Found   parts.CardView
	Rows    parts.FactsView
	Table   *parts.TableView // nil: no row is refused
	Confirm formView
	Again   parts.FilterView // the same with another choice
	Other   parts.LinkView   // to another file
}

// waiting is the file that waits, or nil if the answer was given.
func (a *area) waiting(q *panel.Request) *upload {
	file := a.uploads.get(q.By.Session, q.Now())
	if file == nil {
		q.Say(parts.NoticeView{Kind: parts.Warning, Text: q.T("vouchers.import.gone"), Remedy: q.T("vouchers.import.gone.remedy")})
		q.Go(q.To(pathImport))
	}
	return file
}

// checkPage shows what a file would do.
func (a *area) checkPage(q *panel.Request) {
	file := a.waiting(q)
	if file == nil {
		return
	}
	conflict := conflictOf(q.URL.Query().Get("conflict"))
	out, err := a.run(q, file, conflict, true)
	if err != nil {
		q.Fail(err)
		return
	}
	v := &checkView{Rows: parts.FactsView{Rows: []parts.FactView{{Name: q.T("vouchers.import.name"), Text: file.name, Typed: true}}}}
	for _, x := range [...]struct {
		key string
		n   int
	}{{"created", out.Created}, {"updated", out.Updated}, {"skipped", out.Skipped}, {"refused", out.refused}} {
		v.Rows.Rows = append(v.Rows.Rows, parts.FactView{Name: q.T("vouchers.import." + x.key), Text: q.Lang.Number(int64(x.n))})
	}
	v.Found = parts.CardView{Title: q.T("vouchers.import.would"), StreamContent: v.StreamFacts}
	if out.fault != "" {
		v.Fault = &parts.NoticeView{Kind: parts.Bad, Text: q.T("vouchers.import.fault"), Remedy: out.fault}
	}
	if len(out.rows) > 0 {
		t := refusedTable(q, out)
		v.Table = &t
	}
	if n := out.Created + out.Updated; n > 0 && out.fault == "" {
		text := q.T("vouchers.import.do", "vouchers", many(q, n))
		if out.refused > 0 {
			text = q.T("vouchers.import.do_some", "vouchers", many(q, n), "left", out.refused)
		}
		v.Confirm = formView{Hidden: []parts.OptionView{{Text: "conflict", Value: string(conflict)}},
			Form: parts.FormView{To: q.To(pathCheck), Token: q.Token(), Submit: parts.ButtonView{Text: text}, Cancel: &parts.LinkView{Text: q.T("vouchers.cancel"), To: q.To(Path)}}}
		v.Confirm.Form.StreamFields = v.Confirm.StreamInputs
	}
	f := fields{q, func(string) string { return string(conflict) }, nil}
	v.Again = parts.FilterView{To: q.To(pathCheck), Submit: q.T("vouchers.import.look"), StreamFields: parts.Fields(conflictField(f))}
	v.Other = parts.LinkView{Text: q.T("vouchers.import.other"), To: q.To(pathImport)}
	q.Show(q.T("vouchers.import.check"), v.StreamMain)
}

// refusedTable lists rows that cannot be imported.
func refusedTable(q *panel.Request, out outcome) parts.TableView {
	t := parts.TableView{Lang: q.Lang, ID: "refused", Caption: q.T("vouchers.import.refused.rows", "n", out.refused),
		Columns: []parts.ColumnView{{Text: q.T("vouchers.import.line"), Number: true}, {Text: q.T("vouchers.import.column")}, {Text: q.T("vouchers.import.why")}}}
	for _, r := range out.rows {
		why := parts.CellView{Text: r.text}
		if r.taken {
			why = parts.CellView{Text: q.T("vouchers.import.taken"), Detail: q.T("vouchers.import.taken.remedy")}
		}
		t.Rows = append(t.Rows, []parts.CellView{{Text: q.Lang.Number(int64(r.line))}, {Text: r.column}, why})
	}
	return t
}

func conflictOf(s string) hotspot.OnConflict {
	if c := hotspot.OnConflict(s); slices.Contains(conflicts[:], c) {
		return c
	}
	return hotspot.ConflictFail
}

// imported imports the file that waits.
func (a *area) imported(q *panel.Request) {
	file := a.waiting(q)
	if file == nil {
		return
	}
	a.uploads.drop(file) // a second click finds nothing
	out, err := a.run(q, file, conflictOf(q.Form.Get("conflict")), false)
	if err != nil && out.Created+out.Updated == 0 {
		q.Fail(err)
		return
	}
	n := parts.NoticeView{Kind: parts.Good, Text: q.T("vouchers.import.done", "created", out.Created, "updated", out.Updated, "skipped", out.Skipped)}
	if err != nil || out.fault != "" || out.refused > 0 {
		n.Kind, n.Remedy = parts.Warning, q.T("vouchers.import.done.left", "n", out.refused)
	}
	q.Say(n)
	q.Go(q.To(Path))
}

// run imports a file, or finds out what that would do: batch by batch.
func (a *area) run(q *panel.Request, file *upload, conflict hotspot.OnConflict, dryRun bool) (out outcome, err error) {
	r, err := file.open()
	if err != nil {
		return out, err
	}
	next, stop := iter.Pull2(sheet.ReadCSV(r))
	defer stop()
	twice := newTwice()
	for n, more := 0, true; more; {
		var rows []importRow
		for len(rows) < atOnce {
			var row sheet.Row
			var err error
			if row, err, more = next(); !more {
				break
			}
			if n++; n > maxRows {
				err, more = &sheet.Error{Text: q.T("vouchers.import.too_many", "most", maxRows)}, false
			}
			if err != nil && row.Line == 0 || !more {
				out.fault, more = faultOf(q, err), false
				break
			}
			rows = append(rows, a.rowOf(q, row, err, twice))
		}
		patience(q)
		if err := a.some(q, rows, conflict, dryRun, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// faultOf tells what ends the reading of a file.
func faultOf(q *panel.Request, err error) string {
	var e *sheet.Error
	if !errors.As(err, &e) {
		return q.T("panel.fault.internal.text")
	}
	text := q.Words(e)
	if e.Line > 0 {
		text = q.T("vouchers.import.at", "line", e.Line, "text", text)
	}
	_, text, _ = q.Refusal(hotspot.Invalid("", "%s", text))
	return text
}

// importRow is a row of a file, ready to be imported or not.
type importRow struct {
	line int
	edit hotspot.VoucherEdit
	err  *hotspot.Error // nil: it is
	why  string         // in the page's language, if that is not the rules' own text
}

// rowOf turns a row of the file into what the rules take.
func (a *area) rowOf(q *panel.Request, row sheet.Row, err error, twice *twice) importRow {
	r := importRow{line: row.Line}
	if err == nil {
		r.edit, err = row.Voucher.Edit(a.Service.Zone())
	}
	var wrong *sheet.Error
	switch {
	case errors.As(err, &wrong):
		r.err = hotspot.Invalid(wrong.Column, "%s", wrong)
	case err != nil && !errors.As(err, &r.err):
		r.err = hotspot.Invalid("", "%s", err)
	case err == nil && row.Voucher.Username != nil && twice.seen(*row.Voucher.Username):
		r.err = hotspot.Invalid("username", "is in the file twice")
		r.why = q.T("vouchers.import.twice", "username", joined([]string{*row.Voucher.Username}, 1))
	}
	return r
}

// some imports one batch and adds to the outcome.
func (a *area) some(q *panel.Request, rows []importRow, conflict hotspot.OnConflict, dryRun bool, out *outcome) error {
	if len(rows) == 0 {
		return nil
	}
	got, refused, err := a.Service.ImportFitting(q.Context(), func(yield func(hotspot.VoucherEdit, error) bool) {
		for _, r := range rows {
			var err error
			if r.err != nil {
				err = r.err
			}
			if !yield(r.edit, err) {
				return
			}
		}
	}, conflict, dryRun)
	if err != nil {
		var e *hotspot.Error
		if errors.As(err, &e) && e.Code == hotspot.CodeInvalid {
			out.fault = q.T("vouchers.import.hopeless")
			return nil
		}
		return err
	}
	out.Created, out.Updated, out.Skipped = out.Created+got.Created, out.Updated+got.Updated, out.Skipped+got.Skipped
	out.refused += len(refused)
	for _, r := range refused {
		if len(out.rows) < shownRefused {
			_, text, _ := q.RefusedBy("vouchers", r.Err)
			if why := rows[r.Row].why; why != "" {
				text = why
			}
			out.rows = append(out.rows, refusedRow{rows[r.Row].line, r.Err.Field, text, r.Err.Code == hotspot.CodeUsernameTaken})
		}
	}
	return nil
}

// twice finds usernames that are in a file twice, also in different batches.
// Only hashes are kept.
type twice struct {
	seed  maphash.Seed
	names map[uint64]struct{}
}

func newTwice() *twice { return &twice{maphash.MakeSeed(), map[uint64]struct{}{}} }

// seen notes a username, and reports whether it was there before.
func (t *twice) seen(name string) bool {
	if name == "" {
		return false
	}
	h := maphash.String(t.seed, strings.ToLower(name))
	_, there := t.names[h]
	t.names[h] = struct{}{}
	return there
}

// cardView is a page of one card.
type cardView struct{ Card *parts.CardView }
