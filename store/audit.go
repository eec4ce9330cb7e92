package store

import (
	"net/netip"
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The numbers of fields and kinds below are in files on routers: never change
// one, never use one again.

// actorKinds are numbered from 1; a kind that is not here is written as text.
func actorKinds() [6]hotspot.ActorKind {
	return [...]hotspot.ActorKind{
		hotspot.ActorOperator, hotspot.ActorKey, hotspot.ActorDevice, hotspot.ActorLocal, hotspot.ActorGuest, hotspot.ActorSystem,
	}
}

// Time is the first field, so that pruning needs to look no further.
func encodeAudit(r *hotspot.AuditRow) []byte {
	e := encoder{make([]byte, 0, 128)}
	e.time(1, time.Time{}, r.Time)
	e.actorKind(2, r.Actor.Kind) // to 3
	e.text(4, r.Actor.ID)
	e.text(5, r.Actor.Name)
	e.text(6, r.Actor.Role)
	if r.Actor.Addr != (netip.Addr{}) {
		b, _ := r.Actor.Addr.MarshalBinary() // never fails
		e.text(7, string(b))
	}
	e.bool(8, r.Actor.Token)
	e.text(9, string(r.Action))
	e.text(10, r.Subject)
	e.bool(11, r.Provisional)
	for _, c := range r.Changes {
		var one encoder
		one.text(1, c.Field)
		one.text(2, c.Old)
		one.text(3, c.New)
		e.block(12, one.b)
	}
	return e.b
}

// block writes bytes that may be none.
func (e *encoder) block(field int, b []byte) {
	if len(b) == 0 {
		e.varint(field, 0)
		return
	}
	e.text(field, string(b))
}

// text is string, in one place only.
//
//go:noinline // it takes much code where it is called
func (e *encoder) text(field int, s string) { e.string(field, s) }

func (e *encoder) actorKind(field int, k hotspot.ActorKind) {
	known := actorKinds()
	if i := slices.Index(known[:], k); i >= 0 {
		e.varint(field, uint64(i+1))
		return
	}
	e.text(field+1, string(k))
}

func decodeAudit(id uint64, body string, r *hotspot.AuditRow) error {
	d := decoder{rest: body}
	*r = hotspot.AuditRow{ID: id}
	for d.next() {
		switch d.field {
		case 1:
			r.Time = d.time(time.Time{})
		case 2:
			known := actorKinds()
			r.Actor.Kind = pick(d.num, known[:]...)
		case 3:
			r.Actor.Kind = hotspot.ActorKind(d.text)
		case 4:
			r.Actor.ID = d.text
		case 5:
			r.Actor.Name = d.text
		case 6:
			r.Actor.Role = d.text
		case 7:
			r.Actor.Addr = d.addr()
		case 8:
			r.Actor.Token = d.bool()
		case 9:
			r.Action = hotspot.Action(d.text)
		case 10:
			r.Subject = d.text
		case 11:
			r.Provisional = d.bool()
		case 12:
			r.Changes = append(r.Changes, d.change())
		}
	}
	return d.err
}

// change reads a change, which is a list of fields itself.
func (d *decoder) change() (c hotspot.Change) {
	one := decoder{rest: d.text}
	for one.next() {
		switch one.field {
		case 1:
			c.Field = one.text
		case 2:
			c.Old = one.text
		case 3:
			c.New = one.text
		}
	}
	if one.err != nil {
		d.err = one.err
	}
	return c
}

// auditTime reads only when something was done.
func auditTime(body string) (time.Time, error) {
	d := decoder{rest: body}
	if d.next() && d.field == 1 {
		return d.time(time.Time{}), d.err
	}
	return time.Time{}, d.err
}

// Audit implements [hotspot.Reader].
func (x *records) Audit(before uint64, limit int) ([]hotspot.AuditRow, error) {
	if x.ended {
		return nil, errEnded
	}
	var out []hotspot.AuditRow
	c := x.r.cursor(bktAudit)
	k, v, err := seekBelow(c, before)
	for ; k != nil && err == nil && len(out) < limit; k, v, err = c.prev() {
		id, ok := keyID(k)
		if !ok {
			return nil, damaged(bktAudit, k, errRecord)
		}
		body, err := bodyOf(bktAudit, k, v)
		if err != nil {
			return nil, err
		}
		var r hotspot.AuditRow
		if err := decodeAudit(id, body, &r); err != nil {
			return nil, damaged(bktAudit, k, err)
		}
		out = append(out, r)
	}
	return out, err
}

// seekBelow goes to the last key below an id; 0: to the last of all.
func seekBelow(c cursor, id uint64) (k, v []byte, err error) {
	if id == 0 {
		return c.last()
	}
	if k, _, err = c.seek(idKey(id)); err != nil {
		return nil, nil, err
	}
	if k == nil {
		return c.last()
	}
	return c.prev()
}

// PutAudit implements [hotspot.Tx].
func (t *txn) PutAudit(r *hotspot.AuditRow) error {
	if r.ID != 0 {
		return hotspot.Invalid("id", "a row of the audit log is never changed")
	}
	if _, err := t.assign(metaAuditID, &r.ID); err != nil {
		return err
	}
	if err := t.put(bktAudit, idKey(r.ID), encodeAudit(r)); err != nil {
		return err
	}
	t.audit.now.n++
	return nil
}

// PruneAudit implements [hotspot.Tx].
func (t *txn) PruneAudit(before time.Time, keep, limit int) error {
	if t.ended {
		return errEnded
	}
	over, err := t.over(bktAudit, keep, &t.audit.now)
	if err != nil {
		return err
	}
	var doomed []uint64
	c := t.r.cursor(bktAudit)
	k, v, err := c.first()
	for ; k != nil && err == nil && len(doomed) < limit; k, v, err = c.next() {
		id, ok := keyID(k)
		if !ok {
			return damaged(bktAudit, k, errRecord)
		}
		if len(doomed) >= over {
			old, err := olderThan(k, v, before)
			if err != nil {
				return err
			}
			if !old {
				break
			}
		}
		doomed = append(doomed, id)
	}
	if err != nil {
		return err
	}
	for _, id := range doomed {
		if err := t.remove(bktAudit, idKey(id)); err != nil {
			return err
		}
		t.audit.now.n--
	}
	return nil
}

func olderThan(key, value []byte, before time.Time) (bool, error) {
	if before.IsZero() {
		return false, nil
	}
	body, err := bodyOf(bktAudit, key, value)
	if err != nil {
		return false, err
	}
	at, err := auditTime(body)
	return err == nil && at.Before(before), damaged(bktAudit, key, err)
}
