// Package frame reads the few frames by which a device on the guest network
// makes itself known: ARP, IPv6 neighbour and router discovery, and DHCP
// requests. It is the only importer of gopacket; of that, only the parser is
// linked into the program.
package frame

import (
	"bytes"
	"errors"
	"net/netip"

	"github.com/google/gopacket"

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

	eth       ethernet
	arp       arp
	ip4       ipv4
	ip6       ipv6
	udp       udp
	dhcp      dhcp
	icmp6     icmp6
	neighbour neighbour
}

// NewDecoder returns a decoder.
func NewDecoder() *Decoder {
	d := &Decoder{found: make([]gopacket.LayerType, 0, 8)}
	d.neighbour.head = &d.icmp6
	// The parser walks from layer to layer, and turns a panic of one into an
	// error.
	d.parser = gopacket.NewDecodingLayerParser(layerEthernet, &d.eth, &d.arp,
		&d.ip4, &d.ip6, &d.udp, &d.dhcp, &d.icmp6, &d.neighbour)
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
	s := Sighting{MAC: hotspot.MAC(d.eth.source)}
	var err error
	switch d.found[len(d.found)-1] {
	case layerARP:
		err = d.readARP(&s)
	case layerNeighbour:
		err = d.readNeighbour(&s)
	case layerDHCP:
		err = d.readDHCP(&s)
	case layerUDP:
		if d.found[1] != layerIPv6 || d.udp.port != portDHCPv6 {
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
	if !bytes.Equal(d.arp.hardware, d.eth.source) {
		return errOther
	}
	if a := netip.AddrFrom4([4]byte(d.arp.address)); !a.IsUnspecified() {
		s.Addr = a
	}
	return nil
}

// readNeighbour takes the address that is advertised, or that a solicitation
// comes from. A solicitation from no address is a probe for duplicates, and
// its target is the address that the device is about to use.
func (d *Decoder) readNeighbour(s *Sighting) error {
	if d.ip6.hopLimit != 255 {
		return errOther // it came through a router (RFC 4861)
	}
	from := netip.AddrFrom16([16]byte(d.ip6.source))
	switch {
	case d.icmp6.kind == routerSolicitation: // shows life, nothing else
	case d.icmp6.kind == neighbourSolicitation && !from.IsUnspecified():
		s.Addr = from
	default:
		s.Addr = netip.AddrFrom16([16]byte(d.neighbour.target))
	}
	return nil
}

// readDHCP takes what a client says. Answers are not read: those of the
// router's own server are known better from its lease file, and others are a
// stranger's.
func (d *Decoder) readDHCP(s *Sighting) error {
	if d.found[1] != layerIPv4 || d.dhcp.operation != bootRequest || !bytes.Equal(d.dhcp.hardware, d.eth.source) {
		return errOther
	}
	if a := netip.AddrFrom4([4]byte(d.dhcp.address)); !a.IsUnspecified() {
		s.Addr = a // a client that renews has it already
	}
	s.Name = d.dhcp.hostName
	return nil
}
