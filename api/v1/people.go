package v1

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// People is what the API needs of [hotspot.Service] about those who have been
// here.
type People interface {
	FindLogins(ctx context.Context, q hotspot.LoginQuery) (hotspot.LoginsFound, error)
	FindUsers(ctx context.Context, q hotspot.UserQuery) ([]hotspot.UserView, *hotspot.VoucherPlace, error)
	Person(ctx context.Context, w hotspot.Who) (hotspot.Person, error)
	Erase(ctx context.Context, w hotspot.Who) (hotspot.Person, error)
	ExportPerson(ctx context.Context, w hotspot.Who, out io.Writer) error
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
	Online       int         `json:"online" format:"int64" doc:"devices"`
	Marketing    bool        `json:"marketing" doc:"agreed to be written to"`
	Verified     bool        `json:"verified" doc:"proved to own the address or number"`
	Created      *time.Time  `json:"created"`
	LastLogin    *time.Time  `json:"last_login"`
	DownloadUsed uint64      `json:"download_used" doc:"bytes"`
	UploadUsed   uint64      `json:"upload_used" doc:"bytes"`
}

// Person is what is known of somebody.
type Person struct {
	Who      string         `json:"who"`
	Users    []User         `json:"users" nullable:"false"`
	Devices  []PersonDevice `json:"devices" nullable:"false"`
	Vouchers []string       `json:"vouchers" nullable:"false" doc:"usernames of those that these devices used; they stay"`
	Others   []User         `json:"others" nullable:"false" doc:"users who were here with the same devices; they are persons of their own"`
	Logins   int            `json:"logins" format:"int64" doc:"in the login log; those of a person who is deleted stay, without what identifies anybody"`
	Kept     int            `json:"logins_of_others" format:"int64" doc:"with the same devices; they stay"`
	Events   int            `json:"events" format:"int64" doc:"that wait to be sent to webhooks"`
	Audit    int            `json:"audit_rows" format:"int64" doc:"of the audit log that name the person; they stay"`
}

// PersonDevice is a device of somebody.
type PersonDevice struct {
	MAC       hotspot.MAC `json:"mac"`
	Name      string      `json:"name" doc:"what it calls itself, if it is on the network now"`
	Addresses []string    `json:"addresses" nullable:"false"`
	Online    bool        `json:"online"`
	LastEnd   *time.Time  `json:"last_session_ended"`
	Seen      *time.Time  `json:"last_seen" doc:"as noted for webhooks"`
	Blocked   *time.Time  `json:"blocked_since" doc:"it stays blocked"`
}

type (
	listUsersIn struct {
		Method string `query:"method" default:"free" enum:"free,email,mobile,facebook"`
		Q      string `query:"q" doc:"users that have this in the key, the name, the e-mail address, an own field or the MAC, in either case"`
		Sort   string `query:"sort" default:"created" enum:"created,-created,last_login,-last_login,visits,-visits" doc:"with a minus: the last first"`
		Cursor string `query:"cursor" doc:"the next of the page before"`
		Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" format:"int64"`
	}
	whoIn struct {
		Who string `path:"who" doc:"a user as method and id, such as free-12, or an e-mail address, a telephone number or a MAC"`
	}
)

// persons registers the operations on people.
func (s *server) persons() {
	register(s, reads(surface.ScopeUsers), &huma.Operation{OperationID: "list-users", Method: http.MethodGet, Path: "/users",
		Summary: "List the users of a login method other than vouchers"}, (*server).listUsers)
	register(s, reads(surface.ScopeUsers), &huma.Operation{OperationID: "get-user", Method: http.MethodGet, Path: "/users/{who}",
		Summary: "Tell what is known of a person: users, devices, and how much there is"}, (*server).getUser)
	register(s, writes(surface.ScopeUsers), &huma.Operation{OperationID: "delete-user", Method: http.MethodDelete, Path: "/users/{who}",
		Summary: "Delete a person everywhere",
		Description: "Users, what is remembered of their devices, bindings of vouchers and waiting events go; sessions end; logins stay without what identifies anybody. " +
			"The answer is what there was. An erasure that was cut short can be done again. Backups and snapshots from before are not changed.",
		DefaultStatus: http.StatusOK}, (*server).deleteUser)
	s.raw(reads(surface.ScopeUsers), &huma.Operation{OperationID: "export-user", Method: http.MethodGet, Path: "/users/{who}/export",
		Summary: "Write down all that is known of a person, each login included", Parameters: []*huma.Param{inPath("who")}}, "", &huma.Response{Content: map[string]*huma.MediaType{jsonType: {Schema: exportSchema()}}},
		func(w http.ResponseWriter, r *http.Request) error {
			who, err := hotspot.ParseWho(r.PathValue("who"))
			if err != nil {
				return err
			}
			return s.sendFile(w, jsonType, func(out io.Writer) error { return s.Service.ExportPerson(r.Context(), who, out) })
		})
}

// exportSchema describes what is written down of a person. It is streamed by
// [hotspot.Service.ExportPerson], so no type of ours has it whole.
func exportSchema() *huma.Schema {
	out := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}}
	for _, name := range [...]string{"venue", "written", "asked_for", "users", "devices", "vouchers", "logins"} {
		field := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject}}
		switch name {
		case "venue", "asked_for":
			field = &huma.Schema{Type: huma.TypeString}
		case "written":
			field = &huma.Schema{Type: huma.TypeString, Format: "date-time"}
		}
		out.Properties[name] = field
		out.Required = append(out.Required, name)
	}
	return out
}

func (s *server) listUsers(ctx context.Context, in *listUsersIn) (*item[Page[User]], error) {
	asked := []string{in.Method, in.Q, in.Sort}
	after, err := parseCursor(in.Cursor, "users", asked...)
	if err != nil {
		return nil, err
	}
	order, descending := strings.CutPrefix(in.Sort, "-")
	found, next, err := s.Service.FindUsers(ctx, hotspot.UserQuery{Method: hotspot.Method(in.Method), Text: in.Q,
		Order: hotspot.UserOrder(order), Descending: descending, After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	page := Page[User]{Items: make([]User, 0, len(found))}
	for i := range found {
		u := userOf(&found[i].User, s.Service.Zone())
		u.Online = found[i].Online
		page.Items = append(page.Items, u)
	}
	if next != nil {
		page.Next = cursorOf(*next, "users", asked...)
	}
	return &item[Page[User]]{page}, nil
}

func (s *server) getUser(ctx context.Context, in *whoIn) (*item[Person], error) {
	return s.aboutPerson(ctx, in, s.Service.Person)
}

func (s *server) deleteUser(ctx context.Context, in *whoIn) (*item[Person], error) {
	return s.aboutPerson(ctx, in, s.Service.Erase)
}

// aboutPerson answers with what a method says of a person.
func (s *server) aboutPerson(ctx context.Context, in *whoIn, ask func(context.Context, hotspot.Who) (hotspot.Person, error)) (*item[Person], error) {
	who, err := hotspot.ParseWho(in.Who)
	if err != nil {
		return nil, err
	}
	p, err := ask(ctx, who)
	if err != nil {
		return nil, err
	}
	return &item[Person]{s.personOf(&p)}, nil
}

func (s *server) personOf(p *hotspot.Person) Person {
	zone := s.Service.Zone()
	out := Person{Who: p.Who.String(), Users: usersOf(p.Users, zone), Devices: []PersonDevice{}, Vouchers: []string{}, Others: usersOf(p.Others, zone),
		Logins: p.Logins, Kept: p.Kept, Events: p.Events, Audit: p.Audit}
	for i := range p.Devices {
		d := &p.Devices[i]
		out.Devices = append(out.Devices, PersonDevice{d.MAC, d.Name, texts(d.Addrs), d.Online, in(zone, d.LastEnd), in(zone, d.Seen), in(zone, d.Blocked)})
	}
	for i := range p.Vouchers {
		out.Vouchers = append(out.Vouchers, p.Vouchers[i].Username)
	}
	return out
}

func usersOf(list []hotspot.User, zone *time.Location) []User {
	out := make([]User, 0, len(list))
	for i := range list {
		out = append(out, userOf(&list[i], zone))
	}
	return out
}

func userOf(u *hotspot.User, zone *time.Location) User {
	return User{ID: u.ID, Method: string(u.Method), Key: u.Key, Name: u.Name, Email: u.Email, Comments: u.Comments[:],
		MAC: u.MAC, Visits: u.Visits, Marketing: u.Marketing, Verified: u.Verified,
		Created: in(zone, u.Created), LastLogin: in(zone, u.LastLogin), DownloadUsed: u.Used.Down, UploadUsed: u.Used.Up}
}
