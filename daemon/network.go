package daemon

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sort"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/hosts"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

// gate is a backend with its beginning and its end.
type gate interface {
	hotspot.Gate
	Open(ctx context.Context) error
	// Configure puts another configuration into use, and the interfaces as they
	// are now. Guests stay in.
	Configure(ctx context.Context, cfg *config.Config, use layout) error
	// Overruns counts the times that events of the kernel were lost.
	Overruns() uint64
	Close() error
}

// watcher is a view of the guest network with its task.
type watcher interface {
	hotspot.Hosts
	Run(ctx context.Context, changed func(hotspot.MAC)) error
	// Configure names the guests' interface and the lease file, and says that
	// interfaces may have changed.
	Configure(iface, leaseFile string)
	// Overruns counts the times that events of the kernel were lost.
	Overruns() uint64
	Close() error
}

// network makes the gate and the watch of the configured backend.
func (d *hotspotDaemon) network(ctx context.Context) (gate, watcher, error) {
	if d.conf().Network.Backend == config.BackendMemory {
		d.view.Store(&view{addrs: d.conf().Guest.Addresses})
		return memoryGate{memory.New()}, localHosts{hosts.NewLocal()}, nil
	}
	return d.kernelNetwork(ctx)
}

// memoryGate is the backend without a network. Nothing survives it, so there
// is nothing to open.
type memoryGate struct{ *memory.Gate }

func (memoryGate) Open(context.Context) error { return nil }
func (memoryGate) Close() error               { return nil }
func (memoryGate) Overruns() uint64           { return 0 }

func (memoryGate) Configure(context.Context, *config.Config, layout) error { return nil }

// localHosts is the watch of a machine without a guest network.
type localHosts struct{ *hosts.Local }

func (localHosts) Close() error             { return nil }
func (localHosts) Configure(string, string) {}
func (localHosts) Overruns() uint64         { return 0 }

func (localHosts) Run(ctx context.Context, _ func(hotspot.MAC)) error {
	<-ctx.Done()
	return nil
}

// guestAddresses returns the router's addresses on the guest network, IPv4
// first. It is asked for each request, so that a changed address is taken up.
func (d *hotspotDaemon) guestAddresses() []netip.Addr { return d.view.Load().addrs }

// portalAddresses are the addresses by which guests reach the portal: those
// configured, or else all that the interface has. A configured one that it does
// not have now leads nowhere, so another of its family stands in; while there is
// no interface at all, the configuration counts.
func portalAddresses(configured, present []netip.Addr) []netip.Addr {
	switch {
	case len(configured) == 0:
		return present
	case len(present) == 0:
		return configured
	}
	var out []netip.Addr
	for _, bits := range []int{32, 128} {
		family := func(list []netip.Addr, also []netip.Addr) (f []netip.Addr) {
			for _, a := range list {
				if a.BitLen() == bits && (also == nil || slices.Contains(also, a)) {
					f = append(f, a)
				}
			}
			return f
		}
		wanted := family(configured, nil)
		if usable := family(wanted, present); len(usable) > 0 || len(wanted) == 0 {
			out = append(out, usable...)
		} else {
			out = append(out, family(present, nil)...)
		}
	}
	return out
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
	sort.SliceStable(out, func(i, j int) bool { return out[i].BitLen() < out[j].BitLen() })
	return out
}
