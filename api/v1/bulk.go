package v1

import (
	"context"
	"net/http"
	"time"

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
	Undoable  bool        `json:"undoable,omitempty" doc:"keep what is needed to take it back"`
}

// RemoveVouchers removes many vouchers: those named, or those selected, a batch
// at a time. Every batch is one transaction.
type RemoveVouchers struct {
	Usernames []string   `json:"usernames,omitempty" maxItems:"500" doc:"all of them, or none"`
	Where     *Selection `json:"where,omitempty"`
	Cursor    string     `json:"cursor,omitempty" doc:"the next of the batch before"`
	Undoable  bool       `json:"undoable,omitempty" doc:"keep what is needed to take it back"`
}

// Changed is what a change of many did.
type Changed[T any] struct {
	Items []T `json:"items" nullable:"false"`
	// Next is the cursor of the following batch; empty on the last one.
	Next string    `json:"next" doc:"cursor of the following batch; empty on the last one"`
	Undo *UndoNote `json:"undo,omitempty" doc:"how to take it back; missing if that was not asked for"`
}

// UndoNote names a change that can be taken back by whoever made it.
type UndoNote struct {
	ID       string     `json:"id"`
	Vouchers int        `json:"vouchers" format:"int64"`
	Until    *time.Time `json:"until" doc:"at the latest: a newer change may need its place"`
}

// UndoRequest takes a change back.
type UndoRequest struct {
	ID string `json:"id" minLength:"1" maxLength:"64" doc:"of the change"`
}

// UndoResult tells what came of it.
type UndoResult struct {
	Restored  int      `json:"restored" format:"int64"`
	Left      int      `json:"left" doc:"vouchers that stay as they are: somebody changed them since, or another has their username" format:"int64"`
	Usernames []string `json:"usernames" doc:"of the first of them" nullable:"false"`
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
	undoIn struct {
		Body UndoRequest
	}
)

// bulk registers the operations on many vouchers.
func (s *server) bulk() {
	register(s, writes(surface.ScopeVouchers), &huma.Operation{OperationID: "edit-vouchers", Method: http.MethodPost, Path: "/vouchers/edit",
		Summary: "Change many vouchers alike; the answer has those that were changed"}, (*server).editVouchers)
	register(s, writes(surface.ScopeVouchers), &huma.Operation{OperationID: "remove-vouchers", Method: http.MethodPost, Path: "/vouchers/remove",
		Summary: "Remove many vouchers and end their sessions; the answer has their usernames"}, (*server).removeVouchers)
	register(s, writes(surface.ScopeVouchers), &huma.Operation{OperationID: "undo-vouchers", Method: http.MethodPost, Path: "/vouchers/undo",
		Summary:     "Take a change of many vouchers back",
		Description: "Removed vouchers are there again with their usage and devices. Edited vouchers get their values back, but for those that somebody has changed since. It works for ten minutes, once, and for whoever made the change."}, (*server).undoVouchers)
}

func (s *server) editVouchers(ctx context.Context, in *editVouchersIn) (*item[Changed[Voucher]], error) {
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
	ctx, keep := s.undoable(ctx, in.Body.Undoable)
	edited, err := s.Service.EditVouchers(ctx, b.ids, b.match, edit)
	if err != nil {
		return nil, err
	}
	page := Changed[Voucher]{Items: make([]Voucher, 0, len(edited)), Next: b.next}
	for _, v := range edited {
		page.Items = append(page.Items, voucherOf(v, s.Service.Zone()))
	}
	page.Undo, err = keep()
	return &item[Changed[Voucher]]{page}, err
}

func (s *server) removeVouchers(ctx context.Context, in *removeVouchersIn) (*item[Changed[string]], error) {
	b, err := s.batch(ctx, in.Body.Usernames, in.Body.Where, in.Body.Cursor)
	if err != nil {
		return nil, err
	}
	ctx, keep := s.undoable(ctx, in.Body.Undoable)
	gone, err := s.Service.RemoveVouchers(ctx, b.ids, b.match)
	if err != nil {
		return nil, err
	}
	page := Changed[string]{Items: make([]string, 0, len(gone)), Next: b.next}
	for _, v := range gone {
		page.Items = append(page.Items, v.Username)
	}
	page.Undo, err = keep()
	return &item[Changed[string]]{page}, err
}

// undoable returns a context whose changes can be taken back if that is wanted,
// and what keeps them afterwards.
func (s *server) undoable(ctx context.Context, wanted bool) (context.Context, func() (*UndoNote, error)) {
	if !wanted {
		return ctx, func() (*UndoNote, error) { return nil, nil }
	}
	var u hotspot.Undo
	ctx = hotspot.WithUndo(ctx, &u)
	return ctx, func() (*UndoNote, error) {
		note, ok, err := s.Service.KeepUndo(ctx, &u)
		if err != nil || !ok {
			return nil, err
		}
		return &UndoNote{ID: note.ID, Vouchers: note.Vouchers, Until: in(s.Service.Zone(), note.Until)}, nil
	}
}

func (s *server) undoVouchers(ctx context.Context, in *undoIn) (*item[UndoResult], error) {
	res, err := s.Service.Undo(ctx, in.Body.ID)
	if err != nil {
		return nil, err
	}
	return &item[UndoResult]{UndoResult{Restored: res.Restored, Left: res.Left, Usernames: append([]string{}, res.Names...)}}, nil
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
