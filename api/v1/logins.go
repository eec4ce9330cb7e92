package v1

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Login is one session of a guest, from the login to its end.
type Login struct {
	ID           uint64      `json:"id"`
	Login        string      `json:"login" doc:"voucher, e-mail address, number …; empty, with a MAC of zeros, if the person was deleted"`
	Name         string      `json:"name" doc:"a voucher's full name, a user's name"`
	Method       string      `json:"method"`
	MAC          hotspot.MAC `json:"mac"`
	Addresses    []string    `json:"addresses" nullable:"false"`
	Started      *time.Time  `json:"started"`
	Ended        *time.Time  `json:"ended" doc:"null: it goes on"`
	Reason       string      `json:"reason" doc:"why it ended"`
	DownloadUsed uint64      `json:"download_used" doc:"bytes"`
	UploadUsed   uint64      `json:"upload_used" doc:"bytes"`
}

type (
	listLoginsIn struct {
		Cursor  string `query:"cursor" doc:"the next of the page before"`
		Limit   int    `query:"limit" default:"100" minimum:"1" maximum:"1000" format:"int64"`
		Since   string `query:"since" doc:"logins from then on: 2006-01-02 15:04:05 in the venue's zone, or RFC 3339, or so long ago, such as 2 days"`
		Until   string `query:"until" doc:"logins before then; the same"`
		Voucher string `query:"voucher" doc:"logins with the voucher of this username"`
		MAC     string `query:"mac" doc:"logins of this device"`
		Method  string `query:"method" enum:"voucher,email,mobile,facebook,free" doc:"logins by this method"`
		Q       string `query:"q" doc:"logins that have this in the login, the MAC, an address or the name of the account, in either case"`
	}
)

// logins registers the operations on who has been here.
func (s *server) logins() {
	register(s, reads(surface.ScopeUsers), &huma.Operation{OperationID: "list-logins", Method: http.MethodGet, Path: "/logins",
		Summary:     "List logins, newest first",
		Description: "A page may have less than was asked for, or nothing, and a next one all the same: a request looks at so many logins only."}, (*server).listLogins)
}

func (s *server) listLogins(ctx context.Context, in *listLoginsIn) (*item[Page[Login]], error) {
	query, err := s.loginQuery(in)
	if err != nil {
		return nil, err
	}
	asked := []string{in.Since, in.Until, in.Voucher, in.MAC, in.Method, in.Q}
	place, err := parseCursor(in.Cursor, "logins", asked...)
	if err != nil {
		return nil, err
	}
	query.Before, query.Limit, query.Scan = place.ID, in.Limit, hotspot.LoginScan
	found, err := s.Service.FindLogins(ctx, query)
	if err != nil {
		return nil, err
	}
	page := Page[Login]{Items: make([]Login, 0, len(found.Logins)), Next: cursorByID(found.Next, "logins", asked...)}
	for i := range found.Logins {
		page.Items = append(page.Items, loginOf(&found.Logins[i], s.Service.Zone()))
	}
	return &item[Page[Login]]{page}, nil
}

// loginQuery says which logins are asked for.
func (s *server) loginQuery(in *listLoginsIn) (q hotspot.LoginQuery, err error) {
	q.Method, q.Text = hotspot.Method(in.Method), in.Q
	if q.Since, err = s.parseMoment("since", in.Since); err != nil {
		return q, err
	}
	if q.Until, err = s.parseMoment("until", in.Until); err != nil {
		return q, err
	}
	if in.MAC != "" {
		if q.MAC, err = hotspot.ParseMAC(in.MAC); err != nil {
			return q, hotspot.Invalid("mac", "%v", err)
		}
	}
	if in.Voucher != "" {
		q.Match = func(x *hotspot.Session) bool {
			return x.Account.Method == hotspot.MethodVoucher && strings.EqualFold(x.Login, in.Voucher)
		}
	}
	return q, nil
}

func loginOf(x *hotspot.Login, zone *time.Location) Login {
	return Login{ID: x.ID, Login: x.Login, Name: x.Name, Method: string(x.Account.Method), MAC: x.MAC, Addresses: texts(x.Addrs),
		Started: in(zone, x.Started), Ended: in(zone, x.Ended), Reason: string(x.Reason),
		DownloadUsed: x.Used.Down, UploadUsed: x.Used.Up}
}
