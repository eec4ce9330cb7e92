package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// ReadCSV reads a CSV file with a row of column names. Commas, semicolons and
// tabs part the cells: whichever comes first in the first line. An error that
// comes with a row is about that row alone; another one ends the file.
func ReadCSV(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		t, err := openTable(r)
		if err != nil {
			yield(Row{}, err)
			return
		}
		for {
			row, err := t.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil && row.Line == 0 {
				return
			}
		}
	}
}

// table is a CSV file that is being read.
type table struct {
	csv     *csv.Reader
	limit   *bounded
	columns []*column // nil: a column without a name
}

func openTable(r io.Reader) (*table, error) {
	t := &table{limit: &bounded{r: r}}
	t.limit.from(0)
	in := bufio.NewReaderSize(t.limit, buffer)
	head, _ := in.Peek(buffer)
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return nil, wrong(0, "", "the file is UTF-16; save it as \"CSV UTF-8\"")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = in.Discard(3)
		head = head[3:]
	}
	t.csv = csv.NewReader(in)
	t.csv.FieldsPerRecord, t.csv.ReuseRecord = -1, true
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if i := bytes.IndexAny(line, ",;\t"); i >= 0 {
		t.csv.Comma = rune(line[i])
	}
	names, _, err := t.record()
	if errors.Is(err, io.EOF) {
		return nil, wrong(0, "", "the file is empty; its first line must name the columns, such as: username,passcode,valid_for")
	}
	if err != nil {
		return nil, err
	}
	return t, t.header(names)
}

// header finds out what the columns are.
func (t *table) header(names []string) error {
	seen := map[string]bool{}
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		c := columnOf(name)
		switch {
		case c == nil && name != "":
			return wrong(1, "", "there is no column %q; the columns are %s", clip(name), columnNames())
		case name != "" && seen[name]:
			return wrong(1, "", "the column %s is there twice", name)
		case i >= 100:
			return wrong(1, "", "there are too many columns")
		}
		seen[name] = true
		t.columns = append(t.columns, c)
	}
	if len(seen) == 1 && seen[""] {
		return wrong(1, "", "the first line must name the columns, such as: username,passcode,valid_for")
	}
	return nil
}

// next reads the next row that is not blank.
func (t *table) next() (Row, error) {
	for {
		cells, line, err := t.record()
		if err != nil {
			return Row{}, err
		}
		if strings.TrimSpace(strings.Join(cells, "")) == "" {
			continue // as spreadsheets leave them at the end
		}
		row := Row{Line: line}
		if len(cells) < len(t.columns) {
			return row, wrong(line, "", "has %d of the %d cells that the first line names", len(cells), len(t.columns))
		}
		for i, cell := range cells {
			if i >= len(t.columns) || t.columns[i] == nil {
				if strings.TrimSpace(cell) != "" {
					return row, wrong(line, "", "cell %d, %q, is in no column; put quotes around a cell that has a %q in it", i+1, clip(cell), t.csv.Comma)
				}
				continue
			}
			if err := t.columns[i].read(&row.Voucher, cell); err != nil {
				return row, wrong(line, t.columns[i].name, "%s", err)
			}
		}
		return row, nil
	}
}

// record reads cells, and tells their line.
func (t *table) record() ([]string, int, error) {
	t.limit.from(t.csv.InputOffset())
	cells, err := t.csv.Read()
	var syntax *csv.ParseError
	switch {
	case errors.As(err, &syntax):
		if errors.Is(syntax.Err, errTooLong) {
			break
		}
		return nil, 0, wrong(syntax.Line, "", "the quote at character %d is wrong, in a row that begins at line %d: a cell with quotes in it must be quoted, and its quotes doubled", syntax.Column, syntax.StartLine)
	case errors.Is(err, io.EOF):
		return nil, 0, io.EOF
	}
	line, _ := position(t.csv, cells)
	if errors.Is(err, errTooLong) {
		return nil, 0, wrong(0, "", "a row is too long; is a quote missing?")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the file: %w", err)
	}
	for _, cell := range cells {
		if !utf8.ValidString(cell) {
			return nil, 0, wrong(line, "", "is not UTF-8; save the file as \"CSV UTF-8\"")
		}
	}
	return cells, line, nil
}

func position(r *csv.Reader, cells []string) (line, column int) {
	if len(cells) == 0 {
		return 0, 0
	}
	return r.FieldPos(0)
}

// clip keeps a message short.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return s
}
