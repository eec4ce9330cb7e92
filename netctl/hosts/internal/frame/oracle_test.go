package frame

import (
	"bytes"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// oracle reads frames with the layers of gopacket, to check ours by.
type oracle struct {
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

func newOracle() *oracle {
	d := &oracle{found: make([]gopacket.LayerType, 0, 8)}
	d.parser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &d.eth, &d.arp,
		&d.ip4, &d.ip6, &d.udp, &d.dhcp, &d.icmp6, &d.ns, &d.na, &d.rs)
	d.parser.IgnoreUnsupported = true
	return d
}

func (d *oracle) decode(b []byte) (Sighting, error) {
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
			err = errOther //
		}
	default:
		err = errOther
	}
	if err != nil {
		return Sighting{}, err
	}
	return s, nil
}

func (d *oracle) readARP(s *Sighting) error {
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

func (d *oracle) onLink() error {
	if d.ip6.HopLimit != 255 {
		return errOther
	}
	return nil
}

func (d *oracle) readSolicitation(s *Sighting) error {
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

func (d *oracle) readAdvertisement(s *Sighting) error {
	target, ok := netip.AddrFromSlice(d.na.TargetAddress)
	if !ok || d.onLink() != nil {
		return errOther
	}
	s.Addr = target
	return nil
}

func (d *oracle) readDHCP(s *Sighting) error {
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
