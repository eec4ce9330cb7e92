package nft

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl"
)

// testEncoder encodes without a socket.
func testEncoder() encoder {
	return encoder{
		batch: &batch{buffer: &buffer{}}, table: "vouchsafe", destroy: msgDestroyElem,
		drops: map[uint32]netctl.Op{}, destroys: map[uint32]struct{}{},
	}
}

// sampleOps has one op of every kind.
func sampleOps() []netctl.Op {
	mac, a4, a6 := hotspot.MAC{2, 0, 0, 0, 0, 11}, guest4(0), guest6(0)
	k := netctl.SessionKey{ID: 17, Account: voucher(43)}
	return []netctl.Op{
		{Verb: netctl.Remove, Key: netctl.Key{Map: netctl.Up, MAC: mac, Addr: a6}},
		{Verb: netctl.Drop, Kind: netctl.Counter, Object: "s16v43u"},
		{Verb: netctl.Create, Kind: netctl.Quota, Object: "v43d", Limit: 5 << 20, Used: 77, Session: k},
		{Verb: netctl.Create, Kind: netctl.Counter, Object: "s17v43d", Used: 5, Session: k},
		{Verb: netctl.Limit, Kind: netctl.Quota, Object: "v43u", Session: k},
		{Verb: netctl.Insert, Key: netctl.Key{Map: netctl.Up, MAC: mac, Addr: a4}, Object: "v43u", Left: time.Hour},
		{Verb: netctl.Insert, Key: netctl.Key{Map: netctl.Up, MAC: mac, Addr: a6}, Object: "v43u"},
		{Verb: netctl.Insert, Key: netctl.Key{Map: netctl.MeterDown, Addr: a4}, Object: "s17v43d"},
		{Verb: netctl.Insert, Key: netctl.Key{Map: netctl.Device, MAC: mac}, Object: "s17v43u", Left: 1},
	}
}

// TestEncodeDecode reads back what is written.
func TestEncodeDecode(t *testing.T) {
	e := testEncoder()
	e.ops(sampleOps())
	var objects []netctl.HeldObject
	var elems []netctl.HeldElement
	var types []uint16
	messages(e.b, func(m message) bool {
		types = append(types, m.typ)
		if _, o, ok := decodeObject(m.attrs()); ok && m.typ == msgNewObject {
			objects = append(objects, o)
		}
		name := ""
		attributes(m.attrs(), func(typ uint16, v []byte) {
			if typ == unix.NFTA_SET_ELEM_LIST_SET && m.typ == msgNewElem {
				name = text(v)
			}
		})
		for _, s := range layout(1) {
			if s.name == name {
				decodeElements(m.attrs(), s, func(e netctl.HeldElement) { elems = append(elems, e) })
			}
		}
		return true
	})
	wantTypes := []uint16{
		msgDestroyElem, msgDelObject, msgNewObject, msgNewObject, msgNewObject,
		msgNewElem, msgNewElem, msgNewElem, msgNewElem,
	}
	if d := cmp.Diff(wantTypes, types); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
	wantObjects := []netctl.HeldObject{
		{Name: "v43d", Kind: netctl.Quota, Limit: 5 << 20, Used: 77},
		{Name: "s17v43d", Kind: netctl.Counter, Used: 5},
		{Name: "v43u", Kind: netctl.Quota},
	}
	if d := cmp.Diff(wantObjects, objects); d != "" {
		t.Errorf("objects (-want +got):\n%s", d)
	}
	var wantElems []netctl.HeldElement
	for _, op := range sampleOps()[5:] {
		wantElems = append(wantElems, netctl.HeldElement{Key: op.Key, Object: op.Object})
	}
	if d := cmp.Diff(wantElems, elems, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("elements (-want +got):\n%s", d)
	}
}

// TestAttributeBytes pins the form of attributes: lengths and types in the
// host's order, values in the network's, all aligned.
func TestAttributeBytes(t *testing.T) {
	b := &buffer{}
	b.nest(3, func() {
		b.str(1, "v43d")
		b.u64(2, 0x0102030405060708)
	})
	want := host.AppendUint16(nil, 4+12+12)
	want = host.AppendUint16(want, 3|unix.NLA_F_NESTED)
	want = host.AppendUint16(want, 9)
	want = host.AppendUint16(want, 1)
	want = append(want, 'v', '4', '3', 'd', 0, 0, 0, 0)
	want = host.AppendUint16(want, 12)
	want = host.AppendUint16(want, 2)
	want = append(want, 1, 2, 3, 4, 5, 6, 7, 8)
	if !bytes.Equal(b.b, want) {
		t.Errorf("got  %x\nwant %x", b.b, want)
	}
}

// TestChunks checks that no list of elements grows past what a length can say.
func TestChunks(t *testing.T) {
	var ops []netctl.Op
	for i := range 5*elementsPerMessage + 1 {
		a := netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(i >> 8), 15: byte(i)})
		ops = append(ops, netctl.Op{
			Verb: netctl.Insert, Key: netctl.Key{Map: netctl.Up, Addr: a}, Left: time.Hour,
			Object: "v18446744073709551615u.12345",
		})
	}
	e := testEncoder()
	e.ops(ops)
	n, lists := 0, 0
	messages(e.b, func(m message) bool {
		lists++
		if len(m.body) > 1<<16-1 {
			t.Errorf("a message of %d bytes", len(m.body))
		}
		decodeElements(m.attrs(), layout(1)[1], func(netctl.HeldElement) { n++ })
		return true
	})
	if n != len(ops) || lists != 6 {
		t.Errorf("%d elements in %d messages, want %d in 6", n, lists, len(ops))
	}
}

// FuzzMessages feeds all decoders.
func FuzzMessages(f *testing.F) {
	e := testEncoder()
	e.ops(sampleOps())
	f.Add(e.b)
	f.Add([]byte{})
	links := (&socket{}).transaction()
	links.newLinksSet("vouchsafe", 1, []uint32{3, 1 << 20})
	f.Add(links.b)
	b := &buffer{}
	b.begin(msgCtGet, 0, unix.AF_INET, 0)
	tuple(b, ctaTupleOrig, guest4(0), outside4, 1, 2)
	tuple(b, ctaTupleReply, outside4, guest4(0), 2, 1)
	b.end()
	f.Add(b.b)
	g := &Gate{table: "vouchsafe"}
	wanted := map[netip.Addr]struct{}{guest4(0): {}}
	f.Fuzz(func(t *testing.T, d []byte) {
		messages(d, func(m message) bool {
			if e := m.errno(); e > 4095 {
				t.Errorf("error number %d", e)
			}
			_, o, _ := decodeObject(m.attrs())
			if n := len(appendLinks(nil, m.attrs())); n > mostLinks {
				t.Errorf("%d links", n)
			}
			var held []netctl.HeldElement
			for _, s := range layout(1) {
				decodeElements(m.attrs(), s, func(e netctl.HeldElement) {
					if e.Left < 0 {
						t.Errorf("%v ends %v ago", e.Key, -e.Left)
					}
					held = append(held, e)
				})
			}
			if fl, ok := decodeFlow(m.attrs(), wanted); ok && fl.tuple == nil {
				t.Error("a flow without a tuple")
			}
			g.depletion(m)
			_, _ = tableOf(m), m.family()
			// Whatever a kernel says, the mirror stands it.
			s := netctl.Adopt([]netctl.HeldObject{o}, held, nil, 0)
			s.Apply(s.Orphans(), 0)
			return true
		})
	})
}
