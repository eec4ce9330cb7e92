package vouchers

import (
	"bufio"
	"net/http"

	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// export writes the vouchers of a search as a file. A voucher is written as it
// is when its turn comes.
func (a *area) export(q *panel.Request) {
	name := "vouchers-" + q.Now().Format("2006-01-02") + ".csv"
	to := q.Download(name, "text/csv; charset=utf-8")
	if q.Method == http.MethodHead {
		return
	}
	b := bufio.NewWriter(to)
	w := sheet.NewCSVWriter(b)
	s := parseSearch(q.URL.Query())
	for found, err := range a.batches(q.Context(), &s) {
		patience(q)
		for _, v := range found {
			if err == nil {
				err = w.Write(sheet.Of(v.Voucher, a.Service.Zone()))
			}
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			panic(http.ErrAbortHandler) // the file is cut short, and the browser told
		}
	}
	_ = w.Flush() // the names of the columns, if nothing was found
	_ = b.Flush()
}
