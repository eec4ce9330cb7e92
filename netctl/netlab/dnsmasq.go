package netlab

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// startDnsmasq starts the router's DHCP, DNS and router advertisements. It
// reads no configuration but its own and touches nothing outside the lab.
func (l *Lab) startDnsmasq(ctx context.Context) error {
	lease := int(l.opts.LeaseTime / time.Second)
	conf := strings.Join([]string{
		"user=root", "group=root",
		"pid-file=" + l.dir + "/dnsmasq.pid",
		"log-facility=-", "log-dhcp",
		"no-hosts", "no-resolv", "no-poll",
		"server=" + Upstream4,
		"interface=" + GuestBridge, "interface=" + LANLink,
		"except-interface=lo", "bind-dynamic",
		"no-dhcp-interface=" + LANLink,
		"domain=lan", "local=/lan/",
		"dhcp-authoritative",
		"no-ping", // it would hold back each first offer for seconds
		fmt.Sprintf("dhcp-range=192.168.0.20,192.168.0.249,255.255.255.0,%d", lease),
		fmt.Sprintf("dhcp-range=%s,ra-stateless,64,%d", strings.TrimSuffix(GuestNet6, "/64"), lease),
		"dhcp-option=option6:dns-server,[" + RouterGuest6 + "]",
		"enable-ra",
		"dhcp-leasefile=" + l.leaseFile(),
	}, "\n") + "\n"
	path, err := l.writeFile("dnsmasq.conf", conf, 0o600)
	if err != nil {
		return err
	}
	l.dnsmasq, err = l.run("dnsmasq", l.router, "dnsmasq", "--keep-in-foreground", "--conf-file="+path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.dnsmasq.until(ctx, 5*time.Millisecond, func() bool { return l.answersDNS(ctx) })
}

// answersDNS tells whether dnsmasq listens; by then it serves DHCP as well.
func (l *Lab) answersDNS(ctx context.Context) bool {
	c, err := l.router.DialContext(ctx, "tcp", net.JoinHostPort(RouterGuest4, "53"))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
