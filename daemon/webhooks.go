package daemon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"

	"github.com/vouchsafe/vouchsafe/api/keys"
	"github.com/vouchsafe/vouchsafe/api/webhooks"
)

// openWebhooks takes up the endpoints that are told of events. Their secrets are
// sealed with the device secret.
func openWebhooks(ctx context.Context, data string, opts Options, cfg webhooks.Config) (*webhooks.Webhooks, error) {
	secret, err := keys.LoadOrCreateSecret(filepath.Join(data, secretFile))
	if err != nil {
		return nil, fmt.Errorf("device secret: %w", err)
	}
	if cfg.Sealer, err = keys.NewSealer(secret, "webhooks"); err != nil {
		return nil, err
	}
	cfg.Log, cfg.Version = opts.Log, opts.Version
	w, err := webhooks.New(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	return w, nil
}

// local is what webhooks must not reach.
func (d *hotspotDaemon) local() webhooks.Local {
	var guest []netip.Addr
	if v := d.view.Load(); v != nil {
		guest = v.guest
	}
	return localNet(guest, d.conf().Guest.Interface)
}

// localNet finds this machine's addresses, and the guest network: that of the
// given addresses and of the interface.
func localNet(guest []netip.Addr, device string) webhooks.Local {
	var out webhooks.Local
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return out // the kernel does not tell; loopback is known all the same
	}
	for _, p := range prefixes(addrs) {
		out.Own = append(out.Own, p.Addr())
		if slices.Contains(guest, p.Addr()) {
			out.Guests = append(out.Guests, p.Masked())
		}
	}
	if i, err := net.InterfaceByName(device); err == nil {
		if addrs, err := i.Addrs(); err == nil {
			for _, p := range prefixes(addrs) {
				out.Guests = append(out.Guests, p.Masked())
			}
		}
	}
	return out
}

func prefixes(addrs []net.Addr) (out []netip.Prefix) {
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if bits, _ := n.Mask.Size(); ok {
			ip = ip.Unmap()
			out = append(out, netip.PrefixFrom(ip, min(bits, ip.BitLen())))
		}
	}
	return out
}
