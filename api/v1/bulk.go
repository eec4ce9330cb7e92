package v1

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// EditVouchers changes many vouchers alike: those named, or those selected, a
// batch at a time. Every batch is one transaction.
type EditVouchers struct {
	Usernames []string    `json:"usernames,omitempty" maxItems:"500" doc:"all of them, or none"`
	Where     *Selection  `json:"where,omitempty"`
	Cursor    string      `json:"cursor,omitempty" doc:"the next of the batch before"`
	Edit      VoucherEdit `json:"edit"`
}

// RemoveVouchers removes many vouchers: those named, or those selected, a batch
// at a time. Every batch is one transaction.
type RemoveVouchers struct {
	Usernames []string   `json:"usernames,omitempty" maxItems:"500" doc:"all of them, or none"`
	Where     *Selection `json:"where,omitempty"`
	Cursor    string     `json:"cursor,omitempty" doc:"the next of the batch before"`
}

// MaxNames is how many usernames one bulk request can name.
const MaxNames = hotspot.MaxBulk

type (
	editVouchersIn struct {
		Body EditVouchers
	}
	removeVouchersIn struct {
		Body RemoveVouchers
	}
)

// bulk registers the operations on many vouchers.
func (s *server) bulk(api huma.API) {
	register(s, api, writes(surface.ScopeVouchers), huma.Operation{OperationID: "edit-vouchers", Method: http.MethodPost, Path: "/vouchers/edit",
		Summary: "Change many vouchers alike; the answer has those that were changed"}, s.editVouchers)
	register(s, api, writes(surface.ScopeVouchers), huma.Operation{OperationID: "remove-vouchers", Method: http.MethodPost, Path: "/vouchers/remove",
		Summary: "Remove many vouchers and end their sessions; the answer has their usernames"}, s.removeVouchers)
}

func (s *server) editVouchers(ctx context.Context, in *editVouchersIn) (*item[Page[Voucher]], error) {
	edit, err := s.edit(in.Body.Edit)
	if err != nil {
		return nil, err
	}
	if edit.Username != nil {
		return nil, hotspot.Invalid("edit.username", "belongs to one voucher")
	}
	b, err := s.batch(ctx, in.Body.Usernames, in.Body.Where, in.Body.Cursor)
	if err != nil {
		return nil, err
	}
	edited, err := s.Service.EditVouchers(ctx, b.ids, b.match, edit)
	if err != nil {
		return nil, err
	}
	page := Page[Voucher]{Items: make([]Voucher, 0, len(edited)), Next: b.next}
	for _, v := range edited {
		page.Items = append(page.Items, voucherOf(v, s.Service.Zone()))
	}
	return &item[Page[Voucher]]{page}, nil
}

func (s *server) removeVouchers(ctx context.Context, in *removeVouchersIn) (*item[Page[string]], error) {
	b, err := s.batch(ctx, in.Body.Usernames, in.Body.Where, in.Body.Cursor)
	if err != nil {
		return nil, err
	}
	gone, err := s.Service.RemoveVouchers(ctx, b.ids, b.match)
	if err != nil {
		return nil, err
	}
	page := Page[string]{Items: make([]string, 0, len(gone)), Next: b.next}
	for _, v := range gone {
		page.Items = append(page.Items, v.Username)
	}
	return &item[Page[string]]{page}, nil
}

// batch is what one bulk request is about.
type batch struct {
	ids   []uint64
	match func(hotspot.VoucherView) bool // what must still hold
	next  string
}

func (s *server) batch(ctx context.Context, names []string, where *Selection, cursor string) (batch, error) {
	switch {
	case where == nil && len(names) == 0, where != nil && len(names) > 0:
		return batch{}, hotspot.Invalid("where", "name vouchers with usernames, or select them with where")
	case where == nil:
		ids, err := s.idsOf(ctx, names)
		return batch{ids: ids}, err
	}
	match, err := s.matcher(*where)
	if err != nil {
		return batch{}, err
	}
	if match == nil && !where.All {
		return batch{}, hotspot.Invalid("where", "selects nothing; to mean every voucher, say all")
	}
	asked := append([]string{where.Username, where.Note, where.CreatedBefore, where.CreatedAfter}, where.Status...)
	after, err := parseCursor(cursor, "bulk", asked...)
	if err != nil {
		return batch{}, err
	}
	found, next, err := s.Service.FindVouchers(ctx, hotspot.VoucherQuery{Match: match, After: after, Limit: hotspot.MaxBulk})
	b := batch{}
	if match != nil {
		b.match = func(v hotspot.VoucherView) bool { return match(&v) }
	}
	for _, v := range found {
		b.ids = append(b.ids, v.ID)
	}
	if next != nil {
		b.next = cursorOf(*next, "bulk", asked...)
	}
	return b, err
}

func (s *server) idsOf(ctx context.Context, names []string) ([]uint64, error) {
	ids := make([]uint64, 0, len(names))
	for _, name := range names {
		v, err := s.Service.Voucher(ctx, name)
		if err != nil {
			return nil, noVoucher(err, name)
		}
		ids = append(ids, v.ID)
	}
	return ids, nil
}
