package daemon

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/hosts"
	"github.com/vouchsafe/vouchsafe/netctl/nft"
)

// kernelNetwork makes the gate in nftables and the watch of the guests'
// interface.
func (d *hotspotDaemon) kernelNetwork() (gate, watcher, error) {
	w, err := hosts.New(hosts.Config{
		Interface: d.cfg.Guest.Interface, LeaseFile: d.cfg.Network.Leases, Pin: true, Log: d.opts.Log,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("guest network: %w", err)
	}
	var protected []string
	if d.cfg.LAN.Interface != "" {
		protected = append(protected, d.cfg.LAN.Interface)
	}
	g, err := nft.New(nft.Config{
		Log: d.opts.Log, GuestInterface: d.cfg.Guest.Interface, Portal: d.cfg.Guest.PortalPort, DNS: 53,
		Uplinks: d.cfg.Network.Uplinks, Protected: protected, MaxGuests: d.cfg.Network.MaxGuests,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("firewall: %w", err)
	}
	return g, w, nil
}

// listenConfig makes listening sockets for the LAN. They may be bound to an
// address that the interface gets only later in the boot; one that is bound to
// no address keeps to the interface, so that the internet does not reach it.
func listenConfig(at netip.Addr, iface string) net.ListenConfig {
	return net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		cerr := c.Control(func(fd uintptr) {
			switch {
			case at.IsUnspecified() && iface != "":
				err = unix.BindToDevice(int(fd), iface)
			case at.Is4():
				err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
			default:
				err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_FREEBIND, 1)
			}
		})
		if cerr != nil {
			return cerr
		}
		return err
	}}
}
