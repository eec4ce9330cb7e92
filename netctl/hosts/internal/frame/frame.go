// Package frame reads the few frames by which a device on the guest network
// makes itself known: ARP, IPv6 neighbour and router discovery, and DHCP
// requests. It is the only importer of gopacket, whose protocol tables cost
// memory from the start of the program: see the package's benchmark before
// spreading its use.
package frame

import (
	"bytes"
	"errors"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Sighting is what one frame says about its sender. Everything in it is the
// sender's claim.
type Sighting struct {
	MAC hotspot.MAC // the frame's sender
	// Addr is an address that the sender says is its own; invalid if the
	// frame names none.
	Addr netip.Addr
	// Name is the host name of a DHCP request as it came; nil if there is
	// none. It is valid until the next call of Decode.
	Name []byte
}

// Max is the length of the longest frame worth reading.
const Max = 1514

// errOther says that a frame makes nothing known.
var errOther = errors.New("not a frame that names its sender")

// Decoder reads frames. It holds what it decodes into, to spare the garbage
// collector, and so serves one goroutine.
type Decoder struct {
	parser *gopacket.DecodingLayerParser
	found  []gopacket.LayerType

	eth   layers.Ethernet
	arp   layers.ARP
	ip4   layers.IPv4
	ip6   layers.IPv6
	udp   layers.UDP
	dhcp  layers.DHCPv4
	icmp6 layers.ICMPv6
	ns    layers.ICMPv6NeighborSolicitation
	na    layers.ICMPv6NeighborAdvertisement
	rs    layers.ICMPv6RouterSolicitation
}

// NewDecoder returns a decoder.
func NewDecoder() *Decoder {
	d := &Decoder{found: make([]gopacket.LayerType, 0, 8)}
	// The parser turns panics of a layer into errors, and leaves what it has
	// no layer for, such as DHCPv6's content, alone.
	d.parser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &d.eth, &d.arp,
		&d.ip4, &d.ip6, &d.udp, &d.dhcp, &d.icmp6, &d.ns, &d.na, &d.rs)
	d.parser.IgnoreUnsupported = true
	return d
}

// Decode reads one Ethernet frame. An error says that it is damaged, or none
// of those that name their sender.
func (d *Decoder) Decode(b []byte) (Sighting, error) {
	if len(b) > Max {
		b = b[:Max]
	}
	if err := d.parser.DecodeLayers(b, &d.found); err != nil {
		return Sighting{}, err
	}
	if len(d.found) < 2 || len(d.eth.SrcMAC) != len(hotspot.MAC{}) {
		return Sighting{}, errOther
	}
	s := Sighting{MAC: hotspot.MAC(d.eth.SrcMAC)}
	var err error
	switch last := d.found[len(d.found)-1]; last {
	case layers.LayerTypeARP:
		err = d.readARP(&s)
	case layers.LayerTypeICMPv6NeighborSolicitation:
		err = d.readSolicitation(&s)
	case layers.LayerTypeICMPv6NeighborAdvertisement:
		err = d.readAdvertisement(&s)
	case layers.LayerTypeICMPv6RouterSolicitation:
		err = d.onLink()
	case layers.LayerTypeDHCPv4:
		err = d.readDHCP(&s)
	case layers.LayerTypeUDP:
		if len(d.found) < 3 || d.found[1] != layers.LayerTypeIPv6 || d.udp.DstPort != 547 {
			err = errOther // DHCPv6 requests show life, nothing else
		}
	default:
		err = errOther
	}
	if err != nil {
		return Sighting{}, err
	}
	return s, nil
}

// readARP takes the sender of any ARP packet: requests, replies and
// announcements. A probe has the sender 0.0.0.0 and names nothing yet.
func (d *Decoder) readARP(s *Sighting) error {
	if d.arp.Protocol != layers.EthernetTypeIPv4 || d.arp.AddrType != layers.LinkTypeEthernet ||
		!bytes.Equal(d.arp.SourceHwAddress, d.eth.SrcMAC) {
		return errOther
	}
	a, ok := netip.AddrFromSlice(d.arp.SourceProtAddress)
	if !ok || !a.Is4() {
		return errOther
	}
	if !a.IsUnspecified() {
		s.Addr = a
	}
	return nil
}

// onLink refuses neighbour discovery that came through a router (RFC 4861:
// the hop limit is 255).
func (d *Decoder) onLink() error {
	if d.ip6.HopLimit != 255 {
		return errOther
	}
	return nil
}

// readSolicitation takes the target of a probe for duplicates, which is the
// address that the device is about to use, and else the sender's address.
func (d *Decoder) readSolicitation(s *Sighting) error {
	from, ok := netip.AddrFromSlice(d.ip6.SrcIP)
	if !ok || d.onLink() != nil {
		return errOther
	}
	if !from.IsUnspecified() {
		s.Addr = from
		return nil
	}
	s.Addr, ok = netip.AddrFromSlice(d.ns.TargetAddress)
	if !ok {
		return errOther
	}
	return nil
}

// readAdvertisement takes the address that is advertised.
func (d *Decoder) readAdvertisement(s *Sighting) error {
	target, ok := netip.AddrFromSlice(d.na.TargetAddress)
	if !ok || d.onLink() != nil {
		return errOther
	}
	s.Addr = target
	return nil
}

// readDHCP takes what a client says. Answers are not read: those of the
// router's own server are known better from its lease file, and others are a
// stranger's.
func (d *Decoder) readDHCP(s *Sighting) error {
	if d.dhcp.Operation != layers.DHCPOpRequest || !bytes.Equal(d.dhcp.ClientHWAddr, d.eth.SrcMAC) {
		return errOther
	}
	if a, ok := netip.AddrFromSlice(d.dhcp.ClientIP.To4()); ok && !a.IsUnspecified() {
		s.Addr = a // a client that renews has it already
	}
	for _, o := range d.dhcp.Options {
		if o.Type == layers.DHCPOptHostname {
			s.Name = o.Data
		}
	}
	return nil
}
