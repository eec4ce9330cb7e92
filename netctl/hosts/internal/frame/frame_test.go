package frame

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/net/bpf"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

var (
	guest     = hotspot.MAC{0x02, 0x5e, 0x10, 0, 0, 1}
	router    = net.HardwareAddr{0x02, 0x5e, 0x10, 0, 0, 0xfe}
	broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	v4        = netip.MustParseAddr("192.168.0.10")
	v6        = netip.MustParseAddr("fd5a::10")
	linkLocal = netip.MustParseAddr("fe80::10")
)

// build serialises layers on top of an Ethernet header from the guest.
func build(tb testing.TB, etherType layers.EthernetType, ls ...gopacket.SerializableLayer) []byte {
	tb.Helper()
	eth := &layers.Ethernet{SrcMAC: guest[:], DstMAC: broadcast, EthernetType: etherType}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true}
	if err := gopacket.SerializeLayers(buf, opts, append([]gopacket.SerializableLayer{eth}, ls...)...); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func arpFrame(tb testing.TB, op uint16, sender net.HardwareAddr, addr netip.Addr) []byte {
	return build(tb, layers.EthernetTypeARP, &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, Operation: op,
		SourceHwAddress: sender, SourceProtAddress: addr.AsSlice(),
		DstHwAddress: make([]byte, 6), DstProtAddress: []byte{192, 168, 0, 1}})
}

func ip6(from netip.Addr, next layers.IPProtocol, hops uint8) *layers.IPv6 {
	return &layers.IPv6{Version: 6, SrcIP: from.AsSlice(), DstIP: net.ParseIP("ff02::1"), HopLimit: hops, NextHeader: next}
}

func nd(tb testing.TB, from netip.Addr, hops, kind uint8, body gopacket.SerializableLayer) []byte {
	return build(tb, layers.EthernetTypeIPv6, ip6(from, layers.IPProtocolICMPv6, hops),
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}, body)
}

func dhcpFrame(tb testing.TB, op layers.DHCPOp, client net.HardwareAddr, ciaddr net.IP, opts ...layers.DHCPOption) []byte {
	return build(tb, layers.EthernetTypeIPv4,
		&layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4zero, DstIP: net.IPv4bcast},
		&layers.UDP{SrcPort: 68, DstPort: 67},
		&layers.DHCPv4{Operation: op, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, ClientHWAddr: client,
			ClientIP: ciaddr, Options: opts})
}

func udp6(tb testing.TB, port layers.UDPPort) []byte {
	return build(tb, layers.EthernetTypeIPv6, ip6(linkLocal, layers.IPProtocolUDP, 1),
		&layers.UDP{SrcPort: 546, DstPort: port}, gopacket.Payload{1, 0, 0, 1})
}

type example struct {
	name  string
	frame []byte
	proto int
	ok    bool // the decoder takes it
	pass  bool // the filter lets it through
	addr  netip.Addr
	host  string
}

func examples(tb testing.TB) []example {
	ns := &layers.ICMPv6NeighborSolicitation{TargetAddress: v6.AsSlice()}
	na := &layers.ICMPv6NeighborAdvertisement{TargetAddress: v6.AsSlice()}
	name := layers.NewDHCPOption(layers.DHCPOptHostname, []byte("phone"))
	lla := layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: guest[:]}}
	nsOption := &layers.ICMPv6NeighborSolicitation{TargetAddress: v6.AsSlice(), Options: lla}
	naOption := &layers.ICMPv6NeighborAdvertisement{TargetAddress: v6.AsSlice(), Options: lla}
	rsOption := &layers.ICMPv6RouterSolicitation{Options: lla}
	type6 := layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{1})
	pad := layers.NewDHCPOption(layers.DHCPOptPad, nil)
	none := netip.Addr{}
	return []example{
		{"arp request", arpFrame(tb, 1, guest[:], v4), EtherTypeARP, true, true, v4, ""},
		{"arp reply", arpFrame(tb, 2, guest[:], v4), EtherTypeARP, true, true, v4, ""},
		{"arp probe", arpFrame(tb, 1, guest[:], netip.IPv4Unspecified()), EtherTypeARP, true, true, none, ""},
		{"arp of another", arpFrame(tb, 2, router, v4), EtherTypeARP, false, true, none, ""},
		{"duplicate probe", nd(tb, netip.IPv6Unspecified(), 255, 135, ns), EtherTypeIPv6, true, true, v6, ""},
		{"solicitation", nd(tb, linkLocal, 255, 135, ns), EtherTypeIPv6, true, true, linkLocal, ""},
		{"advertisement", nd(tb, v6, 255, 136, na), EtherTypeIPv6, true, true, v6, ""},
		{"routed advertisement", nd(tb, v6, 64, 136, na), EtherTypeIPv6, false, true, none, ""},
		{"routed solicitation", nd(tb, linkLocal, 64, 135, ns), EtherTypeIPv6, false, true, none, ""},
		{"router solicitation", nd(tb, linkLocal, 255, 133, &layers.ICMPv6RouterSolicitation{}), EtherTypeIPv6, true, true, none, ""},
		{"solicitation with option", nd(tb, linkLocal, 255, 135, nsOption), EtherTypeIPv6, true, true, linkLocal, ""},
		{"advertisement with option", nd(tb, v6, 255, 136, naOption), EtherTypeIPv6, true, true, v6, ""},
		{"router solicitation with option", nd(tb, linkLocal, 255, 133, rsOption), EtherTypeIPv6, true, true, none, ""},
		{"router advertisement", nd(tb, linkLocal, 255, 134, &layers.ICMPv6RouterAdvertisement{}), EtherTypeIPv6, false, false, none, ""},
		{"padded arp", append(arpFrame(tb, 1, guest[:], v4), make([]byte, 18)...), EtherTypeARP, true, true, v4, ""},
		{"dhcp with more options", dhcpFrame(tb, layers.DHCPOpRequest, guest[:], net.IPv4zero, type6, pad, name, type6), EtherTypeIPv4, true, true, none, "phone"},
		{"two names", dhcpFrame(tb, layers.DHCPOpRequest, guest[:], net.IPv4zero, layers.NewDHCPOption(layers.DHCPOptHostname, []byte("x")), name), EtherTypeIPv4, true, true, none, "phone"},
		{"echo", nd(tb, linkLocal, 255, 128, &layers.ICMPv6Echo{}), EtherTypeIPv6, false, false, none, ""},
		{"dhcp discover", dhcpFrame(tb, layers.DHCPOpRequest, guest[:], net.IPv4zero, name), EtherTypeIPv4, true, true, none, "phone"},
		{"dhcp renewal", dhcpFrame(tb, layers.DHCPOpRequest, guest[:], net.IP(v4.AsSlice()), name), EtherTypeIPv4, true, true, v4, "phone"},
		{"dhcp answer", dhcpFrame(tb, layers.DHCPOpReply, guest[:], net.IPv4zero, name), EtherTypeIPv4, false, true, none, ""},
		{"dhcp for another", dhcpFrame(tb, layers.DHCPOpRequest, router, net.IPv4zero, name), EtherTypeIPv4, false, true, none, ""},
		{"dhcpv6", udp6(tb, 547), EtherTypeIPv6, true, true, none, ""},
		{"dns over ipv6", udp6(tb, 53), EtherTypeIPv6, false, false, none, ""},
		{"dns", build(tb, layers.EthernetTypeIPv4,
			&layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4(192, 168, 0, 10), DstIP: net.IPv4(192, 168, 0, 1)},
			&layers.UDP{SrcPort: 5353, DstPort: 53}, gopacket.Payload{0}), EtherTypeIPv4, false, false, none, ""},
		{"web", build(tb, layers.EthernetTypeIPv4,
			&layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IPv4(192, 168, 0, 10), DstIP: net.IPv4(192, 168, 0, 1)},
			&layers.TCP{SrcPort: 5353, DstPort: 67, DataOffset: 5}), EtherTypeIPv4, false, false, none, ""},
		{"fragment", build(tb, layers.EthernetTypeIPv4,
			&layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolUDP, FragOffset: 9, SrcIP: net.IPv4(192, 168, 0, 10), DstIP: net.IPv4(192, 168, 0, 1)},
			gopacket.Payload{0, 67, 0, 67, 0, 8, 0, 0}), EtherTypeIPv4, false, false, none, ""},
	}
}

func TestDecode(t *testing.T) {
	d := NewDecoder()
	for _, tc := range examples(t) {
		got, err := d.Decode(tc.frame)
		if (err == nil) != tc.ok {
			t.Errorf("%s: error %v", tc.name, err)
			continue
		}
		if err == nil && (got.MAC != guest || got.Addr != tc.addr || string(got.Name) != tc.host) {
			t.Errorf("%s: %+v", tc.name, got)
		}
		for n := range tc.frame { // cut short anywhere, nothing worse than an error
			_, _ = d.Decode(tc.frame[:n])
		}
	}
}

// TestFilter runs the kernel's filters on the same frames.
func TestFilter(t *testing.T) {
	for _, tc := range examples(t) {
		raw, err := Filter(tc.proto)
		if err != nil {
			t.Fatal(err)
		}
		prog, ok := bpf.Disassemble(raw)
		if !ok {
			t.Fatal("cannot be disassembled")
		}
		vm, err := bpf.NewVM(prog)
		if err != nil {
			t.Fatal(err)
		}
		n, err := vm.Run(tc.frame)
		if err != nil {
			t.Fatal(err)
		}
		if (n > 0) != tc.pass {
			t.Errorf("%s: the filter passes %d bytes", tc.name, n)
		}
	}
}

// TestHostile feeds lengths that overflow a naive reader.
func TestHostile(t *testing.T) {
	d := NewDecoder()
	long := arpFrame(t, 1, guest[:], v4)
	long[18], long[19] = 255, 255 // lengths of both kinds of address
	client := dhcpFrame(t, layers.DHCPOpRequest, guest[:], net.IPv4zero)
	client[14+20+8+2] = 255 // length of the client's hardware address
	for _, b := range [][]byte{long, client, nil, make([]byte, 1<<16)} {
		if s, err := d.Decode(b); err == nil {
			t.Errorf("taken as %+v", s)
		}
	}
	if _, err := d.Decode(arpFrame(t, 1, guest[:], v4)); err != nil {
		t.Errorf("does not recover: %v", err)
	}
}

// FuzzDecode holds our layers to those of gopacket, which forgive more: what
// we take they take, and they read the same from it.
func FuzzDecode(f *testing.F) {
	for _, tc := range examples(f) {
		f.Add(tc.frame)
	}
	d, o := NewDecoder(), newOracle()
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := d.Decode(b)
		if err != nil {
			return
		}
		if got.Addr.Zone() != "" || len(got.Name) > 255 {
			t.Errorf("%+v", got)
		}
		if etherType := binary.BigEndian.Uint16(b[12:]); etherType == EtherTypeIPv4 && b[14] != 0x45 {
			return // the oracle reads the options of IPv4, we skip them
		}
		want, err := o.decode(b)
		if err != nil || want.MAC != got.MAC || want.Addr != got.Addr || !bytes.Equal(want.Name, got.Name) {
			t.Errorf("got %+v, want %+v, %v", got, want, err)
		}
	})
}

// TestOracle finds the oracle of one mind with us on every example.
func TestOracle(t *testing.T) {
	d, o := NewDecoder(), newOracle()
	for _, tc := range examples(t) {
		got, err := d.Decode(tc.frame)
		want, wantErr := o.decode(tc.frame)
		if (err == nil) != (wantErr == nil) || got.MAC != want.MAC || got.Addr != want.Addr || !bytes.Equal(got.Name, want.Name) {
			t.Errorf("%s: got %+v, %v, want %+v, %v", tc.name, got, err, want, wantErr)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	d := NewDecoder()
	frame := dhcpFrame(b, layers.DHCPOpRequest, guest[:], net.IPv4zero, layers.NewDHCPOption(layers.DHCPOptHostname, []byte("phone")))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(frame); err != nil {
			b.Fatal(err)
		}
	}
}
