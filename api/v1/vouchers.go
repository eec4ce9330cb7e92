package v1

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// pageSize is how many vouchers a page has at most.
const pageSize = 1000

type (
	listVouchersIn struct {
		Cursor string `query:"cursor" doc:"the next of the page before"`
		Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000" format:"int64"`

		Q             string `query:"q" doc:"only those whose username, full name or note has this in it, without regard to case"`
		Sort          string `query:"sort" default:"created" enum:"created,-created,username,-username,last_use,-last_use,expires,-expires" doc:"with a minus: the last first. Those never used come before all others, and those without a known end after them"`
		Status        string `query:"status" doc:"only of these statuses, with commas in between"`
		Username      string `query:"username" doc:"only these, without regard to case; * stands for any text"`
		Note          string `query:"note" doc:"only with this note, without regard to case; * stands for any text"`
		CreatedBefore string `query:"created_before" doc:"2006-01-02 15:04:05 in the venue's zone, or RFC 3339, or so long ago, such as 2 days"`
		CreatedAfter  string `query:"created_after" doc:"the same"`
	}
	newVouchersIn struct {
		Body NewVouchers
	}
	voucherIn struct {
		Username string `path:"username"`
	}
	removeVoucherIn struct {
		Username string `path:"username"`
		IfMatch  string `header:"If-Match" maxLength:"200" doc:"the ETag of the voucher as it was looked at: if somebody has changed it since, the answer is 412, and it stays"`
	}
	editVoucherIn struct {
		Username string `path:"username"`
		IfMatch  string `header:"If-Match" maxLength:"200" doc:"the ETag of the voucher as it was looked at: if somebody has changed it since, the answer is 412, and nothing is changed"`
		Body     VoucherEdit
	}
)

// vouchers registers the operations on vouchers.
func (s *server) vouchers() {
	register(s, reads(surface.ScopeVouchers), &huma.Operation{OperationID: "list-vouchers", Method: http.MethodGet, Path: "/vouchers",
		Summary: "List vouchers, search them, and put them in order"}, (*server).listVouchers)
	registerOnce(s, writes(surface.ScopeVouchers), &huma.Operation{OperationID: "create-vouchers", Method: http.MethodPost, Path: "/vouchers",
		Summary: "Make one voucher or many", DefaultStatus: http.StatusCreated}, s.madeVouchers, (*server).createVouchers)
	register(s, reads(surface.ScopeVouchers), &huma.Operation{OperationID: "get-voucher", Method: http.MethodGet, Path: "/vouchers/{username}",
		Summary: "Show a voucher"}, (*server).getVoucher)
	register(s, writes(surface.ScopeVouchers), &huma.Operation{OperationID: "edit-voucher", Method: http.MethodPatch, Path: "/vouchers/{username}",
		Summary: "Change a voucher"}, (*server).editVoucher)
	register(s, writes(surface.ScopeVouchers), &huma.Operation{OperationID: "remove-voucher", Method: http.MethodDelete, Path: "/vouchers/{username}",
		Summary: "Remove a voucher and end its sessions", DefaultStatus: http.StatusNoContent}, (*server).removeVoucher)
}

func (s *server) listVouchers(ctx context.Context, in *listVouchersIn) (*item[Page[Voucher]], error) {
	asked := []string{in.Q, in.Sort, in.Status, in.Username, in.Note, in.CreatedBefore, in.CreatedAfter}
	after, err := parseCursor(in.Cursor, "vouchers", asked...)
	if err != nil {
		return nil, err
	}
	sel := Selection{Username: in.Username, Note: in.Note, CreatedBefore: in.CreatedBefore, CreatedAfter: in.CreatedAfter}
	if in.Status != "" {
		sel.Status = strings.Split(in.Status, ",")
	}
	match, err := s.matcher(sel)
	if err != nil {
		return nil, err
	}
	query := hotspot.VoucherQuery{Text: in.Q, After: after, Limit: in.Limit, Match: match}
	order, descending := strings.CutPrefix(in.Sort, "-")
	query.Order, query.Descending = hotspot.VoucherOrder(order), descending
	views, next, err := s.Service.FindVouchers(ctx, query)
	if err != nil {
		return nil, err
	}
	page := Page[Voucher]{Items: make([]Voucher, 0, len(views))}
	for _, v := range views {
		page.Items = append(page.Items, s.voucherFor(ctx, v))
	}
	if next != nil {
		page.Next = cursorOf(*next, "vouchers", asked...)
	}
	return &item[Page[Voucher]]{page}, nil
}

func (s *server) createVouchers(ctx context.Context, in *newVouchersIn) (*item[List[Voucher]], error) {
	spec, err := s.spec(in.Body)
	if err != nil {
		return nil, err
	}
	count := max(in.Body.Count, 1)
	if count > 1 && spec.Username != "" {
		return nil, hotspot.Invalid("username", "belongs to one voucher; leave it out to make %d", count)
	}
	specs := make([]hotspot.VoucherSpec, count)
	for i := range specs {
		specs[i] = spec
	}
	made, err := s.Service.CreateVouchers(ctx, specs...)
	if err != nil {
		return nil, err
	}
	return &item[List[Voucher]]{s.madeVouchers(made).(List[Voucher])}, nil
}

// madeVouchers lists vouchers that were made just now.
func (s *server) madeVouchers(made any) any {
	vouchers, _ := made.([]hotspot.Voucher)
	now, believed := s.Service.Now()
	list := List[Voucher]{Items: make([]Voucher, 0, len(vouchers))}
	for _, v := range vouchers {
		view := hotspot.VoucherView{Voucher: v, Status: hotspot.VoucherNew}
		if believed && v.ValidFrom.After(now) {
			view.Status = hotspot.VoucherPending
		}
		list.Items = append(list.Items, voucherOf(view, s.Service.Zone()))
	}
	return list
}

func (s *server) spec(n NewVouchers) (hotspot.VoucherSpec, error) {
	spec := hotspot.VoucherSpec{
		Username: n.Username, Prefix: n.Prefix, Passcode: n.Passcode, FullName: n.FullName, Note: n.Note,
		Limit: hotspot.Usage{Down: n.DownloadLimit, Up: n.UploadLimit}, LimitTotal: n.TotalLimit, Devices: n.Devices,
	}
	if n.ValidFor != "" {
		v, err := hotspot.ReadValidity(n.ValidFor)
		if err != nil {
			return spec, err
		}
		spec.ValidFor = &v
	}
	from, err := hotspot.ReadTime("valid_from", n.ValidFrom, s.Service.Zone())
	spec.ValidFrom = from
	return spec, err
}

func (s *server) getVoucher(ctx context.Context, in *voucherIn) (*tagged[Voucher], error) {
	v, err := s.Service.Voucher(ctx, in.Username)
	if err != nil {
		return nil, noVoucher(err, in.Username)
	}
	out := &tagged[Voucher]{Body: s.voucherFor(ctx, v)}
	if !surface.PrincipalOf(ctx).ReadOnly {
		out.ETag = v.Version() // passcodes can be guessed until it fits
	}
	return out, nil
}

func (s *server) editVoucher(ctx context.Context, in *editVoucherIn) (*tagged[Voucher], error) {
	edit, err := s.edit(in.Body)
	if err != nil {
		return nil, err
	}
	if edit.If, err = ifMatch(in.IfMatch); err != nil {
		return nil, err
	}
	v, err := s.Service.EditVoucher(ctx, in.Username, edit)
	if err != nil {
		return nil, noVoucher(err, in.Username)
	}
	return &tagged[Voucher]{voucherOf(v, s.Service.Zone()), v.Version()}, nil
}

const (
	etagHeader  = "ETag"
	matchHeader = "If-Match"
)

// ifMatch reads the header: the tag of a state, or "*" for any. A weak tag is
// none that matches.
func ifMatch(header string) (version string, err error) {
	switch version, err = strconv.Unquote(header); {
	case header == "", header == "*":
		return "", nil
	case strings.HasPrefix(header, "W/"):
		return header, nil
	case err != nil || version == "" || header[0] != '"':
		return "", hotspot.Invalid(matchHeader, "must be one ETag with its quotes, or *")
	}
	return version, nil
}

func (s *server) edit(e VoucherEdit) (hotspot.VoucherEdit, error) {
	edit := hotspot.VoucherEdit{
		Username: e.Username, Passcode: e.Passcode, FullName: e.FullName, Note: e.Note,
		LimitDown: e.DownloadLimit, LimitUp: e.UploadLimit, LimitTotal: e.TotalLimit, TopUpTotal: e.TopUpTotal,
		Devices: e.Devices, Disabled: e.Disabled, Unbind: e.Unbind, Reset: e.Reset,
	}
	if e.ValidFor != nil {
		v, err := hotspot.ReadValidity(*e.ValidFor)
		if err != nil {
			return edit, err
		}
		edit.ValidFor = &v
	}
	if e.ValidFrom != nil {
		t, err := hotspot.ReadTime("valid_from", *e.ValidFrom, s.Service.Zone())
		if err != nil {
			return edit, err
		}
		edit.ValidFrom = &t
	}
	if e.Extend != "" {
		length, err := hotspot.ReadValidity(e.Extend)
		if err != nil || length == hotspot.Always {
			return edit, hotspot.Invalid("extend", "%q is not a length of time such as \"90m\", \"6 hours\" or \"1 day\"", e.Extend)
		}
		edit.Extend = time.Duration(length)
	}
	if e.TopUpDownload > 0 || e.TopUpUpload > 0 {
		edit.TopUp = &hotspot.Usage{Down: e.TopUpDownload, Up: e.TopUpUpload}
	}
	return edit, nil
}

func (s *server) removeVoucher(ctx context.Context, in *removeVoucherIn) (*none, error) {
	version, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	if version == "" {
		return nil, noVoucher(s.Service.RemoveVoucher(ctx, in.Username), in.Username)
	}
	v, err := s.Service.Voucher(ctx, in.Username)
	if err != nil {
		return nil, noVoucher(err, in.Username)
	}
	gone, err := s.Service.RemoveVouchers(ctx, []uint64{v.ID}, func(v hotspot.VoucherView) bool { return v.Version() == version })
	if err == nil && len(gone) == 0 {
		err = hotspot.ErrChanged
	}
	return nil, err
}

// noVoucher says which voucher was not found.
func noVoucher(err error, username string) error {
	if hotspot.CodeOf(err) == hotspot.CodeNotFound && err != nil {
		return &hotspot.Error{Code: hotspot.CodeNotFound, Text: "there is no voucher " + strconv.Quote(username), Err: err}
	}
	return err
}
