package netlab

import (
	"context"
	"fmt"
	"strings"
)

// firewall is what OpenWrt's firewall4 has, as far as a lab needs it: a table
// of its own that translates addresses. It forwards everything, so that what
// guests can reach is decided by the daemon alone.
const firewall = `table inet fw4
delete table inet fw4
table inet fw4 {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
	}
	chain srcnat {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "` + WANLink + `" masquerade
	}
}
`

// ReloadFirewall replaces the firewall's own table, as firewall4's reload
// does with every interface event.
func (l *Lab) ReloadFirewall(ctx context.Context) error {
	_, err := l.router.nft(ctx, firewall, "-f", "-")
	return err
}

// StopFirewall deletes every nftables table of the router, as firewall4's
// stop does, also those that are not its own.
func (l *Lab) StopFirewall(ctx context.Context) error {
	_, err := l.router.nft(ctx, "flush ruleset\n", "-f", "-")
	return err
}

// nft runs the nft program on the host and returns what it printed.
func (h *Host) nft(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	cmd := h.Command(ctx, "nft", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: nft: %w: %s", h.name, err, strings.TrimSpace(errs.String()))
	}
	return out, nil
}
