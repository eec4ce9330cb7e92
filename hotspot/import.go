package hotspot

import (
	"context"
	"errors"
	"iter"
	"strconv"
)

// OnConflict says what an import does about a username that is taken.
type OnConflict string

// What an import does about a username that is taken.
const (
	ConflictFail   OnConflict = "fail"   // nothing at all is imported
	ConflictSkip   OnConflict = "skip"   // the voucher that is there stays as it is
	ConflictUpdate OnConflict = "update" // the voucher that is there is edited
)

// ImportResult counts what an import did.
type ImportResult struct {
	Created, Updated, Skipped int
}

// errDryRun rolls a transaction back that was only a rehearsal.
var errDryRun = errors.New("dry run")

// ImportVouchers makes vouchers as rows say, all or none, in one transaction.
// What a row leaves nil takes the defaults of [VoucherSpec] or, of a voucher
// that is updated, stays as it is. A name given as "" is no name. A row without
// a username makes a voucher with a random one. An error of rows ends the
// import.
//
// Rows are read anew whenever the transaction has to be run again, and are not
// kept: an import may be large, and the machine small. A dry run does all of
// it, and then takes it back.
func (s *Service) ImportVouchers(ctx context.Context, rows iter.Seq2[VoucherEdit, error], conflict OnConflict, dryRun bool) (ImportResult, error) {
	result, err := s.runImport(ctx, &importRun{s: s, conflict: conflict}, rows, dryRun)
	return result, err
}

// RefusedRow is a row of an import that was left out, and why.
type RefusedRow struct {
	Row int // from 0
	Err *Error
}

// ImportFitted is what an import did that left rows out.
type ImportFitted struct {
	ImportResult
	Refused []RefusedRow
}

// maxRefused is how many rows of an import are left out at most: a file with
// more mistakes than that is another file than its sender thinks.
const maxRefused = 1000

// ImportFitting is [Service.ImportVouchers] but for rows that cannot be: they
// are left out and told, up to 1,000 of them.
func (s *Service) ImportFitting(ctx context.Context, rows iter.Seq2[VoucherEdit, error], conflict OnConflict, dryRun bool) (ImportResult, []RefusedRow, error) {
	run := &importRun{s: s, conflict: conflict, lenient: true}
	result, err := s.runImport(ctx, run, rows, dryRun)
	return result, run.refused, err
}

func (s *Service) runImport(ctx context.Context, run *importRun, rows iter.Seq2[VoucherEdit, error], dryRun bool) (ImportResult, error) {
	switch run.conflict {
	case ConflictFail, ConflictSkip, ConflictUpdate:
	default:
		return ImportResult{}, Invalid("on_conflict", "%q is not fail, skip or update", string(run.conflict))
	}
	run.set = s.Settings()
	s.era.RLock()
	run.m = s.moment()
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		if err := run.all(ctx, tx, rows); err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		if err := run.audit(ctx, tx); err != nil {
			return err
		}
		if run.lenient {
			return StoreReceipt(ctx, tx, ImportFitted{run.result, run.refused})
		}
		return StoreReceipt(ctx, tx, run.result)
	})
	s.era.RUnlock()
	if dryRun && errors.Is(err, errDryRun) {
		return run.result, nil
	}
	if err != nil {
		return ImportResult{}, storeError("store imported vouchers", err)
	}
	s.log.Info("vouchers imported", "created", run.result.Created, "updated", run.result.Updated, "skipped", run.result.Skipped)
	return run.result, s.settle(ctx, run.used)
}

// importRun is one run of an import's transaction.
type importRun struct {
	s        *Service
	conflict OnConflict
	set      Settings
	m        moment

	lenient bool // rows that cannot be are left out
	refused []RefusedRow

	result ImportResult
	seen   map[uint64]struct{} // vouchers that a row was about
	used   []uint64            // those updated that somebody has used
}

func (run *importRun) all(ctx context.Context, tx Tx, rows iter.Seq2[VoucherEdit, error]) error {
	run.result, run.used, run.refused, run.seen = ImportResult{}, nil, nil, make(map[uint64]struct{})
	n := 0
	for e, err := range rows {
		if err != nil && !run.leaves(n, err) {
			return err
		}
		if n++; n > maxBatch {
			return Invalid("", "at most %d vouchers can be imported at once; divide the file", maxBatch)
		}
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			continue
		}
		if err := run.row(tx, e); err != nil && !run.leaves(n-1, err) {
			return err
		}
	}
	return nil
}

// leaves reports whether a row is left out because of an error.
func (run *importRun) leaves(row int, err error) bool {
	var e *Error
	if !run.lenient || len(run.refused) == maxRefused || !errors.As(err, &e) || e.Code != CodeInvalid && e.Code != CodeUsernameTaken {
		return false
	}
	run.refused = append(run.refused, RefusedRow{row, e})
	return true
}

// audit stores a row about the import, if it changed anything.
func (run *importRun) audit(ctx context.Context, tx Tx) error {
	n := run.result.Created + run.result.Updated
	if n == 0 {
		return nil
	}
	count := func(field string, n int) Change { return Change{field, "", strconv.Itoa(n)} }
	row := run.s.audit(ctx, run.m, AuditVoucherImported, strconv.Itoa(n)+" vouchers",
		count("created", run.result.Created), count("updated", run.result.Updated), count("skipped", run.result.Skipped))
	return tx.PutAudit(&row)
}

func (run *importRun) row(tx Tx, e VoucherEdit) error {
	name := ""
	assign(&name, e.Username)
	if name == "" {
		return run.create(tx, e)
	}
	v, err := tx.VoucherByUsername(name)
	if errors.Is(err, ErrNotFound) {
		return run.create(tx, e)
	}
	if err != nil {
		return err
	}
	if _, twice := run.seen[v.ID]; twice {
		return Invalid("username", "%q is in the file twice", name)
	}
	run.seen[v.ID] = struct{}{}
	switch run.conflict {
	case ConflictSkip:
		run.result.Skipped++
		return nil
	case ConflictUpdate:
		return run.update(tx, v, e)
	}
	return &Error{Code: CodeUsernameTaken, Field: "username", Text: "a voucher " + v.Username + " already exists"}
}

func (run *importRun) create(tx Tx, e VoucherEdit) error {
	spec := VoucherSpec{ValidFor: e.ValidFor}
	assign(&spec.Username, e.Username)
	assign(&spec.Passcode, e.Passcode)
	assign(&spec.FullName, e.FullName)
	assign(&spec.Note, e.Note)
	assign(&spec.ValidFrom, e.ValidFrom)
	assign(&spec.Limit, e.Limit)
	assign(&spec.Limit.Down, e.LimitDown)
	assign(&spec.Limit.Up, e.LimitUp)
	assign(&spec.LimitTotal, e.LimitTotal)
	assign(&spec.Devices, e.Devices)
	assign(&spec.Disabled, e.Disabled)
	if err := spec.check(); err != nil {
		return err
	}
	v, err := run.s.create(tx, spec, run.set, run.m)
	if err != nil {
		return err
	}
	if e.FullName != nil && v.FullName != *e.FullName {
		v.FullName = *e.FullName
		err = tx.PutVoucher(&v)
	}
	run.seen[v.ID] = struct{}{}
	run.result.Created++
	return err
}

func (run *importRun) update(tx Tx, v Voucher, e VoucherEdit) error {
	if e.Username != nil && *e.Username == "" {
		e.Username = nil
	}
	if err := v.edit(e, run.m, run.set); err != nil {
		return err
	}
	if len(v.Bound) > 0 {
		run.used = append(run.used, v.ID)
	}
	v.Modified = run.m.now
	run.result.Updated++
	return tx.PutVoucher(&v)
}

// settle makes guests feel what was stored about their vouchers without a
// lock: whoever came in meanwhile was judged by the old or by the new state,
// and is judged again.
func (s *Service) settle(ctx context.Context, ids []uint64) error {
	var errs []error
	for _, id := range ids {
		unlock := s.accounts.lock(AccountID{MethodVoucher, id}.String())
		var err error
		if s.anyLive([]uint64{id}) {
			_, err = s.editAll(ctx, []uint64{id}, s.wished(nil, VoucherEdit{}))
		}
		unlock()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if v, err := s.voucherByID(ctx, id); err == nil {
			s.letInAgain(ctx, v.Bound)
		}
	}
	return errors.Join(errs...)
}
