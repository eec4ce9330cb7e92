package sheet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// ReadJSON reads a JSON file: an array of vouchers as an export writes them.
func ReadJSON(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		limit := &bounded{r: r}
		limit.from(0)
		in := bufio.NewReaderSize(limit, buffer)
		if head, _ := in.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
			_, _ = in.Discard(3)
		}
		dec := json.NewDecoder(in)
		dec.DisallowUnknownFields()
		if t, err := dec.Token(); err != nil || t != json.Delim('[') {
			yield(Row{}, wrong(0, "", "the file is no JSON array of vouchers"))
			return
		}
		n := 1
		for ; dec.More(); n++ {
			row := Row{Line: n}
			limit.from(dec.InputOffset() + buffer) // the decoder reads ahead, too
			if err := dec.Decode(&row.Voucher); err != nil {
				yield(row, jsonError(n, err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		limit.from(dec.InputOffset() + buffer)
		if _, err := dec.Token(); err != nil {
			yield(Row{}, jsonError(n, err))
			return
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			yield(Row{}, wrong(0, "", "something follows the array of vouchers"))
		}
	}
}

// jsonError says what is wrong with a voucher.
func jsonError(n int, err error) error {
	var (
		kind   *json.UnmarshalTypeError
		syntax *json.SyntaxError
	)
	switch {
	case errors.Is(err, errTooLong):
		return wrong(n, "", "is too long").ofItem()
	case errors.As(err, &kind):
		return wrong(n, kind.Field, "a %s does not belong here", kind.Value).ofItem()
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return wrong(n, "", "is not JSON: %s", err).ofItem()
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return wrong(n, "", "there is no %s in a voucher; it has %s", name, columnNames()).ofItem()
	}
	return fmt.Errorf("read the file: %w", err)
}

// Lines turns rows into what the API takes, and remembers where they were.
type Lines struct {
	lines []int32
}

// Add writes a row as one line of JSON.
func (l *Lines) Add(w io.Writer, row Row) error {
	l.lines = append(l.lines, int32(row.Line))
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(row.Voucher)
}

// Len returns how many rows there are.
func (l *Lines) Len() int { return len(l.lines) }

// Of returns the line of a row; 0: there is no such row.
func (l *Lines) Of(row int) int {
	if row < 0 || row >= len(l.lines) {
		return 0
	}
	return int(l.lines[row])
}
