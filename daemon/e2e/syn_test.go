package e2e

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// floodSYN sends the first packets of connections to the portal from two
// hundred forged devices. None of them ever answers.
func (h *house) floodSYN(g *netlab.Guest, packets int) {
	h.t.Helper()
	err := g.Do(func() error {
		link, err := netlink.LinkByName(g.Link())
		if err != nil {
			return err
		}
		router, err := neighbour(link.Attrs().Index, net.ParseIP(netlab.RouterGuest4))
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		to := &unix.SockaddrLinklayer{Ifindex: link.Attrs().Index}
		for n := range packets {
			frame, err := synFrame(router, n)
			if err != nil {
				return err
			}
			if err := unix.Sendto(fd, frame, 0, to); err != nil {
				return fmt.Errorf("send: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatalf("flood: %v", err)
	}
}

// neighbour is the MAC of a host that this one has spoken to.
func neighbour(link int, addr net.IP) (net.HardwareAddr, error) {
	list, err := netlink.NeighList(link, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	for _, n := range list {
		if n.IP.Equal(addr) && len(n.HardwareAddr) == 6 {
			return n.HardwareAddr, nil
		}
	}
	return nil, fmt.Errorf("no neighbour %s among %v", addr, list)
}

// synFrame is the first packet of a connection number n.
func synFrame(router net.HardwareAddr, n int) ([]byte, error) {
	device := byte(n % 200)
	from := netip.AddrFrom4([4]byte{192, 168, 0, 50 + device})
	eth := &layers.Ethernet{DstMAC: router, SrcMAC: net.HardwareAddr{2, 0xbb, 0, 0, 0, device}, EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from.AsSlice(), DstIP: net.ParseIP(netlab.RouterGuest4).To4()}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(1024 + n/200), DstPort: netlab.PortalPort, SYN: true, Window: 64240, Seq: uint32(n),
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{1460 >> 8, 1460 & 255}}}}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, tcp)
	return buf.Bytes(), err
}
