package daemon

import (
	"log/slog"
	"net/netip"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestLoginPage: printed vouchers lead to where the guests' pages are.
func TestLoginPage(t *testing.T) {
	d := openDaemon(t, slog.New(slog.DiscardHandler))
	cfg := *d.conf()
	cfg.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort("192.168.10.1:80")}
	d.live.Store(&cfg)
	if got := d.loginPage(); got != "http://192.168.10.1:2050/" || hotspot.CheckPortal(got) != nil {
		t.Errorf("without a guest network: %q", got)
	}
	guest := cfg
	guest.Guest.Interface = "br-guest"
	d.live.Store(&guest)
	for _, c := range []struct {
		addrs []netip.Addr
		want  string
	}{
		{nil, ""},
		{[]netip.Addr{netip.MustParseAddr("10.20.30.1"), netip.MustParseAddr("fd00::1")}, "http://10.20.30.1:2050/"},
		{[]netip.Addr{netip.MustParseAddr("fd00::1")}, "http://[fd00::1]:2050/"},
	} {
		d.view.Store(&view{addrs: c.addrs})
		if got := d.loginPage(); got != c.want || got != "" && hotspot.CheckPortal(got) != nil {
			t.Errorf("at %v: %q, want %q", c.addrs, got, c.want)
		}
	}
	d.live.Store(&cfg)
}
