package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/netctl/hosts"
	"github.com/vouchsafe/vouchsafe/netctl/links"
	"github.com/vouchsafe/vouchsafe/netctl/nft"
)

// kernelGate is the gate in nftables.
type kernelGate struct {
	*nft.Gate
	log *slog.Logger
}

// Configure implements gate.
func (g kernelGate) Configure(ctx context.Context, cfg *config.Config, use layout) error {
	return g.Gate.Configure(ctx, gateConfig(g.log, cfg, use))
}

func gateConfig(log *slog.Logger, cfg *config.Config, use layout) nft.Config {
	return nft.Config{
		Log: log, GuestInterface: use.guest, Portal: cfg.Guest.PortalPort, DNS: 53, Links: use.closed, Indexes: use.indexes,
		Uplinks: cfg.Network.Uplinks, Protected: use.protected, MaxGuests: cfg.Network.MaxGuests,
	}
}

// kernelNetwork makes the gate in nftables and the watch of the guests'
// interface, which need not exist yet.
func (d *hotspotDaemon) kernelNetwork(ctx context.Context) (gate, watcher, error) {
	var err error
	if d.state, err = links.Read(); err != nil {
		return nil, nil, err
	}
	cfg := d.conf()
	use := d.guests.update(d.state, cfg)
	g, err := nft.New(gateConfig(d.opts.Log, cfg, use))
	if err != nil {
		return nil, nil, fmt.Errorf("firewall: %w", err)
	}
	known, err := g.Links(ctx)
	if err != nil {
		d.log.Warn("which interfaces were the guests' cannot be read from the firewall", "error", err)
	}
	d.guests.adopt(d.state, cfg, known)
	use = d.guests.update(d.state, cfg)
	kernel := kernelGate{g, d.opts.Log}
	if err := kernel.Configure(ctx, cfg, use); err != nil {
		g.Close()
		return nil, nil, fmt.Errorf("firewall: %w", err)
	}
	w, err := hosts.New(hosts.Config{Interface: use.guest, LeaseFile: cfg.Network.Leases, Pin: true, Log: d.opts.Log})
	if err != nil {
		g.Close()
		return nil, nil, fmt.Errorf("guest network: %w", err)
	}
	d.see(use, cfg)
	return kernel, w, nil
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
