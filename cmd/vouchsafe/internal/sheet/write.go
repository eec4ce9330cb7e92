package sheet

import (
	"encoding/csv"
	"io"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

// Of is what an export says of a voucher: what the operator decided about it,
// and nothing of its use.
func Of(v v1.Voucher) v1.ImportVoucher {
	from := ""
	if v.ValidFrom != nil {
		from = v.ValidFrom.Format(time.RFC3339)
	}
	return v1.ImportVoucher{
		Username: &v.Username, Passcode: &v.Passcode, FullName: &v.FullName, Note: &v.Note,
		ValidFor: &v.ValidFor, ValidFrom: &from, DownloadLimit: &v.DownloadLimit, UploadLimit: &v.UploadLimit,
		Devices: &v.Devices, Disabled: &v.Disabled,
	}
}

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
func (c *CSVWriter) Write(v v1.ImportVoucher) error {
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
