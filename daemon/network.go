package daemon

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/hosts"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
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
	return d.kernelNetwork()
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
	return usable(addrs)
}

// machineAddresses are all addresses of this machine.
func machineAddresses() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	return usable(addrs)
}

// usable puts IPv4 first and leaves link-local addresses out.
func usable(addrs []net.Addr) []netip.Addr {
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
