package vouchers

import (
	"context"
	"embed"
	"iter"
	"net/http"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// Files are the area's texts.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the area needs of [hotspot.Service].
type Service interface {
	VoucherPage(ctx context.Context, q hotspot.VoucherQuery) (hotspot.VoucherPage, error)
	FindVouchers(ctx context.Context, q hotspot.VoucherQuery) ([]hotspot.VoucherView, *hotspot.VoucherPlace, error)
	Voucher(ctx context.Context, username string) (hotspot.VoucherView, error)
	Vouchers(ctx context.Context, after uint64, limit int) ([]hotspot.VoucherView, error)
	CreateVouchers(ctx context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error)
	EditVouchers(ctx context.Context, ids []uint64, match func(hotspot.VoucherView) bool, e hotspot.VoucherEdit) ([]hotspot.VoucherView, error)
	RemoveVouchers(ctx context.Context, ids []uint64, match func(hotspot.VoucherView) bool) ([]hotspot.Voucher, error)
	ImportFitting(ctx context.Context, rows iter.Seq2[hotspot.VoucherEdit, error], conflict hotspot.OnConflict, dryRun bool) (hotspot.ImportResult, []hotspot.RefusedRow, error)
	KeepUndo(ctx context.Context, u *hotspot.Undo) (hotspot.UndoNote, bool, error)
	Undo(ctx context.Context, id string) (hotspot.UndoResult, error)
	FindLogins(ctx context.Context, q hotspot.LoginQuery) (hotspot.LoginsFound, error)
	Settings() hotspot.Settings
	Zone() *time.Location
}

// Config is what the area is made of.
type Config struct {
	Service Service // must not be nil
}

// Path is the address of the list.
const Path = "/vouchers"

// The addresses of the other pages. A voucher whose username cannot stand in an
// address, or is that of another page, is found by its number.
const (
	pathNew    = Path + "/new"
	pathSelect = Path + "/select"
	pathChange = Path + "/change"
	pathUndo   = Path + "/undo"
	pathExport = Path + "/export.csv"
	pathImport = Path + "/import"
	pathCheck  = Path + "/import/check"
	pathName   = Path + "/{username}"
	pathID     = Path + "/by-id/{id}"
	pathOne    = pathID + "/change"
	pathPrint  = "/print"
)

// maxUpload bounds a file to import, with what surrounds it in the form.
const maxUpload = maxFile + 64<<10

type area struct {
	Config
	uploads uploads
	made    made
}

// New returns the area.
func New(cfg Config) panel.Section {
	a := &area{Config: cfg}
	reads, writes := panel.Reads(api.ScopeVouchers), panel.Writes(api.ScopeVouchers)
	get, post := http.MethodGet, http.MethodPost
	return panel.Section{
		Nav: []panel.NavItem{{Key: "vouchers.nav", Path: Path, Access: reads}},
		Pages: panel.PagesOf(a, []panel.PageOf[*area]{
			{Method: get, Path: Path, Access: reads, Serve: (*area).list},
			{Method: get, Path: pathNew, Access: writes, Serve: (*area).newPage},
			{Method: post, Path: pathNew, Access: writes, Serve: (*area).create},
			{Method: post, Path: pathSelect, Access: writes, Serve: (*area).selected},
			{Method: get, Path: pathChange, Access: writes, Serve: (*area).changePage},
			{Method: post, Path: pathChange, Access: writes, Serve: (*area).change},
			{Method: post, Path: pathUndo, Access: writes, Serve: (*area).undo},
			{Method: get, Path: pathExport, Access: writes, Serve: (*area).export},
			{Method: get, Path: pathImport, Access: writes, Serve: (*area).importPage},
			{Method: post, Path: pathImport, Access: writes, Serve: (*area).upload, MaxBody: maxUpload},
			{Method: get, Path: pathCheck, Access: writes, Serve: (*area).checkPage},
			{Method: post, Path: pathCheck, Access: writes, Serve: (*area).imported},
			{Method: get, Path: pathName, Access: reads, Serve: (*area).byName},
			{Method: get, Path: pathID, Access: reads, Serve: (*area).byID},
			{Method: post, Path: pathID, Access: writes, Serve: (*area).edit},
			{Method: post, Path: pathOne, Access: writes, Serve: (*area).changeOne},
		}),
		Files: Files,
	}
}

// mayWrite is the access of whoever may change vouchers, and see passcodes.
func mayWrite(q *panel.Request) bool { return q.May(panel.Writes(api.ScopeVouchers)) }
