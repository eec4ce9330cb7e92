package entry

import (
	"context"
	"embed"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Operators keeps the people who may sign in; *operators.Operators does.
type Operators interface {
	// Empty reports whether nobody is an operator yet.
	Empty(ctx context.Context) (bool, error)
	// CreateFirst makes the first operator, an owner.
	CreateFirst(ctx context.Context, n api.NewOperator, from netip.Addr) (api.Operator, error)

	// Open signs somebody in. Who is not let in gets [api.ErrWrongKey], or an
	// [api.WaitError].
	Open(ctx context.Context, in api.SignIn) (api.Ticket, error)
	// Code finishes a sign-in that needs a code.
	Code(ctx context.Context, cookie, code string, from netip.Addr) (api.Ticket, error)
	// AwaitsCode reports whether a cookie waits for a code.
	AwaitsCode(cookie string) bool
	// Confirm checks the password of who is signed in once more.
	Confirm(ctx context.Context, cookie, password string, from netip.Addr) (api.Ticket, error)
	// Fresh reports whether that was a short while ago.
	Fresh(by *api.Principal) bool
	SignOut(ctx context.Context, cookie string) error

	Get(ctx context.Context, by *api.Principal, id api.ID) (api.Operator, error)
	SetName(ctx context.Context, by *api.Principal, id api.ID, name string) error
	SetPassword(ctx context.Context, by *api.Principal, id api.ID, password string) error
	// OfferTOTP returns a secret for an authenticator app; the same one for a
	// while. ConfirmTOTP and NewRecovery return recovery codes.
	OfferTOTP(ctx context.Context, by *api.Principal, id api.ID, issuer string) (api.TOTPOffer, error)
	ConfirmTOTP(ctx context.Context, by *api.Principal, id api.ID, code string) ([]string, error)
	NewRecovery(ctx context.Context, by *api.Principal, id api.ID) ([]string, error)
	DropTOTP(ctx context.Context, by *api.Principal, id api.ID) error
	Sessions(ctx context.Context, by *api.Principal, id api.ID) ([]api.Session, error)
	// EndSession ends one session; with the zero id, all but the one that asks.
	EndSession(ctx context.Context, by *api.Principal, id, which api.ID) (int, error)
}

// Service is what the first run needs of [hotspot.Service].
type Service interface {
	Setting(key string) (string, error)
	SetSetting(ctx context.Context, key, value string) error
	SetSettings(ctx context.Context, values map[string]string) error
	CreateVouchers(ctx context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error)
	Zone() *time.Location
}

// Fact is something found out about the machine.
type Fact struct {
	Check   string // what was looked at, such as "guest interface"
	Verdict string // ok, warning, problem or unknown
	Found   hotspot.Text
	Remedy  hotspot.Text // empty: nothing to do
}

// Config is what the pages are made of.
type Config struct {
	Operators Operators // must not be nil
	Service   Service   // must not be nil
	// Detected finds out about the machine what somebody who sets it up should
	// know. Nil: nothing is found out.
	Detected func(ctx context.Context) []Fact
}

type entry struct {
	Config
	codes panel.Once // recovery codes just made
	made  made
}

// New returns the pages.
func New(cfg Config) panel.Section {
	e := &entry{Config: cfg, made: newMade()}
	open, own, owner := panel.Open(), panel.SignedIn(), panel.Writes(api.ScopeAll)
	get, post := http.MethodGet, http.MethodPost
	return panel.Section{Files: Files, Pages: panel.PagesOf(e, []panel.PageOf[*entry]{
		{Method: get, Path: panel.PathSignIn, Access: open, Serve: (*entry).signInPage},
		{Method: post, Path: panel.PathSignIn, Access: open, Serve: (*entry).signIn},
		{Method: get, Path: pathCode, Access: open, Serve: (*entry).codePage},
		{Method: post, Path: pathCode, Access: open, Serve: (*entry).code},
		{Method: post, Path: panel.PathSignOut, Access: own, Serve: (*entry).signOut},
		{Method: get, Path: panel.PathConfirm, Access: own, Serve: (*entry).confirmPage},
		{Method: post, Path: panel.PathConfirm, Access: own, Serve: (*entry).confirm},

		{Method: get, Path: panel.PathSetup, Access: open, Serve: (*entry).ownerPage},
		{Method: post, Path: panel.PathSetup, Access: open, Serve: (*entry).owner},
		{Method: get, Path: pathVenue, Access: owner, Serve: (*entry).venuePage},
		{Method: post, Path: pathVenue, Access: owner, Serve: (*entry).venue},
		{Method: get, Path: pathLogins, Access: owner, Serve: (*entry).loginsPage},
		{Method: post, Path: pathLogins, Access: owner, Serve: (*entry).logins},
		{Method: get, Path: pathVouchers, Access: owner, Serve: (*entry).vouchersPage},
		{Method: post, Path: pathVouchers, Access: owner, Serve: (*entry).vouchers},
		{Method: get, Path: pathDone, Access: owner, Serve: (*entry).donePage},

		{Method: get, Path: panel.PathAccount, Access: own, Serve: (*entry).accountPage},
		{Method: post, Path: pathName, Access: own, Serve: (*entry).name},
		{Method: get, Path: pathPassword, Access: own, Serve: (*entry).passwordPage},
		{Method: post, Path: pathPassword, Access: own, Serve: (*entry).password},
		{Method: get, Path: pathTOTP, Access: own, Serve: (*entry).totpPage},
		{Method: post, Path: pathTOTP, Access: own, Serve: (*entry).totp},
		{Method: post, Path: pathRecovery, Access: own, Serve: (*entry).recovery},
		{Method: get, Path: pathTOTPOff, Access: own, Serve: (*entry).totpOffPage},
		{Method: post, Path: pathTOTPOff, Access: own, Serve: (*entry).totpOff},
		{Method: post, Path: pathSessions, Access: own, Serve: (*entry).endSessions},
	})}
}

// Addresses of the pages.
const (
	pathCode     = panel.PathSignIn + "/code"
	pathVenue    = panel.PathSetup + "/venue"
	pathLogins   = panel.PathSetup + "/logins"
	pathVouchers = panel.PathSetup + "/vouchers"
	pathDone     = panel.PathSetup + "/done"
	pathName     = panel.PathAccount + "/name"
	pathPassword = panel.PathAccount + "/password"
	pathTOTP     = panel.PathAccount + "/totp"
	pathRecovery = panel.PathAccount + "/recovery"
	pathTOTPOff  = panel.PathAccount + "/totp/off"
	pathSessions = panel.PathAccount + "/sessions"
	pathPrint    = "/print"
)

// nextField is the parameter of an address that says where to go on.
const nextField = "next"

// here is the address of a page that passes on where to go after it.
func here(q *panel.Request, path string, query ...string) webui.URL {
	return q.To(path, append(query, nextField, q.URL.Query().Get(nextField))...)
}

// next is where to go on: a page of this host that the address names, or the
// first one, in the language that was chosen on the way.
func next(q *panel.Request) webui.URL {
	to := panel.Next(q.URL.Query().Get(nextField))
	u, err := url.Parse(to.Href())
	if err != nil {
		return to
	}
	var query []string
	for name, values := range u.Query() {
		for _, v := range values {
			query = append(query, name, v)
		}
	}
	return q.To(u.Path, query...)
}
