package nft

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl"
)

const (
	// unlimited stands for no limit in a quota; the kernel takes up to 2^63−1.
	unlimited = 1 << 62
	// elementsPerMessage keeps the list below the 64 KiB that a length can say.
	elementsPerMessage = 500

	listElem   = 1 // NFTA_LIST_ELEM
	minTimeout = time.Millisecond
)

func limitToKernel(n uint64) uint64 {
	if n == 0 || n > unlimited {
		return unlimited
	}
	return n
}

func limitFromKernel(n uint64) uint64 {
	if n >= unlimited {
		return 0
	}
	return n
}

// encoder turns a plan into a batch.
type encoder struct {
	*batch
	table string
	// destroy is the message that removes elements whether they are there or
	// not; 0: the kernel has none.
	destroy uint16
	// drops tells which op a message that drops an object carries out.
	drops map[uint32]netctl.Op
	// destroys are the messages of the type destroy.
	destroys map[uint32]struct{}
}

func (g *Gate) encoder() encoder {
	return encoder{g.sock.transaction(), g.cfg.Table, g.destroy, make(map[uint32]netctl.Op), make(map[uint32]struct{})}
}

// ops adds ops, which must be in the order of their verbs, to the batch.
func (e *encoder) ops(ops []netctl.Op) {
	elems := map[string][]netctl.Op{}
	verb := netctl.Verb(0)
	for _, op := range ops {
		if op.Verb != verb {
			e.elements(verb, elems)
			verb = op.Verb
		}
		switch op.Verb {
		case netctl.Remove, netctl.Insert:
			if op.Ended && e.destroy == 0 {
				continue // not to be found, which would fail the transaction
			}
			name := setFor(op.Key)
			elems[name] = append(elems[name], op)
			if len(elems[name]) == elementsPerMessage {
				e.elementList(verb, name, elems[name])
				elems[name] = elems[name][:0]
			}
		case netctl.Drop:
			e.dropObject(op)
		case netctl.Create:
			e.newObject(op, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
		case netctl.Limit:
			e.newObject(op, 0)
		}
	}
	e.elements(verb, elems)
}

// elements adds what is left of the lists, in the order of the sets.
func (e *encoder) elements(verb netctl.Verb, elems map[string][]netctl.Op) {
	for _, s := range layout(1) {
		if list := elems[s.name]; len(list) > 0 {
			e.elementList(verb, s.name, list)
			delete(elems, s.name)
		}
	}
}

func (e *encoder) elementList(verb netctl.Verb, set string, ops []netctl.Op) {
	typ, flags := uint16(msgDelElem), uint16(0)
	switch {
	case verb == netctl.Insert:
		typ, flags = msgNewElem, unix.NLM_F_CREATE|unix.NLM_F_EXCL
	case e.destroy != 0:
		typ = e.destroy
		defer func() { e.destroys[e.seq] = struct{}{} }()
	}
	e.add(typ, flags, func() {
		e.str(unix.NFTA_SET_ELEM_LIST_TABLE, e.table)
		e.str(unix.NFTA_SET_ELEM_LIST_SET, set)
		e.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func() {
			for i := range ops {
				e.nest(listElem, func() { e.element(&ops[i]) })
			}
		})
	})
}

// element is "<key> timeout <left> : <object>", or the key alone.
func (e *encoder) element(op *netctl.Op) {
	e.nest(unix.NFTA_SET_ELEM_KEY, func() {
		var key [24]byte
		e.bytes(unix.NFTA_DATA_VALUE, appendKey(key[:0], op.Key))
	})
	if op.Verb == netctl.Remove {
		return
	}
	if op.Left > 0 {
		e.u64(unix.NFTA_SET_ELEM_TIMEOUT, uint64(max(op.Left, minTimeout).Milliseconds()))
	}
	e.str(unix.NFTA_SET_ELEM_OBJREF, op.Object)
}

// newObject is "add quota <name> { <limit> bytes used <used> bytes }" or "add
// counter <name> { packets 0 bytes <used> }".
func (e *encoder) newObject(op netctl.Op, flags uint16) {
	e.add(msgNewObject, flags, func() {
		e.str(unix.NFTA_OBJ_TABLE, e.table)
		e.str(unix.NFTA_OBJ_NAME, op.Object)
		e.u32(unix.NFTA_OBJ_TYPE, objectType(op.Kind))
		e.nest(unix.NFTA_OBJ_DATA, func() {
			if op.Kind == netctl.Counter {
				e.u64(unix.NFTA_COUNTER_BYTES, op.Used)
				e.u64(unix.NFTA_COUNTER_PACKETS, 0)
				return
			}
			e.u64(unix.NFTA_QUOTA_BYTES, limitToKernel(op.Limit))
			e.u32(unix.NFTA_QUOTA_FLAGS, 0)
			// The kernel refuses more than the limit, and starts as depleted
			// with as much.
			e.u64(unix.NFTA_QUOTA_CONSUMED, min(op.Used, limitToKernel(op.Limit)))
		})
	})
}

func (e *encoder) dropObject(op netctl.Op) {
	e.add(msgDelObject, 0, func() {
		e.str(unix.NFTA_OBJ_TABLE, e.table)
		e.str(unix.NFTA_OBJ_NAME, op.Object)
		e.u32(unix.NFTA_OBJ_TYPE, objectType(op.Kind))
	})
	e.drops[e.seq] = op
}

func objectType(k netctl.Kind) uint32 {
	if k == netctl.Counter {
		return unix.NFT_OBJECT_COUNTER
	}
	return unix.NFT_OBJECT_QUOTA
}
