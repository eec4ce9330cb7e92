package frame

import (
	"encoding/binary"
	"errors"

	"github.com/google/gopacket"
)

// The layers that a [Decoder] knows. They are few, and written here, because
// gopacket's own package of layers cannot be linked in part: its tables name
// every protocol it knows, which costs 1.4 MB of the program and 4 MB of a
// router's memory. From 2000 on, the numbers are free for programs to use.
const (
	layerEthernet gopacket.LayerType = 2000 + iota
	layerARP
	layerIPv4
	layerIPv6
	layerUDP
	layerDHCP
	layerICMPv6
	layerNeighbour
)

// Numbers of the protocols above the Internet protocols.
const (
	protoUDP    = 17
	protoICMPv6 = 58
)

// Ports that servers listen on.
const (
	portDHCP   = 67
	portDHCPv6 = 547
)

var errShort = errors.New("the frame is damaged or cut short")

// layer is what all layers share: the bytes they carry and what those are.
type layer struct {
	payload []byte
	next    gopacket.LayerType
}

// LayerPayload implements gopacket.DecodingLayer.
func (l *layer) LayerPayload() []byte { return l.payload }

// NextLayerType implements gopacket.DecodingLayer.
func (l *layer) NextLayerType() gopacket.LayerType { return l.next }

// ends says that nothing worth reading follows.
func (l *layer) ends() { l.payload, l.next = nil, gopacket.LayerTypeZero }

// ethernet is the frame itself (without 802.1Q: bridges have taken it off).
type ethernet struct {
	layer
	source []byte
}

func (e *ethernet) CanDecode() gopacket.LayerClass { return layerEthernet }

func (e *ethernet) DecodeFromBytes(b []byte, _ gopacket.DecodeFeedback) error {
	if len(b) < 14 {
		return errShort
	}
	e.source = b[6:12]
	e.payload = b[14:]
	switch binary.BigEndian.Uint16(b[12:]) {
	case EtherTypeARP:
		e.next = layerARP
	case EtherTypeIPv4:
		e.next = layerIPv4
	case EtherTypeIPv6:
		e.next = layerIPv6
	default:
		e.ends()
	}
	return nil
}

// arp is ARP for IPv4 over Ethernet (RFC 826); it refuses any other.
type arp struct {
	layer
	hardware []byte // the sender's
	address  []byte // the sender's
}

func (a *arp) CanDecode() gopacket.LayerClass { return layerARP }

func (a *arp) DecodeFromBytes(b []byte, _ gopacket.DecodeFeedback) error {
	if len(b) < 28 {
		return errShort
	}
	const ethernetForIPv4 = 1<<48 | EtherTypeIPv4<<32 | 6<<24 | 4<<16
	if binary.BigEndian.Uint64(b)&^0xffff != ethernetForIPv4 {
		return errOther
	}
	a.hardware, a.address = b[8:14], b[14:18]
	a.ends()
	return nil
}

// ipv4 is IPv4 (RFC 791). Fragments end there: nothing that names a device
// comes in fragments.
type ipv4 struct{ layer }

func (p *ipv4) CanDecode() gopacket.LayerClass { return layerIPv4 }

func (p *ipv4) DecodeFromBytes(b []byte, _ gopacket.DecodeFeedback) error {
	if len(b) < 20 || b[0]>>4 != 4 {
		return errShort
	}
	header := int(b[0]&0xf) * 4
	whole := int(binary.BigEndian.Uint16(b[2:]))
	if header < 20 || header > whole || whole > len(b) {
		return errShort
	}
	const moreFollow, offset = 0x2000, 0x1fff
	if binary.BigEndian.Uint16(b[6:])&(moreFollow|offset) != 0 || b[9] != protoUDP {
		p.ends()
		return nil
	}
	p.payload, p.next = b[header:whole], layerUDP
	return nil
}

// ipv6 is IPv6 (RFC 8200). Extension headers end it: neighbour discovery and
// DHCPv6 on a link have none.
type ipv6 struct {
	layer
	source   []byte
	hopLimit uint8
}

func (p *ipv6) CanDecode() gopacket.LayerClass { return layerIPv6 }

func (p *ipv6) DecodeFromBytes(b []byte, _ gopacket.DecodeFeedback) error {
	if len(b) < 40 || b[0]>>4 != 6 {
		return errShort
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length > len(b)-40 {
		return errShort
	}
	p.source, p.hopLimit = b[8:24], b[7]
	p.payload = b[40 : 40+length]
	switch b[6] {
	case protoUDP:
		p.next = layerUDP
	case protoICMPv6:
		p.next = layerICMPv6
	default:
		p.ends()
	}
	return nil
}

// udp is UDP (RFC 768).
type udp struct {
	layer
	port uint16 // the destination's
}

func (u *udp) CanDecode() gopacket.LayerClass { return layerUDP }

func (u *udp) DecodeFromBytes(b []byte, _ gopacket.DecodeFeedback) error {
	if len(b) < 8 {
		return errShort
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < 8 || length > len(b) {
		return errShort
	}
	u.port = binary.BigEndian.Uint16(b[2:])
	if u.port != portDHCP {
		u.ends()
		return nil
	}
	u.payload, u.next = b[8:length], layerDHCP
	return nil
}

// icmp6 is the head of an ICMPv6 message (RFC 4443). Checksums are not
// verified: the system itself drops messages whose checksum is wrong, and a
// sender who wants to lie can compute one.
type icmp6 struct {
	layer
	kind uint8
}

// Kinds of messages of neighbour discovery.
const (
	routerSolicitation     = 133
	neighbourSolicitation  = 135
	neighbourAdvertisement = 136
)

func (i *icmp6) CanDecode() gopacket.LayerClass { return layerICMPv6 }

func (i *icmp6) DecodeFromBytes(b []byte, _ gopacket.DecodeFeedback) error {
	if len(b) < 4 {
		return errShort
	}
	i.kind = b[0]
	i.payload, i.next = b[4:], layerNeighbour
	if b[1] != 0 || i.kind != routerSolicitation && i.kind != neighbourSolicitation && i.kind != neighbourAdvertisement {
		i.ends()
	}
	return nil
}

// neighbour is the rest of a message of neighbour discovery (RFC 4861).
type neighbour struct {
	layer
	head   *icmp6 // says which message it is
	target []byte // nil in a router solicitation
}

func (n *neighbour) CanDecode() gopacket.LayerClass { return layerNeighbour }

func (n *neighbour) DecodeFromBytes(b []byte, _ gopacket.DecodeFeedback) error {
	size := 20
	if n.head.kind == routerSolicitation {
		size = 4
	}
	if len(b) < size || !wholeOptions(b[size:]) {
		return errShort
	}
	n.target = b[4:size]
	n.ends()
	return nil
}

// wholeOptions checks the options' lengths, which are in units of 8 bytes. A
// message with one of length 0 must be discarded.
func wholeOptions(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 2 || b[1] == 0 || int(b[1])*8 > len(b) {
			return false
		}
		b = b[int(b[1])*8:]
	}
	return true
}
