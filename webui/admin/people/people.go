package people

import (
	"context"
	"embed"
	"io"
	"net/http"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the pages need; [hotspot.Service] has it.
type Service interface {
	FindUsers(ctx context.Context, q hotspot.UserQuery) ([]hotspot.UserView, *hotspot.VoucherPlace, error)
	User(ctx context.Context, a hotspot.AccountID) (hotspot.UserView, error)
	FindLogins(ctx context.Context, q hotspot.LoginQuery) (hotspot.LoginsFound, error)
	Person(ctx context.Context, w hotspot.Who) (hotspot.Person, error)
	Erase(ctx context.Context, w hotspot.Who) (hotspot.Person, error)
	ExportPerson(ctx context.Context, w hotspot.Who, out io.Writer) error
	Settings() hotspot.Settings
	SetSettings(ctx context.Context, values map[string]string) error
}

// Config is what the pages are made of.
type Config struct {
	Service Service // must not be nil
}

// The pages' addresses.
const (
	pathList      = "/users"
	pathExport    = pathList + "/export"
	pathFind      = pathList + "/find"
	pathRetention = pathList + "/retention"
	pathPerson    = pathList + "/{who}"
	pathFile      = pathPerson + "/export"
	pathDelete    = pathPerson + "/delete"
	pathLogins    = "/logins" // of another area
	pathVouchers  = "/vouchers/by-id"
)

type area struct{ Config }

// reads is for who may look at people, writes for who may delete them.
func reads() panel.Access  { return panel.Reads(api.ScopeUsers) }
func writes() panel.Access { return panel.Writes(api.ScopeUsers) }

// keeps is for who decides how long people are remembered.
func keeps() panel.Access { return panel.Writes(api.ScopeSettings) }

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{cfg}
	return panel.Section{
		Nav: []panel.NavItem{{Key: "people.nav", Path: pathList, Access: reads()}},
		Pages: panel.PagesOf(a, []panel.PageOf[*area]{
			{Method: http.MethodGet, Path: pathList, Access: reads(), Serve: (*area).list},
			{Method: http.MethodGet, Path: pathExport, Access: reads(), Serve: (*area).exportList},
			{Method: http.MethodGet, Path: pathFind, Access: reads(), Serve: (*area).find},
			{Method: http.MethodGet, Path: pathRetention, Access: keeps(), Serve: (*area).retention},
			{Method: http.MethodPost, Path: pathRetention, Access: keeps(), Serve: (*area).keep},
			{Method: http.MethodGet, Path: pathPerson, Access: reads(), Serve: (*area).person},
			{Method: http.MethodGet, Path: pathFile, Access: reads(), Serve: (*area).exportPerson},
			{Method: http.MethodGet, Path: pathDelete, Access: writes(), Serve: (*area).question},
			{Method: http.MethodPost, Path: pathDelete, Access: writes(), Serve: (*area).erase},
		}),
		Files: Files,
	}
}

// readsLong is how long an answer may take that reads the whole login log.
const readsLong = 10 * time.Minute

// takeTime lets an answer take longer than others.
func takeTime(q *panel.Request, d time.Duration) {
	// Where that cannot be, the answer has the time of every other.
	_ = http.NewResponseController(q.W).SetWriteDeadline(time.Now().Add(d))
}
