package links

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	vnl "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func linkMessage(index int, flags uint32, attrs ...netlink.Attribute) []byte {
	b := make([]byte, linkHeader)
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	binary.NativeEndian.PutUint32(b[8:], flags)
	tail, _ := netlink.MarshalAttributes(attrs)
	return append(b, tail...)
}

func addrMessage(index int, bits byte, attrs ...netlink.Attribute) []byte {
	b := make([]byte, addrHeader)
	b[1] = bits
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	tail, _ := netlink.MarshalAttributes(attrs)
	return append(b, tail...)
}

func TestAssemble(t *testing.T) {
	bridge := binary.NativeEndian.AppendUint32(nil, 3)
	links := []netlink.Message{
		{Data: linkMessage(5, 0, netlink.Attribute{Type: unix.IFLA_IFNAME, Data: []byte("wlan0\x00")}, netlink.Attribute{Type: unix.IFLA_MASTER, Data: bridge})},
		{Data: linkMessage(3, unix.IFF_UP, netlink.Attribute{Type: unix.IFLA_IFNAME, Data: []byte("br-guest\x00")})},
		{Data: []byte("short")},
	}
	addrs := []netlink.Message{
		{Data: addrMessage(3, 64, netlink.Attribute{Type: unix.IFA_ADDRESS, Data: netip.MustParseAddr("fe80::1").AsSlice()})},
		{Data: addrMessage(3, 24, netlink.Attribute{Type: unix.IFA_ADDRESS, Data: []byte{10, 0, 0, 9}}, netlink.Attribute{Type: unix.IFA_LOCAL, Data: []byte{10, 0, 0, 1}})},
		{Data: addrMessage(3, 33, netlink.Attribute{Type: unix.IFA_LOCAL, Data: []byte{10, 0, 0, 1}})},
		{Data: addrMessage(99, 24, netlink.Attribute{Type: unix.IFA_LOCAL, Data: []byte{10, 0, 0, 1}})},
	}
	want := State{
		{Index: 3, Name: "br-guest", Up: true, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fe80::1/64")}},
		{Index: 5, Name: "wlan0", Master: 3},
	}
	got := assemble(links, addrs)
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if l, ok := got.ByName("br-guest"); !ok || len(l.Addresses()) != 1 {
		t.Errorf("by name: %v, %v", l, ok)
	}
	if _, ok := got.ByIndex(4); ok {
		t.Error("an interface that is not there")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(linkMessage(3, 1, netlink.Attribute{Type: unix.IFLA_IFNAME, Data: []byte("br-guest\x00")}))
	f.Add(addrMessage(3, 24, netlink.Attribute{Type: unix.IFA_LOCAL, Data: []byte{10, 0, 0, 1}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, ok := decodeLink(b); ok && (l.Index <= 0 || l.Name == "" || len(l.Name) >= unix.IFNAMSIZ) {
			t.Errorf("took %+v", l)
		}
		if index, p, ok := decodeAddr(b); ok && (index <= 0 || !p.IsValid()) {
			t.Errorf("took %d %v", index, p)
		}
		assemble([]netlink.Message{{Data: b}}, []netlink.Message{{Data: b}})
	})
}

// watching runs Watch in the test's namespace.
func watching(t *testing.T) <-chan State {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	states, done := make(chan State, 256), make(chan error, 1)
	go func() { done <- Watch(ctx, func(s State) { states <- s }, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("watch: %v", err)
		}
	})
	return states
}

// await waits for a state.
func await(t *testing.T, states <-chan State, what string, ok func(State) bool) {
	t.Helper()
	begun := time.Now()
	limit := time.NewTimer(90 * time.Second)
	defer limit.Stop()
	for {
		select {
		case s := <-states:
			if ok(s) {
				t.Logf("%s: seen after %v", what, time.Since(begun).Round(10*time.Microsecond))
				return
			}
		case <-limit.C:
			t.Fatalf("not seen: %s", what)
		}
	}
}

// TestWatch makes, renames, fills and deletes interfaces in the kernel. The
// test runs in a network namespace of its own (CLONE_NEWNET).
func TestWatch(t *testing.T) {
	states := watching(t)
	await(t, states, "the first state", func(s State) bool { _, ok := s.ByName("lo"); return ok })
	attrs := vnl.NewLinkAttrs()
	attrs.Name = "br-t"
	br := &vnl.Bridge{LinkAttrs: attrs}
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	step(vnl.LinkAdd(br))
	t.Cleanup(func() { _ = vnl.LinkDel(br) })
	index := 0
	await(t, states, "a new bridge", func(s State) bool { l, ok := s.ByName("br-t"); index = l.Index; return ok })
	step(vnl.AddrAdd(br, &vnl.Addr{IPNet: &net.IPNet{IP: net.IP{10, 9, 8, 7}, Mask: net.CIDRMask(24, 32)}}))
	await(t, states, "its address", func(s State) bool { l, _ := s.ByName("br-t"); return len(l.Addresses()) == 1 })
	port := vnl.NewLinkAttrs()
	port.Name, port.MasterIndex = "t-port", index
	step(vnl.LinkAdd(&vnl.Veth{LinkAttrs: port, PeerName: "t-peer"}))
	await(t, states, "its port", func(s State) bool { l, _ := s.ByName("t-port"); return l.Master == index })
	step(vnl.LinkSetUp(br))
	await(t, states, "that it is up", func(s State) bool { l, _ := s.ByName("br-t"); return l.Up })
	step(vnl.LinkSetName(br, "br-u"))
	await(t, states, "its new name", func(s State) bool { l, _ := s.ByIndex(index); return l.Name == "br-u" })
	step(vnl.LinkDel(br))
	await(t, states, "that it is gone", func(s State) bool {
		_, there := s.ByIndex(index)
		l, _ := s.ByName("t-port")
		return !there && l.Master == 0
	})
	if l, err := vnl.LinkByName("t-port"); err == nil {
		_ = vnl.LinkDel(l)
	}
}
