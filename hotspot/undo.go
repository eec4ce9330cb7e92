package hotspot

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// MaxUndo is how many vouchers can be put back as they were, all notes together:
// they are kept in memory. What is older goes first.
const MaxUndo = 5000

// UndoTime is how long a change can be taken back.
const UndoTime = 10 * time.Minute

// Undo collects what is needed to take changes of vouchers back: those made with
// its context. It is for changes that belong together, such as the batches of
// one request. The zero Undo is ready for use.
type Undo struct {
	mu    sync.Mutex // guards below
	steps []undoStep
	over  bool // there were more than MaxUndo
}

// undoStep is one voucher, before what was done to it.
type undoStep struct {
	was     Voucher
	removed bool
	// Of an edit: what it made of the voucher.
	version string
	bound   []MAC
	started time.Time
	reset   bool // what was used was forgotten
}

type undoKey struct{}

// WithUndo returns a context whose changes of vouchers can be taken back.
func WithUndo(ctx context.Context, u *Undo) context.Context {
	return context.WithValue(ctx, undoKey{}, u)
}

// undoOf returns what collects a context's changes; nil: nobody does.
func undoOf(ctx context.Context) *Undo {
	u, _ := ctx.Value(undoKey{}).(*Undo)
	return u
}

func (u *Undo) edited(was, is []Voucher, reset bool) {
	if u == nil {
		return
	}
	for i, v := range was {
		u.add(undoStep{was: v, version: is[i].Version(), bound: is[i].Bound, started: is[i].Started, reset: reset})
	}
}

func (u *Undo) removed(gone []Voucher) {
	if u == nil {
		return
	}
	for _, v := range gone {
		u.add(undoStep{was: v, removed: true})
	}
}

func (u *Undo) add(st undoStep) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over = u.over || len(u.steps) == MaxUndo; u.over {
		u.steps = nil
		return
	}
	u.steps = append(u.steps, st)
}

// UndoNote names changes that can be taken back.
type UndoNote struct {
	ID       string
	Vouchers int
	Until    time.Time // at the latest
}

// UndoResult tells what came of it.
type UndoResult struct {
	Restored int
	// Left are vouchers that stay as they are: somebody changed them since, or
	// another has their username by now. Names has the first of them.
	Left  int
	Names []string
}

// undos are the notes that are kept, oldest first.
type undos struct {
	mu   sync.Mutex // guards all
	kept []keptUndo
}

type keptUndo struct {
	id    string
	actor Actor
	steps []undoStep
	ends  time.Duration // on the boot clock
}

// put keeps a note, and forgets what there is no room for.
func (n *undos) put(k keptUndo, now time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = append(n.kept, k)
	sum := 0
	for i := len(n.kept) - 1; i >= 0; i-- {
		if sum += len(n.kept[i].steps); sum > MaxUndo || n.kept[i].ends <= now {
			n.kept = slices.Clone(n.kept[i+1:]) // so that the rest is freed
			return
		}
	}
}

// take takes out a note of an actor's.
func (n *undos) take(id string, a Actor, now time.Duration) (k keptUndo, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.kept, func(k keptUndo) bool {
		return k.id == id && k.ends > now && k.actor.Kind == a.Kind && k.actor.ID == a.ID
	})
	if i < 0 {
		return k, false
	}
	k = n.kept[i]
	n.kept = slices.Delete(n.kept, i, i+1)
	return k, true
}

// clear forgets all: the times in them are of a clock that was wrong, or what
// they hold is to be deleted everywhere.
func (n *undos) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = nil
}

// KeepUndo makes it possible to take back what was collected, for whoever did
// it, for [UndoTime]. ok is false if there is nothing, or more than [MaxUndo].
func (s *Service) KeepUndo(ctx context.Context, u *Undo) (note UndoNote, ok bool, err error) {
	u.mu.Lock()
	steps := u.steps
	u.mu.Unlock()
	if len(steps) == 0 {
		return note, false, nil
	}
	var b [12]byte
	if _, err := io.ReadFull(s.cfg.Rand, b[:]); err != nil {
		return note, false, fmt.Errorf("name a change: %w", err)
	}
	now := s.cfg.Clock.Read().Mono
	note = UndoNote{ID: hex.EncodeToString(b[:]), Vouchers: len(steps), Until: s.moment().now.Add(UndoTime).In(s.Zone())}
	s.undos.put(keptUndo{note.ID, ActorOf(ctx), steps, now + UndoTime}, now)
	return note, true, nil
}

// errNoUndo says that something cannot be taken back.
var errNoUndo = &Error{Code: CodeNotFound, Field: "undo", Text: fmt.Sprintf("this cannot be taken back, or not any more: a change is kept for %d minutes, until a newer one needs its place, and for whoever made it", int(UndoTime/time.Minute))}

// Undo takes changes back. Removed vouchers are there again, with their ids,
// usage and devices; those who were online log in again. Edited vouchers get
// their values back, but for those that somebody has changed since.
func (s *Service) Undo(ctx context.Context, id string) (UndoResult, error) {
	now := s.cfg.Clock.Read().Mono
	k, ok := s.undos.take(id, ActorOf(ctx), now)
	if !ok {
		return UndoResult{}, errNoUndo
	}
	var res UndoResult
	for len(k.steps) > 0 { // the last one first
		from := lastSteps(k.steps)
		if err := s.undoSome(ctx, k.steps[from:], &res); err != nil {
			s.undos.put(k, now) // for another try
			return res, err
		}
		k.steps = k.steps[:from]
	}
	s.log.Info("vouchers restored", "count", res.Restored, "left", res.Left)
	return res, nil
}

// lastSteps is where the last steps begin that can be taken back at once: of
// one kind, each about another voucher.
func lastSteps(steps []undoStep) int {
	last := len(steps) - 1
	seen := make(map[uint64]struct{})
	for i := last; i >= 0; i-- {
		_, twice := seen[steps[i].was.ID]
		if twice || last-i == MaxBulk || steps[i].removed != steps[last].removed {
			return i + 1
		}
		seen[steps[i].was.ID] = struct{}{}
	}
	return 0
}

// leave notes a voucher that stays as it is.
func (r *UndoResult) leave(name string) {
	if r.Left++; len(r.Names) < namedVouchers {
		r.Names = append(r.Names, name)
	}
}

// undoSome takes back steps of one kind, in one transaction.
func (s *Service) undoSome(ctx context.Context, steps []undoStep, res *UndoResult) error {
	ids := make([]uint64, len(steps))
	for i, st := range steps {
		ids[i] = st.was.ID
	}
	ids, unlock, err := s.lockVouchers(ids)
	if err != nil {
		return err
	}
	do := s.unedit
	if steps[0].removed {
		do = s.putBack
	}
	back, some, err := do(context.WithValue(ctx, undoKey{}, nil), ids, steps)
	unlock()
	if err != nil {
		return err
	}
	res.Restored += len(back)
	for _, name := range some.Names {
		res.leave(name)
	}
	res.Left += some.Left - len(some.Names)
	for _, v := range back {
		s.letInAgain(ctx, v.Bound)
	}
	return nil
}

// putBack makes removed vouchers be there again.
func (s *Service) putBack(ctx context.Context, _ []uint64, steps []undoStep) (back []Voucher, res UndoResult, err error) {
	s.era.RLock()
	defer s.era.RUnlock()
	m := s.moment()
	err = s.cfg.Store.Update(ctx, func(tx Tx) error {
		back, res = back[:0], UndoResult{}
		for _, st := range steps {
			v := st.was
			err := tx.PutVoucher(&v)
			if errors.Is(err, ErrUsernameTaken) {
				res.leave(v.Username)
				continue
			}
			if err != nil {
				return err
			}
			back = append(back, v)
		}
		return s.auditVouchers(ctx, tx, m, AuditVoucherRestored, firstNames(back), len(back), nil)
	})
	if err != nil {
		return nil, res, storeError("put vouchers back", err)
	}
	return back, res, nil
}

// unedit gives vouchers the values back that they had.
func (s *Service) unedit(ctx context.Context, ids []uint64, steps []undoStep) (back []Voucher, res UndoResult, err error) {
	byID := make(map[uint64]*undoStep, len(steps))
	reset := false
	for i := range steps {
		byID[steps[i].was.ID] = &steps[i]
		reset = reset || steps[i].reset
	}
	back, err = s.editAll(ctx, ids, revision{
		afresh: reset,
		edit: func(tx Tx, v *Voucher, _ moment, _ Settings) (bool, error) {
			return byID[v.ID].restore(tx, v)
		},
		audit: func(ctx context.Context, tx Tx, m moment, was, is []Voucher) error {
			var changes []Change
			if len(is) == 1 {
				changes = was[0].diff(is[0])
			}
			return s.auditVouchers(ctx, tx, m, AuditVoucherUndone, firstNames(is), len(is), changes)
		},
	})
	if err != nil {
		return nil, res, err
	}
	for _, v := range back {
		delete(byID, v.ID)
	}
	for _, st := range byID {
		res.leave(st.was.Username)
	}
	slices.Sort(res.Names)
	return back, res, nil
}

// restore gives a voucher back what an edit changed. It is false if somebody
// has changed the voucher since, or another has its username.
func (st *undoStep) restore(tx Tx, v *Voucher) (bool, error) {
	if v.Version() != st.version {
		return false, nil
	}
	was := &st.was
	other, err := tx.VoucherByUsername(was.Username)
	if err == nil && other.ID != v.ID {
		return false, nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	v.Username, v.Passcode, v.FullName, v.Note = was.Username, was.Passcode, was.FullName, was.Note
	v.ValidFor, v.ValidFrom, v.Devices, v.Disabled = was.ValidFor, was.ValidFrom, was.Devices, was.Disabled
	v.Limit, v.LimitTotal = was.Limit, was.LimitTotal
	v.Spent |= was.Spent
	if slices.Equal(v.Bound, st.bound) {
		v.Bound = slices.Clone(was.Bound)
	}
	if st.reset {
		v.Used = v.Used.Add(was.Used)
	}
	if !was.Started.IsZero() && (st.reset || v.Started.Equal(st.started)) {
		v.Started, v.Provisional = was.Started, was.Provisional
	}
	return true, nil
}
