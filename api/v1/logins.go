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
	Login        string      `json:"login" doc:"voucher, e-mail address, number …"`
	Method       string      `json:"method"`
	MAC          hotspot.MAC `json:"mac"`
	Addresses    []string    `json:"addresses" nullable:"false"`
	Started      *time.Time  `json:"started"`
	Ended        *time.Time  `json:"ended" doc:"null: it goes on"`
	Reason       string      `json:"reason" doc:"why it ended"`
	DownloadUsed uint64      `json:"download_used" doc:"bytes"`
	UploadUsed   uint64      `json:"upload_used" doc:"bytes"`
}

// User is a person known by something other than a voucher.
type User struct {
	ID           uint64      `json:"id"`
	Method       string      `json:"method"`
	Key          string      `json:"key" doc:"e-mail address, number, Facebook id; of free access the MAC"`
	Name         string      `json:"name"`
	Email        string      `json:"email"`
	Comments     []string    `json:"comments" nullable:"false" doc:"the operator's own fields on the form"`
	MAC          hotspot.MAC `json:"mac" doc:"of the last login"`
	Visits       uint64      `json:"visits"`
	Marketing    bool        `json:"marketing" doc:"agreed to be written to"`
	Verified     bool        `json:"verified" doc:"proved to own the address or number"`
	Created      *time.Time  `json:"created"`
	LastLogin    *time.Time  `json:"last_login"`
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
	}
	listUsersIn struct {
		Method string `query:"method" default:"free" enum:"free,email,mobile,facebook"`
		Cursor string `query:"cursor" doc:"the next of the page before"`
		Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" format:"int64"`
	}
)

// scanMost is how many logins one request looks at: on a small router, others
// want to be served, too.
const scanMost = 5000

// logins registers the operations on who has been here.
func (s *server) logins(api huma.API) {
	register(s, api, reads(surface.ScopeUsers), huma.Operation{OperationID: "list-logins", Method: http.MethodGet, Path: "/logins",
		Summary: "List logins, newest first"}, s.listLogins)
	register(s, api, reads(surface.ScopeUsers), huma.Operation{OperationID: "list-users", Method: http.MethodGet, Path: "/users",
		Summary: "List the users of a login method other than vouchers, oldest first"}, s.listUsers)
}

func (s *server) listLogins(ctx context.Context, in *listLoginsIn) (*item[Page[Login]], error) {
	match, err := s.loginMatcher(in)
	if err != nil {
		return nil, err
	}
	asked := []string{in.Since, in.Until, in.Voucher, in.MAC}
	place, err := parseCursor(in.Cursor, "logins", asked...)
	if err != nil {
		return nil, err
	}
	before := place.ID
	page := Page[Login]{Items: []Login{}}
	for scanned := 0; ; scanned += pageSize {
		sessions, err := s.Service.Logins(ctx, before, pageSize)
		if err != nil {
			return nil, err
		}
		for _, x := range sessions {
			before = x.ID
			if match(x) {
				page.Items = append(page.Items, loginOf(x, s.Service.Zone()))
			}
			if len(page.Items) == in.Limit {
				page.Next = cursorByID(before, "logins", asked...)
				return &item[Page[Login]]{page}, nil
			}
		}
		if len(sessions) < pageSize {
			return &item[Page[Login]]{page}, nil
		}
		if scanned+pageSize >= scanMost {
			page.Next = cursorByID(before, "logins", asked...)
			return &item[Page[Login]]{page}, nil
		}
	}
}

// loginMatcher returns what tells whether a login was asked for.
func (s *server) loginMatcher(in *listLoginsIn) (func(hotspot.Session) bool, error) {
	since, err := s.parseMoment("since", in.Since)
	if err != nil {
		return nil, err
	}
	until, err := s.parseMoment("until", in.Until)
	if err != nil {
		return nil, err
	}
	var mac hotspot.MAC
	if in.MAC != "" {
		if mac, err = hotspot.ParseMAC(in.MAC); err != nil {
			return nil, hotspot.Invalid("mac", "%v", err)
		}
	}
	return func(x hotspot.Session) bool {
		return within(x.Started, since, until) && (mac.IsZero() || x.MAC == mac) &&
			(in.Voucher == "" || x.Account.Method == hotspot.MethodVoucher && strings.EqualFold(x.Login, in.Voucher))
	}, nil
}

func loginOf(x hotspot.Session, zone *time.Location) Login {
	return Login{ID: x.ID, Login: x.Login, Method: string(x.Account.Method), MAC: x.MAC, Addresses: texts(x.Addrs),
		Started: in(zone, x.Started), Ended: in(zone, x.Ended), Reason: string(x.Reason),
		DownloadUsed: x.Used.Down, UploadUsed: x.Used.Up}
}

func (s *server) listUsers(ctx context.Context, in *listUsersIn) (*item[Page[User]], error) {
	after, err := parseCursor(in.Cursor, "users", in.Method)
	if err != nil {
		return nil, err
	}
	users, err := s.Service.Users(ctx, hotspot.Method(in.Method), after.ID, in.Limit)
	if err != nil {
		return nil, err
	}
	page := Page[User]{Items: make([]User, 0, len(users))}
	for _, u := range users {
		page.Items = append(page.Items, userOf(u, s.Service.Zone()))
	}
	if n := len(users); n == in.Limit {
		page.Next = cursorByID(users[n-1].ID, "users", in.Method)
	}
	return &item[Page[User]]{page}, nil
}

func userOf(u hotspot.User, zone *time.Location) User {
	return User{ID: u.ID, Method: string(u.Method), Key: u.Key, Name: u.Name, Email: u.Email, Comments: u.Comments[:],
		MAC: u.MAC, Visits: u.Visits, Marketing: u.Marketing, Verified: u.Verified,
		Created: in(zone, u.Created), LastLogin: in(zone, u.LastLogin), DownloadUsed: u.Used.Down, UploadUsed: u.Used.Up}
}
