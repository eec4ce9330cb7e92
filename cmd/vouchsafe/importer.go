package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"strconv"
	"strings"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
)

// maxImportFile bounds what is piped in: it is read twice, so it is kept.
const maxImportFile = 64 << 20

// importer imports one file. Up to v1.MaxBatch vouchers are one transaction. A
// larger file is rehearsed whole before its first batch is kept: one
// transaction of it all would take a router's memory, and keep guests waiting.
type importer struct {
	a     *app
	c     *v1.Client
	flags importFlags
	json  bool
	bar   *progress
	lines sheet.Lines // of the batch under way
	sent  int         // rows of the batches before
}

func (i *importer) run(ctx context.Context, in io.Reader) (v1.ImportResult, error) {
	file, err := rereadable(in)
	if err != nil {
		return v1.ImportResult{}, err
	}
	i.bar = i.a.progress("read", 0)
	defer i.bar.end()
	first, more, err := i.pass(ctx, file, i.flags.dryRun, true)
	if err != nil || !more {
		return first, unless(first, i.flags.dryRun, err)
	}
	i.bar.what = "checked"
	all, err := i.again(ctx, file, true)
	if err != nil || i.flags.dryRun {
		return all, unless(v1.ImportResult{}, true, err)
	}
	i.bar.what = "imported"
	all, err = i.again(ctx, file, false)
	return all, unless(all, false, err)
}

// unless says what was done before an error.
func unless(r v1.ImportResult, dryRun bool, err error) error {
	if err == nil {
		return nil
	}
	if n := r.Created + r.Updated; n > 0 && !dryRun {
		return &remedied{err, vouchers(n) + " imported before; correct that, and import the file again with --on-conflict skip"}
	}
	return fmt.Errorf("%w; nothing was imported", err)
}

// again goes through the file from its start.
func (i *importer) again(ctx context.Context, file io.ReadSeeker, dryRun bool) (v1.ImportResult, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return v1.ImportResult{}, err
	}
	i.sent = 0
	all, _, err := i.pass(ctx, file, dryRun, false)
	return all, err
}

// pass sends the rows of a file batch by batch. With alone, a file that is more
// than one batch is not sent at all.
func (i *importer) pass(ctx context.Context, file io.Reader, dryRun, alone bool) (all v1.ImportResult, more bool, err error) {
	next, stop := iter.Pull2(once(i.rows(file)))
	defer stop()
	all.DryRun = dryRun
	row, err, ok := next()
	for ok && err == nil {
		var body bytes.Buffer
		i.lines = sheet.Lines{}
		for ok && err == nil && i.lines.Len() < v1.MaxBatch && body.Len() < v1.MaxImport-v1.MaxRow {
			if err = i.lines.Add(&body, row); err == nil {
				row, err, ok = next()
			}
			i.bar.at(i.sent + i.lines.Len())
		}
		if err != nil {
			break
		}
		if alone && ok {
			return all, true, nil
		}
		got, err := i.c.ImportVouchers(ctx, &body, hotspot.OnConflict(i.flags.conflict), dryRun)
		if err != nil {
			return all, false, i.atLine(err)
		}
		all.Created, all.Updated, all.Skipped = all.Created+got.Created, all.Updated+got.Updated, all.Skipped+got.Skipped
		i.sent += i.lines.Len()
	}
	return all, false, err
}

// rows reads a file by its format.
func (i *importer) rows(file io.Reader) iter.Seq2[sheet.Row, error] {
	r := bufio.NewReader(file)
	i.json = i.flags.format == formatJSON
	if i.flags.format == "" {
		head, _ := r.Peek(64)
		head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))
		i.json = len(head) > 0 && (head[0] == '[' || head[0] == '{')
	}
	if i.json {
		return sheet.ReadJSON(r)
	}
	return sheet.ReadCSV(r)
}

// once refuses a username that is there twice, also in different batches. Only
// hashes are kept.
func once(rows iter.Seq2[sheet.Row, error]) iter.Seq2[sheet.Row, error] {
	return func(yield func(sheet.Row, error) bool) {
		seed, seen := maphash.MakeSeed(), map[uint64]struct{}{}
		for row, err := range rows {
			if name := row.Voucher.Username; err == nil && name != nil && *name != "" {
				h := maphash.String(seed, strings.ToLower(*name))
				if _, twice := seen[h]; twice {
					err = &sheet.Error{Line: row.Line, Column: "username", Text: strconv.Quote(*name) + " is in the file twice"}
				}
				seen[h] = struct{}{}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// rereadable makes a file that can be read twice of what is piped in.
func rereadable(in io.Reader) (io.ReadSeeker, error) {
	if f, ok := in.(io.ReadSeeker); ok {
		if _, err := f.Seek(0, io.SeekCurrent); err == nil {
			return f, nil
		}
	}
	b, err := io.ReadAll(io.LimitReader(in, maxImportFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if len(b) > maxImportFile {
		return nil, fmt.Errorf("more than %d MB are piped in; divide it, or name a file", maxImportFile>>20)
	}
	return bytes.NewReader(b), nil
}

// atLine puts the line of the file in place of the row that the API names.
func (i *importer) atLine(err error) error {
	var e *hotspot.Error
	if !errors.As(err, &e) {
		return err
	}
	rest, ok := strings.CutPrefix(e.Field, "vouchers[")
	number, column, closed := strings.Cut(rest, "]")
	row, bad := strconv.Atoi(number)
	if !ok || !closed || bad != nil {
		return err
	}
	out := &sheet.Error{Line: i.lines.Of(row), Item: i.json, Column: strings.TrimPrefix(column, "."), Text: e.Text}
	if e.Code == hotspot.CodeUsernameTaken {
		return &remedied{out, "leave such vouchers as they are with --on-conflict skip, or change them with --on-conflict update"}
	}
	return out
}
