package sheet

import (
	"encoding/csv"
	"io"
)

// CSVWriter writes a CSV file.
type CSVWriter struct {
	csv     *csv.Writer
	columns []*column
	cells   []string
}

// NewCSVWriter writes the names of the columns.
func NewCSVWriter(w io.Writer) *CSVWriter {
	c := &CSVWriter{csv: csv.NewWriter(w), columns: columns()}
	c.csv.UseCRLF = true // as RFC 4180 has it
	for _, col := range c.columns {
		c.cells = append(c.cells, col.name)
	}
	_ = c.csv.Write(c.cells) // Flush returns the error
	return c
}

// Write writes a voucher.
func (c *CSVWriter) Write(v Voucher) error {
	for i, col := range c.columns {
		c.cells[i] = col.write(&v)
	}
	return c.csv.Write(c.cells)
}

// Flush writes what is not written yet.
func (c *CSVWriter) Flush() error {
	c.csv.Flush()
	return c.csv.Error()
}
