package daemon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/hosts"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/netctl/nft"
)

// gate is a backend with its beginning and its end.
type gate interface {
	hotspot.Gate
	Open(ctx context.Context) error
	Close() error
}

// watcher is a view of the guest network with its task.
type watcher interface {
	hotspot.Hosts
	Run(ctx context.Context, changed func(hotspot.MAC)) error
	Close() error
}

// network makes the gate and the watch of the configured backend.
func (d *hotspotDaemon) network() (gate, watcher, error) {
	if d.cfg.Network.Backend == config.BackendMemory {
		return memoryGate{memory.New()}, localHosts{hosts.NewLocal()}, nil
	}
	w, err := hosts.New(hosts.Config{
		Interface: d.cfg.Guest.Interface, LeaseFile: d.cfg.Network.Leases, Pin: true, Log: d.opts.Log,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("guest network: %w", err)
	}
	protected := []string{}
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

// memoryGate is the backend without a network. Nothing survives it, so there
// is nothing to open.
type memoryGate struct{ *memory.Gate }

func (memoryGate) Open(context.Context) error { return nil }
func (memoryGate) Close() error               { return nil }

// localHosts is the watch of a machine without a guest network.
type localHosts struct{ *hosts.Local }

func (localHosts) Close() error { return nil }

func (localHosts) Run(ctx context.Context, _ func(hotspot.MAC)) error {
	<-ctx.Done()
	return nil
}

// guestAddresses returns the router's addresses on the guest network: those
// configured, or else the interface's own, IPv4 first, never link-local. It is
// read anew for each request, so that a changed address is taken up.
func (d *hotspotDaemon) guestAddresses() []netip.Addr {
	if len(d.cfg.Guest.Addresses) > 0 || d.cfg.Guest.Interface == "" {
		return d.cfg.Guest.Addresses
	}
	return interfaceAddresses(d.cfg.Guest.Interface)
}

func interfaceAddresses(name string) []netip.Addr {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	addrs, err := iface.Addrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(n.IP); ok && !ip.Unmap().IsLinkLocalUnicast() {
			out = append(out, ip.Unmap())
		}
	}
	slices.SortStableFunc(out, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	return out
}
