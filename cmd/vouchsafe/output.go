package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// timeForm is how people read times; the zone is the venue's.
const timeForm = "2006-01-02 15:04"

// table aligns columns. Text of strangers (device names, notes) is made
// harmless for terminals.
type table struct {
	w *tabwriter.Writer
}

func newTable(w io.Writer) *table { return &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	// An empty last cell would leave blanks at the end of the line.
	for len(cells) > 1 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	_, _ = io.WriteString(t.w, strings.Join(cells, "\t")+"\n") // Flush returns the error
}

func (t *table) flush() error { return t.w.Flush() }

// printable replaces what could move a terminal's cursor or worse.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// clip shortens a text to n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// print prints a result: as JSON if that is asked for, or else its text.
func (a *app) print(v any, text string) error {
	if a.json {
		return printJSON(a.stdout, v)
	}
	_, err := io.WriteString(a.stdout, text)
	return err
}

// printJSON prints one value, indented.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// listJSON prints a slice as one array, an item per line. It has no type
// parameter, or a router's flash would have a copy for every type.
func listJSON(w io.Writer, items any) error {
	out, list := newJSONList(w), reflect.ValueOf(items)
	for i := range list.Len() {
		if err := out.add(list.Index(i).Addr().Interface()); err != nil {
			return err
		}
	}
	return out.end()
}

// streamJSON prints a list like listJSON, as the items come.
func streamJSON[T any](w io.Writer, items iter.Seq2[T, error]) error {
	out := newJSONList(w)
	for item, err := range items {
		if err == nil {
			err = out.add(&item)
		}
		if err != nil {
			return err
		}
	}
	return out.end()
}

// jsonList writes an array.
type jsonList struct {
	out  *bufio.Writer // Flush returns the errors of writing
	one  bytes.Buffer
	enc  *json.Encoder
	some bool
}

func newJSONList(w io.Writer) *jsonList {
	l := &jsonList{out: bufio.NewWriter(w)}
	l.enc = json.NewEncoder(&l.one)
	l.enc.SetEscapeHTML(false)
	return l
}

func (l *jsonList) add(item any) error {
	l.one.Reset()
	if err := l.enc.Encode(item); err != nil {
		return err
	}
	before := "[\n"
	if l.some {
		before = ",\n"
	}
	l.some = true
	_, _ = l.out.WriteString(before)
	_, err := l.out.Write(bytes.TrimSuffix(l.one.Bytes(), []byte("\n")))
	return err
}

func (l *jsonList) end() error {
	text := "\n]\n"
	if !l.some {
		text = "[]\n"
	}
	_, _ = l.out.WriteString(text)
	return l.out.Flush()
}

// printList prints a list as it comes, as JSON or as a table with a row for
// each item, and returns how many rows that were.
func printList[T any](a *app, items iter.Seq2[T, error], columns []string, cells func(T) []string) (n int, err error) {
	if a.json {
		return 0, streamJSON(a.stdout, items)
	}
	t := newTable(a.stdout)
	for item, err := range items {
		if err != nil {
			return n, err
		}
		if n++; n == 1 {
			t.row(columns...)
		}
		t.row(cells(item)...)
	}
	return n, t.flush()
}

// orNone says in words that a list was empty.
func (a *app) orNone(n int, err error, text string) error {
	if err == nil && n == 0 && !a.json {
		_, err = io.WriteString(a.stdout, text+"\n")
	}
	return err
}

// size writes an amount of bytes for people.
func size(n uint64) string {
	const kB = 1 << 10
	switch {
	case n == 0:
		return "0"
	case n < kB:
		return strconv.FormatUint(n, 10) + " B"
	case n < hotspot.MB:
		return decimal(n, kB) + " kB"
	case n < hotspot.MB<<10:
		return decimal(n, hotspot.MB) + " MB"
	}
	return decimal(n, hotspot.MB<<10) + " GB"
}

// decimal divides with one digit after the point, rounded down so that what is
// left never looks like more, without ".0".
func decimal(n, unit uint64) string {
	s := strconv.FormatUint(n/unit, 10)
	if tenth := n % unit * 10 / unit; tenth > 0 {
		s += "." + strconv.FormatUint(tenth, 10)
	}
	return s
}

// usedOf writes what is used of a limit.
func usedOf(used, limit uint64) string {
	if limit == 0 {
		return size(used)
	}
	return size(used) + " of " + size(limit)
}

// leftOf writes what is left; nil is unlimited.
func leftOf(n *uint64) string {
	if n == nil {
		return "unlimited"
	}
	return size(*n)
}

// length writes a number of seconds in its two largest units.
func length(s int64) string {
	units := []struct {
		name string
		n    int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}
	for i, u := range units {
		if s < u.n && u.n > 1 {
			continue
		}
		text := strconv.FormatInt(s/u.n, 10) + u.name
		if rest := s % u.n; i+1 < len(units) && rest/units[i+1].n > 0 {
			text += strconv.FormatInt(rest/units[i+1].n, 10) + units[i+1].name
		}
		return text
	}
	return "0s"
}

// clockTime writes a time, or what stands for its absence.
func clockTime(t *time.Time, absent string) string {
	if t == nil {
		return absent
	}
	return t.Format(timeForm)
}
