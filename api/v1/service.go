package v1

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Prefix is where the API lives.
const Prefix = "/api/v1"

// Service is what the API needs of [hotspot.Service].
type Service interface {
	Stats
	Devices
	Logo
	CreateVouchers(ctx context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error)
	EditVoucher(ctx context.Context, username string, e hotspot.VoucherEdit) (hotspot.VoucherView, error)
	RemoveVoucher(ctx context.Context, username string) error
	Voucher(ctx context.Context, username string) (hotspot.VoucherView, error)
	FindVouchers(ctx context.Context, q hotspot.VoucherQuery) ([]hotspot.VoucherView, *hotspot.VoucherPlace, error)
	EditVouchers(ctx context.Context, ids []uint64, match func(hotspot.VoucherView) bool, e hotspot.VoucherEdit) ([]hotspot.VoucherView, error)
	RemoveVouchers(ctx context.Context, ids []uint64, match func(hotspot.VoucherView) bool) ([]hotspot.Voucher, error)
	KeepUndo(ctx context.Context, u *hotspot.Undo) (hotspot.UndoNote, bool, error)
	Undo(ctx context.Context, id string) (hotspot.UndoResult, error)
	ImportFitting(ctx context.Context, rows iter.Seq2[hotspot.VoucherEdit, error], conflict hotspot.OnConflict, dryRun bool) (hotspot.ImportResult, []hotspot.RefusedRow, error)
	ImportVouchers(ctx context.Context, rows iter.Seq2[hotspot.VoucherEdit, error], conflict hotspot.OnConflict, dryRun bool) (hotspot.ImportResult, error)
	People
	Guests(ctx context.Context) ([]hotspot.Guest, error)
	GuestHosts(ctx context.Context) ([]hotspot.GuestHost, error)
	Kick(ctx context.Context, m hotspot.MAC) error
	// FindAudit returns rows of the audit log, newest first, and where to go on;
	// 0: there is no more.
	FindAudit(ctx context.Context, q hotspot.AuditQuery) (rows []hotspot.AuditRow, next uint64, err error)
	Setting(key string) (string, error)
	SetSetting(ctx context.Context, key, value string) error
	SetSettings(ctx context.Context, values map[string]string) error
	Now() (t time.Time, believed bool)
	Zone() *time.Location
}

var _ Service = (*hotspot.Service)(nil)

// Keys keeps the credentials of the API's callers. What it is asked to do, it
// does if the caller may.
type Keys interface {
	DeviceKey(ctx context.Context) (string, error)
	// Regenerate replaces the key and returns the new one. The old one is
	// refused from then on.
	Regenerate(ctx context.Context) (string, error)
	// DeviceUse tells when the device key was last used, and from where.
	DeviceUse(ctx context.Context) (time.Time, netip.Addr, error)

	List(ctx context.Context, by *surface.Principal) ([]surface.Key, error)
	Get(ctx context.Context, by *surface.Principal, id surface.ID) (surface.Key, error)
	// View returns the key itself, if it was made to be viewable.
	View(ctx context.Context, by *surface.Principal, id surface.ID) (string, error)
	// Create returns also the key itself.
	Create(ctx context.Context, by *surface.Principal, n surface.NewKey) (surface.Key, string, error)
	Rename(ctx context.Context, by *surface.Principal, id surface.ID, label string) (surface.Key, error)
	Remove(ctx context.Context, by *surface.Principal, id surface.ID) error
	// TokenFor issues an access token, and EndTokens makes those refused that
	// were issued. The zero id stands for the device key.
	TokenFor(ctx context.Context, by *surface.Principal, id surface.ID) (string, time.Time, error)
	EndTokens(ctx context.Context, by *surface.Principal, id surface.ID) error
}

// Config is what the API is made of.
type Config struct {
	Service Service // must not be nil
	Keys    Keys    // must not be nil
	// Webhooks keeps the endpoints that are told of events; must not be nil.
	Webhooks Webhooks
	Log      *slog.Logger // must not be nil; gets what clients are not told
	// Info tells what the daemon knows of itself; the API fills in the clock,
	// the zone and the guests. Must not be nil.
	Info func(context.Context) Status
	// Health knows how the parts of the hotspot are. Nil where no daemon runs.
	Health *surface.HealthWatch
	// Stopping is closed when streams shall end. Nil: never.
	Stopping <-chan struct{}
	// ClockSynced is told that the system's clock is right now. Nil where no
	// daemon runs that would care.
	ClockSynced func(context.Context) error
	// Operators keeps the people who may sign in. Nil where nobody does.
	Operators Operators
	// PDF writes vouchers for printing, as a query says. Nil where nobody can.
	PDF func(ctx context.Context, query url.Values, w io.Writer) error
	// Cloud keeps the address on the internet. Nil where there is none.
	Cloud surface.CloudEndpoint
	// Backups copies the store and takes copies back. Nil where it cannot be.
	Backups Backups
	// System tells of the daemon and the machine. Nil where no daemon runs.
	System surface.System
	// Receipts keeps answers for requests that are sent again. Nil where
	// nobody does that.
	Receipts *Receipts
}

// server carries the parts to the operations.
type server struct {
	Config
	mux     *http.ServeMux
	doc     *huma.OpenAPI // what describes the operations, and checks input
	streams atomic.Int32  // of statistics, that are open
}

// New returns the API for paths under [Prefix].
func New(c Config) *API {
	if c.Backups == nil {
		c.Backups = noBackups{}
	}
	if c.PDF == nil {
		c.PDF = noPDF
	}
	if c.Cloud == nil {
		c.Cloud = noCloud{}
	}
	s := &server{Config: c, mux: http.NewServeMux(), doc: newDocument()}
	s.vouchers()
	s.bulk()
	s.imports()
	s.guests()
	s.devices()
	s.settings()
	s.logo()
	s.logins()
	s.persons()
	s.stats()
	s.system()
	s.machine()
	s.apiKeys()
	s.webhooks()
	s.cloud()
	s.printing()
	s.operators()
	s.audit()
	s.backups()
	s.describe()
	return &API{s}
}

// problem turns an error into what the client may know of it. What it is not
// told, the cause of a failure, is logged.
func (s *server) problem(ctx context.Context, operation string, err error) *Problem {
	if errors.Is(err, surface.ErrWrongKey) || errors.Is(context.Cause(ctx), surface.ErrWrongKey) {
		return unauthorized(surface.ErrWrongKey) // revoked while the request was under way
	}
	p := problemOf(err)
	var e *hotspot.Error
	if errors.As(err, &e) {
		now, _ := s.Service.Now()
		p.retry = retryAfter(e, now)
	}
	told := errors.As(err, &e) && e.Err == nil
	if p.Status >= http.StatusInternalServerError && !told && ctx.Err() == nil {
		s.Log.Error("request failed", "operation", operation, "err", err)
	}
	return p
}
