package v1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// ImportVoucher is one voucher of an import and of an export: what an operator
// decides about it, and nothing of its use. What is missing takes the default
// of a new voucher; of a voucher that is updated, it stays as it is.
type ImportVoucher struct {
	Username      *string `json:"username,omitempty" doc:"missing or empty: random"`
	Passcode      *string `json:"passcode,omitempty" doc:"missing or empty: random"`
	FullName      *string `json:"full_name,omitempty" doc:"missing: random; empty: none"`
	Note          *string `json:"note,omitempty"`
	ValidFor      *string `json:"valid_for,omitempty" doc:"missing: the setting voucher.valid_for"`
	ValidFrom     *string `json:"valid_from,omitempty" doc:"empty: at once"`
	DownloadLimit *uint64 `json:"download_limit,omitempty" doc:"bytes; 0: unlimited"`
	UploadLimit   *uint64 `json:"upload_limit,omitempty" doc:"bytes; 0: unlimited"`
	TotalLimit    *uint64 `json:"total_limit,omitempty" doc:"bytes of both directions together; 0: unlimited"`
	Devices       *int    `json:"devices,omitempty" minimum:"0" doc:"0: the setting voucher.devices" format:"int64"`
	Disabled      *bool   `json:"disabled,omitempty"`
}

// ImportResult tells what an import did.
type ImportResult struct {
	Created int  `json:"created" format:"int64"`
	Updated int  `json:"updated" format:"int64"`
	Skipped int  `json:"skipped" doc:"there were vouchers of these names" format:"int64"`
	DryRun  bool `json:"dry_run" doc:"nothing was kept"`
}

// ImportFitted tells what an import did, and what it left out.
type ImportFitted struct {
	ImportResult
	Refused []RefusedRow `json:"refused,omitempty" doc:"with lenient: the lines that were left out"`
}

// RefusedRow is a line of an import that was left out.
type RefusedRow struct {
	Field  string       `json:"field" doc:"the line, counted from 0, and what is wrong in it: vouchers[3].valid_for"`
	Code   hotspot.Code `json:"code"`
	Detail string       `json:"detail"`
}

const (
	// MaxImport bounds the body of an import: it is held in memory, since the
	// store may have to read it more than once.
	MaxImport = 4 << 20
	// MaxRow bounds one line of it.
	MaxRow = 32 << 10
)

// imports registers the import.
func (s *server) imports() {
	gives := answering[ImportFitted](s, "ImportResult")
	// Its lines are described as a schema although no operation has them as such.
	s.doc.Components.Schemas.Schema(reflect.TypeFor[ImportVoucher](), true, "ImportVoucher")
	s.raw(writes(surface.ScopeVouchers), &huma.Operation{OperationID: "import-vouchers", Method: http.MethodPost, Path: "/vouchers/import",
		Summary:     "Make up to 5000 vouchers from lines, all or none",
		Description: "Every line of the body is an ImportVoucher as JSON. The field of an error names the line, counted from 0, and what is wrong in it: vouchers[3].valid_for.",
		Parameters: []*huma.Param{
			query("on_conflict", "string", "what becomes of a username that is taken: fail (nothing is imported), skip or update"),
			query("dry_run", "boolean", "do all of it, and keep nothing"),
			query("lenient", "boolean", "leave out lines that cannot be, up to 1000 of them, and tell them; without it, one such line is an error"),
			onceParam(),
		}}, linesType, gives, func(w http.ResponseWriter, r *http.Request) error {
		body, err := importBody(r)
		if err != nil {
			return err
		}
		ctx, done := s.once(w, r, "import-vouchers", http.StatusOK, body, madeImport)
		if done == nil {
			return nil
		}
		defer done()
		result, err := s.importVouchers(ctx, r.URL.Query(), body)
		if err == nil {
			s.sendJSON(w, r, result)
		}
		return err
	})
}

// madeImport tells what an import did that was not a rehearsal: those leave
// nothing behind.
func madeImport(made any) any {
	if got, ok := made.(hotspot.ImportFitted); ok {
		return fitted(got, false)
	}
	got, _ := made.(hotspot.ImportResult)
	return fitted(hotspot.ImportFitted{ImportResult: got}, false)
}

// fitted is what an import did.
func fitted(got hotspot.ImportFitted, dry bool) ImportFitted {
	out := ImportFitted{ImportResult: ImportResult{Created: got.Created, Updated: got.Updated, Skipped: got.Skipped, DryRun: dry}}
	for _, r := range got.Refused {
		var e *hotspot.Error
		if errors.As(atRow(r.Err, r.Row), &e) {
			out.Refused = append(out.Refused, RefusedRow{e.Field, e.Code, e.Text})
		}
	}
	return out
}

func importBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxImport+1))
	switch {
	case err != nil:
		return nil, hotspot.Invalid("", "cannot read request body: %v", err)
	case len(body) > MaxImport:
		return nil, hotspot.Invalid("", "an import is at most %d MB; divide it", MaxImport>>20)
	}
	return body, nil
}

func (s *server) importVouchers(ctx context.Context, q url.Values, body []byte) (ImportFitted, error) {
	conflict := hotspot.OnConflict(q.Get("on_conflict"))
	if conflict == "" {
		conflict = hotspot.ConflictFail
	}
	dry := q.Get("dry_run") == "true"
	var done hotspot.ImportFitted
	var err error
	row := -1
	if q.Get("lenient") == "true" {
		if longer(body) {
			return ImportFitted{}, atRow(tooMany(), MaxBatch)
		}
		done.ImportResult, done.Refused, err = s.Service.ImportFitting(ctx, s.rows(body, &row, true), conflict, dry)
	} else {
		done.ImportResult, err = s.Service.ImportVouchers(ctx, s.rows(body, &row, false), conflict, dry)
	}
	if err != nil {
		return ImportFitted{}, atRow(err, row)
	}
	return fitted(done, dry), nil
}

// tooMany ends an import.
func tooMany() error {
	return hotspot.Invalid("", "is one too many: at most %d can be imported at once", MaxBatch)
}

// rows reads the lines of a body; at is the number of the one read last. Lenient
// reading goes on after a line that cannot be.
func (s *server) rows(body []byte, at *int, lenient bool) iter.Seq2[hotspot.VoucherEdit, error] {
	return func(yield func(hotspot.VoucherEdit, error) bool) {
		*at = -1
		for line := range bytes.Lines(body) {
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				continue
			}
			*at++
			e, err := s.row(line)
			if *at == MaxBatch {
				err, lenient = tooMany(), false
			}
			if !yield(e, err) || err != nil && !lenient {
				return
			}
		}
	}
}

// longer reports whether there are more lines than an import takes: that is no
// mistake of one of them.
func longer(body []byte) bool {
	n := 0
	for line := range bytes.Lines(body) {
		if len(bytes.TrimSpace(line)) > 0 {
			n++
		}
	}
	return n > MaxBatch
}

// row reads one line.
func (s *server) row(line []byte) (hotspot.VoucherEdit, error) {
	var v ImportVoucher
	if len(line) > MaxRow {
		return hotspot.VoucherEdit{}, hotspot.Invalid("", "is longer than %d bytes", MaxRow)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return hotspot.VoucherEdit{}, notJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return hotspot.VoucherEdit{}, hotspot.Invalid("", "has something after the voucher")
	}
	return s.edit(VoucherEdit{Username: v.Username, Passcode: v.Passcode, FullName: v.FullName, Note: v.Note,
		ValidFor: given(v.ValidFor), ValidFrom: v.ValidFrom, DownloadLimit: v.DownloadLimit, UploadLimit: v.UploadLimit, TotalLimit: v.TotalLimit,
		Devices: v.Devices, Disabled: v.Disabled})
}

// given is a text that is not empty, or nil.
func given(s *string) *string {
	if s != nil && *s == "" {
		return nil
	}
	return s
}

// notJSON says why a line cannot be read.
func notJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return hotspot.Invalid(wrong.Field, "a %s does not belong here", wrong.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return hotspot.Invalid("", "there is nothing called %s in a voucher", name)
	}
	return hotspot.Invalid("", "is not JSON: %v", err)
}

// atRow puts the row at fault before an error's field.
func atRow(err error, row int) error {
	var e *hotspot.Error
	if row < 0 || !errors.As(err, &e) || e.Code != hotspot.CodeInvalid && e.Code != hotspot.CodeUsernameTaken {
		return err
	}
	at := *e
	switch at.Field {
	case "fullname":
		at.Field = "full_name"
	case "on_conflict":
		return err
	}
	place := fmt.Sprintf("vouchers[%d]", row)
	if at.Field != "" {
		place += "." + at.Field
	}
	at.Field = place
	return &at
}
