package parts

import "github.com/vouchsafe/vouchsafe/webui"

// Order is how a column is sorted, in the words of aria-sort.
type Order string

// Orders of a column. The zero Order is that of another column.
const (
	Ascending  Order = "ascending"
	Descending Order = "descending"
)

// ColumnView is a column of a table.
type ColumnView struct {
	Text   string
	By     webui.URL // sorts by it; zero: it cannot be sorted by
	Order  Order
	Number bool // set flush with the end of the line
	Wide   bool // left out on phones
}

// CellView is one of a row's cells, in the order of the columns.
type CellView struct {
	Text   string
	Detail string    // below, in small letters
	To     webui.URL // of the page about it, if any
	Typed  bool      // by people: it is kept from turning its surroundings around
	Badge  *BadgeView
	// StreamContent comes after all this, if not nil: a button, a meter.
	StreamContent webui.Block
}

// TableView is a list of things of the same kind. On a phone each row is a
// card, and the columns' headings stand above to sort by.
type TableView struct {
	Lang    *webui.Language
	ID      string
	Swap    string // id of what links for sorting and turning over replace; "": the list itself
	Caption string
	Columns []ColumnView
	Rows    [][]CellView
	Empty   *EmptyView // instead of a table without rows
	Events  webui.URL  // of events that say that the list is old, if any
	// Previous and Next lead to more rows, by a cursor. Zero: there are none.
	Previous, Next webui.URL
}

// class is the class attribute of the column's cells.
func (c *ColumnView) class() string {
	switch {
	case c.Number && c.Wide:
		return "number wide"
	case c.Number:
		return "number"
	case c.Wide:
		return "wide"
	}
	return ""
}

// swap is the id of what the list's own links replace.
func (v *TableView) swap() string {
	if v.Swap != "" {
		return v.Swap
	}
	return v.ID
}

// column is the heading of a cell, which a card shows beside it.
func (v *TableView) column(i int) *ColumnView {
	if i < len(v.Columns) {
		return &v.Columns[i]
	}
	return &ColumnView{}
}
