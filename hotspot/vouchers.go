package hotspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxBatch bounds one creation of vouchers: they are one transaction.
const maxBatch = 100_000

// CreateVouchers makes vouchers, all or none, in one transaction. When it
// returns they are on disk.
func (s *Service) CreateVouchers(ctx context.Context, specs ...VoucherSpec) ([]Voucher, error) {
	if len(specs) > maxBatch {
		return nil, Invalid("count", "at most %d vouchers can be made at once", maxBatch)
	}
	set := s.Settings()
	for i := range specs {
		if err := specs[i].check(); err != nil {
			return nil, err
		}
	}
	s.era.RLock()
	defer s.era.RUnlock()
	m := s.moment()
	made := make([]Voucher, 0, len(specs))
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		made = made[:0]
		for _, spec := range specs {
			v, err := s.create(tx, spec, set, m)
			if err != nil {
				return err
			}
			made = append(made, v)
		}
		if err := s.auditCreated(ctx, tx, m, made); err != nil {
			return err
		}
		return StoreReceipt(ctx, tx, made)
	})
	if err != nil {
		return nil, storeError("store new vouchers", err)
	}
	return made, nil
}

// create makes one voucher; a random username that is taken is drawn again.
func (s *Service) create(tx Tx, spec VoucherSpec, set Settings, m moment) (Voucher, error) {
	v := Voucher{
		Username: spec.Username, Passcode: spec.Passcode, FullName: spec.FullName, Note: spec.Note,
		Created: m.now, Modified: m.now, ValidFrom: spec.ValidFrom, Devices: spec.Devices, Disabled: spec.Disabled,
		Allowance: Allowance{ValidFor: set.VoucherValidFor, Limit: spec.Limit, LimitTotal: spec.LimitTotal},
	}
	if spec.ValidFor != nil {
		v.ValidFor = *spec.ValidFor
	}
	if set.VoucherFromStart && v.ValidFrom.IsZero() {
		v.Started, v.Provisional = m.now, !m.believed // it runs from now
	}
	var err error
	if v.Passcode == "" {
		if v.Passcode, err = randomCode(s.cfg.Rand); err != nil {
			return v, err
		}
	}
	if v.FullName == "" {
		if v.FullName, err = randomName(s.cfg.Rand); err != nil {
			return v, err
		}
	}
	if v.Username != "" {
		return v, tx.PutVoucher(&v)
	}
	for range 100 {
		if v.Username, err = randomCode(s.cfg.Rand); err != nil {
			return v, err
		}
		v.Username = spec.Prefix + v.Username
		if err = tx.PutVoucher(&v); !errors.Is(err, ErrUsernameTaken) {
			return v, err
		}
	}
	return v, fmt.Errorf("no free random username was found: %w", err)
}

// storeError passes domain errors on as they are and wraps others.
func storeError(doing string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (v VoucherSpec) check() error {
	if v.Username != "" {
		if err := checkCode("username", v.Username); err != nil {
			return err
		}
	}
	if v.Prefix != "" {
		if err := checkPrefix(v.Prefix, v.Username); err != nil {
			return err
		}
	}
	if v.Passcode != "" {
		if err := checkPasscode(v.Passcode); err != nil {
			return err
		}
	}
	return errors.Join(checkField("fullname", v.FullName, 128), checkField("note", v.Note, 1000),
		checkDevices(v.Devices), checkLimit(v.Limit, v.LimitTotal), checkTotal(v.Limit, v.LimitTotal),
		checkTime("valid_from", v.ValidFrom), checkValidity(v.ValidFor))
}

// checkCode bounds what a guest has to type.
func checkCode(field, v string) error {
	switch n := utf8.RuneCountInString(v); {
	case !utf8.ValidString(v):
		return Invalid(field, "must be valid UTF-8")
	case n < 1 || n > 64:
		return Invalid(field, "must have 1 to 64 characters, not %d", n)
	case strings.TrimSpace(v) != v:
		return Invalid(field, "must not begin or end with a space")
	case strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) }):
		return Invalid(field, "must not contain control characters")
	}
	return nil
}

// checkPrefix bounds what random usernames begin with.
func checkPrefix(prefix, username string) error {
	if username != "" {
		return Invalid("prefix", "goes with a random username, not with a given one")
	}
	if n := utf8.RuneCountInString(prefix); n > 64-codeLength {
		return Invalid("prefix", "must have at most %d characters, not %d", 64-codeLength, n)
	}
	return checkCode("prefix", prefix)
}

// checkPasscode is as strict as checkCode but for outer spaces, which the
// contract allows. Logging in ignores them.
func checkPasscode(v string) error {
	if n := utf8.RuneCountInString(v); n > 64 {
		return Invalid("passcode", "must have 1 to 64 characters, not %d", n)
	}
	return checkCode("passcode", strings.TrimSpace(v))
}

func checkField(field, v string, most int) error {
	if err := checkText(v, most); err != nil {
		return Invalid(field, "%s", err)
	}
	return nil
}

func checkDevices(n int) error {
	if n < 0 || n > MaxDevices {
		return Invalid("devices", "%d is not a number from 1 to %d (0: the setting voucher.devices)", n, MaxDevices)
	}
	return nil
}

func checkLimit(l Usage, total uint64) error {
	for _, b := range [...]uint64{l.Down, l.Up, total} {
		if b > MaxLimitMB*MB {
			return Invalid("limit", "a limit is at most %d MB", MaxLimitMB)
		}
	}
	return nil
}

// checkTotal refuses a direction's limit that the limit of both together leaves
// no way to reach.
func checkTotal(l Usage, total uint64) error {
	if total > 0 && max(l.Down, l.Up) > total {
		return Invalid("limit_total", "is less than the limit of one direction, which could never be reached: make it larger, or the other one smaller")
	}
	return nil
}

func checkTime(field string, t time.Time) error {
	if !t.IsZero() && (t.Year() < 1970 || t.Year() > 9999) {
		return Invalid(field, "the year must be from 1970 to 9999")
	}
	return nil
}

// maxValidity bounds a validity long before it overflows.
const maxValidity = 100 * 365 * day

func checkValidity(v *Validity) error {
	if v != nil && (*v < 0 || time.Duration(*v) > maxValidity) {
		return Invalid("valid_for", "must be from 0 (always) to 100 years")
	}
	return nil
}

// EditVoucher changes a voucher by its username. Its guests feel it at once,
// and those whom a change lets in again are let in.
func (s *Service) EditVoucher(ctx context.Context, username string, e VoucherEdit) (VoucherView, error) {
	v, unlock, err := s.lockVoucher(ctx, username)
	if err != nil {
		return VoucherView{}, err
	}
	view, err := s.editLocked(ctx, v, e)
	unlock()
	if err != nil {
		return view, err
	}
	s.letInAgain(ctx, view.Bound)
	return s.voucherByID(ctx, v.ID)
}

// letInAgain lets in those of a voucher's devices that a change allows again.
func (s *Service) letInAgain(ctx context.Context, bound []MAC) {
	for _, m := range bound {
		if h, ok := s.cfg.Hosts.ByMAC(m); ok && !s.Online(m) {
			if _, _, err := s.Return(ctx, h); err != nil {
				s.log.Warn("a device could not be let in again", "mac", m, "error", err)
			}
		}
	}
}

// lockVoucher finds a voucher and locks its account.
func (s *Service) lockVoucher(ctx context.Context, username string) (v Voucher, unlock func(), err error) {
	find := func(r Reader) (err error) {
		v, err = r.VoucherByUsername(username)
		return err
	}
	if err := s.cfg.Store.View(ctx, find); err != nil {
		return v, nil, s.notFound(username, err)
	}
	for {
		id := v.ID
		unlock = s.accounts.lock(v.Account().String())
		err := s.cfg.Store.View(ctx, find)
		if err == nil && v.ID == id {
			return v, unlock, nil
		}
		unlock() // removed, or the name is another voucher's by now
		if err != nil {
			return v, nil, s.notFound(username, err)
		}
	}
}

func (s *Service) notFound(username string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return &Error{Code: CodeNotFound, Field: "username", Text: fmt.Sprintf("no voucher has the username %q", username)}
	}
	return fmt.Errorf("look up voucher: %w", err)
}

// editLocked edits a voucher, whose account's lock the caller holds.
func (s *Service) editLocked(ctx context.Context, v Voucher, e VoucherEdit) (VoucherView, error) {
	edited, err := s.editAll(ctx, []uint64{v.ID}, s.wished(nil, e))
	if err != nil {
		return VoucherView{}, err
	}
	if len(edited) == 0 {
		return VoucherView{}, s.notFound(v.Username, ErrNotFound)
	}
	s.log.Info("voucher edited", "voucher", v.ID, "username", edited[0].Username)
	return s.voucherByID(ctx, v.ID)
}

// edit applies an edit to a voucher.
func (v *Voucher) edit(e VoucherEdit, m moment, set Settings) error {
	if e.If != "" && e.If != v.Version() {
		return ErrChanged
	}
	if e.Username != nil {
		if err := checkCode("username", *e.Username); err != nil {
			return err
		}
		v.Username = *e.Username
	}
	if e.Passcode != nil {
		if err := checkPasscode(*e.Passcode); err != nil {
			return err
		}
		v.Passcode = *e.Passcode
	}
	assign(&v.FullName, e.FullName)
	assign(&v.Note, e.Note)
	assign(&v.ValidFor, e.ValidFor)
	assign(&v.Devices, e.Devices)
	assign(&v.Disabled, e.Disabled)
	if e.ValidFrom != nil {
		// A validity that runs from valid_from moves with it.
		if set.VoucherFromStart && !v.Started.IsZero() && !e.ValidFrom.IsZero() {
			v.Started, v.Provisional = *e.ValidFrom, false
		}
		v.ValidFrom = *e.ValidFrom
	}
	if e.Reset {
		v.Started, v.Provisional, v.Used, v.Spent = time.Time{}, false, Usage{}, 0
	}
	if err := v.extend(e.Extend, m, set); err != nil {
		return err
	}
	limit, total := v.Limit, v.LimitTotal
	assign(&limit, e.Limit)
	assign(&limit.Down, e.LimitDown)
	assign(&limit.Up, e.LimitUp)
	assign(&total, e.LimitTotal)
	if limit != v.Limit || total != v.LimitTotal {
		if err := checkTotal(limit, total); err != nil {
			return err
		}
	}
	if e.TopUp != nil {
		limit = topUp(limit, *e.TopUp)
	}
	if total > 0 {
		total += e.TopUpTotal
	}
	v.setLimit(limit, total)
	if e.Unbind {
		v.Bound = nil
	}
	if n := v.devices(set); e.Devices != nil && len(v.Bound) > n {
		v.Bound = slices.Clone(v.Bound[:n])
	}
	return errors.Join(checkField("fullname", v.FullName, 128), checkField("note", v.Note, 1000),
		checkDevices(v.Devices), checkLimit(v.Limit, v.LimitTotal), checkTime("valid_from", v.ValidFrom), checkValidity(&v.ValidFor))
}

// extend adds to the validity.
func (v *Voucher) extend(by time.Duration, m moment, set Settings) error {
	if by < 0 || by > maxValidity {
		return Invalid("extend", "must be from 0 to 100 years")
	}
	if by == 0 || v.ValidFor == Always {
		return nil
	}
	if end, ok := v.expiry(set); ok && m.now.After(end) {
		by += m.now.Sub(end)
	}
	v.ValidFor += Validity(by)
	return nil
}

func assign[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func topUp(limit, more Usage) Usage {
	if limit.Down > 0 {
		limit.Down += more.Down
	}
	if limit.Up > 0 {
		limit.Up += more.Up
	}
	return limit
}

// moveDeadlines gives an account's open sessions their new deadlines, and returns
// them.
func (s *Service) moveDeadlines(tx Tx, id AccountID, a Allowance) (moved []Session, err error) {
	for _, l := range s.ofAccount(id) {
		x, err := tx.Session(l.ID)
		if err != nil {
			return nil, err
		}
		x.Deadline, x.DeadlineReason = x.deadline(a)
		if err := tx.PutSession(&x); err != nil {
			return nil, err
		}
		moved = append(moved, x)
	}
	return moved, nil
}

// endRefused decides the end of sessions that a voucher's rules no longer
// allow.
func (s *Service) endRefused(v Voucher, m moment, set Settings) {
	var why Reason
	if refusal := v.refuse(m, set); refusal != nil {
		why = map[Code]Reason{CodeDisabled: EndDisabled, CodeNotYetValid: EndNotYetValid, CodeTimeUsed: EndExpired,
			CodeDownloadUsed: EndDownload, CodeUploadUsed: EndUpload, CodeDataUsed: EndData}[refusal.Code]
	}
	for _, l := range s.ofAccount(v.Account()) {
		switch {
		case why != "":
			s.markEnding(why, l.ID)
		case !slices.Contains(v.Bound, l.MAC):
			s.markEnding(EndReplaced, l.ID)
		}
	}
}

// RemoveVoucher deletes a voucher and ends its sessions. When it returns,
// nothing of theirs passes any more.
func (s *Service) RemoveVoucher(ctx context.Context, username string) error {
	v, unlock, err := s.lockVoucher(ctx, username)
	if err != nil {
		return err
	}
	defer unlock()
	ended, err := s.removeAll(ctx, []Voucher{v})
	if err != nil {
		return err
	}
	s.log.Info("voucher removed", "voucher", v.ID, "username", v.Username, "sessions_ended", ended)
	return nil
}
