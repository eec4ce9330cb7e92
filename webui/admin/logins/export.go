package logins

import (
	"net/http"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// exportPage is how many logins are in memory while a file is written.
const exportPage = 500

// export sends the logins that are asked for as a CSV file, with the names and
// forms of the API's list.
func (a *area) export(q *panel.Request) {
	ask := readAsked(q)
	if len(ask.wrong) > 0 {
		q.Go(ask.to(q, pathLog))
		return
	}
	ask.query.Limit, ask.query.Before = exportPage, 0
	w := sheet.NewTableWriter(q.Download("logins.csv", "text/csv; charset=utf-8"),
		"id", "login", "name", "type", "MAC", "address", "login_at", "logout_at", "reason", "bytes_out", "bytes_in")
	deadline, zone := http.NewResponseController(q.W), q.Now().Location()
	for {
		// Where that cannot be, the file has the time of every answer.
		_ = deadline.SetWriteDeadline(time.Now().Add(api.WriteTimeout))
		found, err := a.Service.FindLogins(q.Context(), ask.query)
		if err != nil {
			panic(http.ErrAbortHandler) // a part must not look like the whole
		}
		for i := range found.Logins {
			if w.Write(line(&found.Logins[i], zone)...) != nil {
				return
			}
		}
		if w.Flush() != nil || found.Next == 0 {
			return
		}
		ask.query.Before = found.Next
	}
}

func line(x *hotspot.Login, zone *time.Location) []string {
	mac, moment := "", func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format(time.DateTime)
	}
	if !x.MAC.IsZero() {
		mac = x.MAC.String()
	}
	return []string{strconv.FormatUint(x.ID, 10), x.Login, x.Name, string(x.Account.Method), mac, address(&x.Session),
		moment(x.Started), moment(x.Ended), string(x.Reason), strconv.FormatUint(x.Used.Down, 10), strconv.FormatUint(x.Used.Up, 10)}
}
