// Package sheet reads and writes vouchers as files that people keep: CSV, as
// spreadsheets write it, and JSON. What is written reads back as it was.
//
// Files are hostile: every row is bounded, and errors name the line and the
// column at fault.
package sheet

import (
	"errors"
	"fmt"
	"io"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Row is one voucher of a file.
type Row struct {
	Voucher Voucher
	Line    int // of a CSV file, from 1; of a JSON file, the voucher's number
}

// Error says what is wrong with a file, and where.
type Error struct {
	Line   int    // 0: the file as a whole
	Item   bool   // Line is the number of a voucher
	Column string // "": the row as a whole
	Text   string

	words *hotspot.Wording // of Text
}

// wrong says what is wrong with a line, or with a column in it.
//
//go:noinline // it takes much code
func wrong(line int, column, format string, args ...any) *Error {
	w := hotspot.Worded(format, args...)
	return &Error{Line: line, Column: column, Text: w.Error(), words: w}
}

// ofItem says that a line is the number of a voucher.
func (e *Error) ofItem() *Error {
	e.Item = true
	return e
}

// Message is what Text is made of; see [hotspot.Wording.Message].
func (e *Error) Message() (format string, args []any) {
	if e.words == nil {
		return e.Text, nil
	}
	return e.words.Message()
}

// Error implements error.
func (e *Error) Error() string {
	where := ""
	switch {
	case e.Line > 0 && e.Item:
		where = fmt.Sprintf("voucher %d, ", e.Line)
	case e.Line > 0:
		where = fmt.Sprintf("line %d, ", e.Line)
	}
	if e.Column != "" {
		where += "column " + e.Column + ", "
	}
	if where == "" {
		return e.Text
	}
	return where[:len(where)-2] + ": " + e.Text
}

// errTooLong ends the reading of a row that does not end.
var errTooLong = errors.New("row too long")

// bounded reads no further than a row can reach.
type bounded struct {
	r     io.Reader
	read  int64
	until int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.read >= b.until {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.until-b.read)])
	b.read += int64(n)
	return n, err
}

// from allows one more row after an offset, and what is read ahead of it.
func (b *bounded) from(offset int64) { b.until = offset + MaxRow + buffer }

// buffer is how far is read ahead.
const buffer = 4096
