package sheet

import (
	"encoding/csv"
	"io"
)

// TableWriter writes any table as a CSV file for spreadsheets. No text is taken
// for a formula.
type TableWriter struct {
	csv   *csv.Writer
	cells []string
}

// NewTableWriter writes the names of the columns.
func NewTableWriter(w io.Writer, columns ...string) *TableWriter {
	t := &TableWriter{csv: csv.NewWriter(w)}
	t.csv.UseCRLF = true     // as RFC 4180 has it
	_ = t.csv.Write(columns) // Flush returns the error
	return t
}

// Write writes a row.
func (t *TableWriter) Write(cells ...string) error {
	t.cells = t.cells[:0]
	for _, c := range cells {
		t.cells = append(t.cells, guard(c))
	}
	return t.csv.Write(t.cells)
}

// Flush writes what is not written yet.
func (t *TableWriter) Flush() error {
	t.csv.Flush()
	return t.csv.Error()
}
