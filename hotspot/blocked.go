package hotspot

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MaxBlocked is how many devices can be blocked: a list that people keep.
const MaxBlocked = 1000

// maxBlockedNote bounds what an operator notes of a blocked device.
const maxBlockedNote = 200

// BlockedDevice is a device that is let in by no rule until it is unblocked.
type BlockedDevice struct {
	MAC   MAC
	Since time.Time
	By    string // the actor who blocked it, as people name it
	Note  string // the operator's own; guests never see it
	// Login and Name tell people whose device it is: who was logged in with it
	// last, and what it called itself; hostile text.
	Login string
	Name  string
}

// BlockedReader reads which devices are blocked, as a part of [Reader].
type BlockedReader interface {
	// Blocked returns a blocked device.
	Blocked(m MAC) (BlockedDevice, error)
	// BlockedDevices returns all of them, in order of MAC.
	BlockedDevices() ([]BlockedDevice, error)
}

// BlockedWriter writes which devices are blocked, as a part of [Tx].
type BlockedWriter interface {
	PutBlocked(b BlockedDevice) error
	// DeleteBlocked unblocks a device; one that is not blocked is no error.
	DeleteBlocked(m MAC) error
}

// ErrBlocked refuses a device that the operator has blocked.
var ErrBlocked = &Error{Code: CodeBlocked, Text: "this device has been blocked by the operator"}

// Block keeps a device out until it is unblocked, and ends its session. One that
// is blocked already gets the new note.
func (s *Service) Block(ctx context.Context, m MAC, note string) (BlockedDevice, error) {
	if m.IsZero() || m[0]&1 != 0 {
		return BlockedDevice{}, Invalid("mac", "%s is not the address of one device", m)
	}
	if err := checkField("note", note, maxBlockedNote); err != nil {
		return BlockedDevice{}, err
	}
	unlock := s.devices.lock(m.String())
	defer unlock()
	b, err := s.putBlocked(ctx, m, note)
	if err != nil {
		return b, storeError("store a blocked device", err)
	}
	s.log.Info("device blocked", "mac", m)
	if l, ok := s.ofMAC(m); ok {
		err = s.endOne(ctx, l, EndBlocked)
	}
	return b, err
}

// putBlocked stores that a device is blocked.
func (s *Service) putBlocked(ctx context.Context, m MAC, note string) (b BlockedDevice, err error) {
	s.era.RLock()
	defer s.era.RUnlock()
	at := s.moment()
	fresh := BlockedDevice{MAC: m, Since: at.now, By: auditText(actorName(ctx))}
	if h, ok := s.cfg.Hosts.ByMAC(m); ok {
		fresh.Name = clipName(h.Name)
	}
	err = s.cfg.Store.Update(ctx, func(tx Tx) error {
		var err error
		if b, err = tx.Blocked(m); errors.Is(err, ErrNotFound) {
			b, err = s.blockAfresh(tx, fresh)
		} else if err == nil && b.Note == note {
			return nil
		}
		if err != nil {
			return err
		}
		row := s.audit(ctx, at, AuditDeviceBlocked, m.String(), change(nil, "note", b.Note, note)...)
		b.Note = note
		return errors.Join(tx.PutBlocked(b), tx.PutAudit(&row))
	})
	return b, err
}

// blockAfresh makes a device that is not blocked yet into one that may be.
func (s *Service) blockAfresh(tx Tx, b BlockedDevice) (BlockedDevice, error) {
	all, err := tx.BlockedDevices()
	if err != nil {
		return b, err
	}
	if len(all) >= MaxBlocked {
		return b, Invalid("mac", "%d devices are blocked, and no more can be: unblock some first", len(all))
	}
	d, err := old(tx.Device(b.MAC))
	b.Login = d.Login
	return b, err
}

// actorName names who acts, for lists.
func actorName(ctx context.Context) string {
	a := ActorOf(ctx)
	if a.Name != "" {
		return a.Name
	}
	return string(a.Kind)
}

// Unblock lets a device log in again. One whose account lasts returns by itself.
// A device that is not blocked is [ErrNotFound].
func (s *Service) Unblock(ctx context.Context, m MAC) error {
	s.era.RLock()
	at := s.moment()
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		b, err := tx.Blocked(m)
		if errors.Is(err, ErrNotFound) {
			return &Error{Code: CodeNotFound, Field: "mac", Text: fmt.Sprintf("the device %s is not blocked", m)}
		}
		if err != nil {
			return err
		}
		row := s.audit(ctx, at, AuditDeviceUnblocked, m.String(), change(nil, "note", b.Note, "")...)
		return errors.Join(tx.DeleteBlocked(m), tx.PutAudit(&row))
	})
	s.era.RUnlock()
	if err != nil {
		return storeError("unblock a device", err)
	}
	s.log.Info("device unblocked", "mac", m)
	s.letInAgain(ctx, []MAC{m})
	return nil
}

// BlockedDevices returns the devices that are blocked, in order of MAC.
func (s *Service) BlockedDevices(ctx context.Context) (list []BlockedDevice, err error) {
	err = s.cfg.Store.View(ctx, func(r Reader) error {
		list, err = r.BlockedDevices()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list blocked devices: %w", err)
	}
	return list, nil
}

// refuseBlocked refuses a device that is blocked.
func refuseBlocked(r Reader, m MAC) error {
	_, err := r.Blocked(m)
	switch {
	case err == nil:
		return ErrBlocked
	case errors.Is(err, ErrNotFound):
		return nil
	}
	return err
}
