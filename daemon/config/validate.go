package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// Bounds of values; docs in fields.go name them too.
const (
	maxPath     = 4096
	maxSocket   = 107 // sun_path without its final zero
	maxIfname   = 15  // IFNAMSIZ without its final zero
	mostGuests  = 16384
	mostDays    = 90
	leastMemory = 16 << 20
)

// Validate returns every fault of a configuration, joined, or nil.
func (c Config) Validate() error {
	var bad faults
	for _, e := range c.faults() {
		bad.add(e)
	}
	return bad.join("")
}

// check collects faults by path.
type check []*FieldError

func (k *check) bad(path, format string, args ...any) {
	*k = append(*k, faulty(path, place{}, format, args...))
}

func (c Config) faults() []*FieldError {
	var k check
	c.checkPaths(&k)
	c.checkGuest(&k)
	c.checkLAN(&k)
	c.checkNetwork(&k)
	c.checkUpkeep(&k)
	return k
}

func (c Config) checkPaths(k *check) {
	switch {
	case c.Data == "":
		k.bad("data", "required; write the directory in which vouchers are kept, such as /var/lib/vouchsafe")
	case !isPath(c.Data):
		k.bad("data", "not a usable path; write one of at most %d bytes without control characters", maxPath)
	case c.Control.Socket == "" && len(c.ControlSocket()) > maxSocket:
		k.bad("data", "the control socket in it would have a path of more than %d bytes; write a shorter directory, or set control.socket", maxSocket)
	}
	if s := c.Control.Socket; s != "" && (len(s) > maxSocket || !isPath(s)) {
		k.bad("control.socket", "not a usable path for a socket; write one of at most %d bytes without control characters", maxSocket)
	}
	if s := c.Network.Leases; s != "" && !isPath(s) {
		k.bad("network.leases", "not a usable path; write one of at most %d bytes without control characters", maxPath)
	}
	if c.Zone == nil {
		k.bad("zone", "not set; write a time zone such as Europe/Rome or +01:00")
	}
}

func isPath(s string) bool {
	return len(s) <= maxPath && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (c Config) checkGuest(k *check) {
	if c.Guest.Interface != "" {
		k.ifname("guest.interface", c.Guest.Interface)
	} else if c.Network.Backend == BackendNFTables {
		k.bad("guest.interface", "required with the nftables backend; write the guests' interface, such as br-guest")
	}
	for i, a := range c.Guest.Addresses {
		path := fmt.Sprintf("guest.addresses[%d]", i)
		switch {
		case !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Zone() != "":
			k.bad(path, "%s cannot be reached by guests; write one of the router's addresses on the guest network", a)
		case firstIndex(c.Guest.Addresses, a) < i:
			k.bad(path, "%s is in the list already; remove it", a)
		}
	}
	if c.Guest.PortalPort == 0 {
		k.bad("guest.portal_port", "0 is not a port; write a number from 1 to 65535")
	}
}

func (c Config) checkLAN(k *check) {
	if c.LAN.Interface != "" {
		k.ifname("lan.interface", c.LAN.Interface)
		if c.LAN.Interface == c.Guest.Interface {
			k.bad("lan.interface", "%s is the guests' interface; write the operator's, or leave it out", c.LAN.Interface)
		}
	}
	if len(c.LAN.Listen) == 0 {
		k.bad("lan.listen", "the list is empty; write an address such as 192.168.10.1:80, or leave the key out")
	}
	for i, l := range c.LAN.Listen {
		c.checkListen(k, fmt.Sprintf("lan.listen[%d]", i), c.LAN.Listen[:i], l)
	}
	c.checkHTTPS(k)
	for i, l := range c.Metrics.Listen {
		path := fmt.Sprintf("metrics.listen[%d]", i)
		c.checkListen(k, path, c.Metrics.Listen[:i], l)
		if firstIndex(c.LAN.HTTPS.Listen, l) < len(c.LAN.HTTPS.Listen) && l.Port() != 0 {
			k.bad(path, "%s is for HTTPS (lan.https.listen); write another port", l)
		}
		if firstIndex(c.LAN.Listen, l) < len(c.LAN.Listen) && l.Port() != 0 {
			k.bad(path, "%s is the API's (lan.listen); write another port", l)
		}
	}
}

func (c Config) checkHTTPS(k *check) {
	for i, n := range c.LAN.Names {
		if path := fmt.Sprintf("lan.names[%d]", i); !isHostName(n) {
			k.bad(path, "%s is not a host name; write one such as router.lan", clip(n))
		} else if firstIndex(c.LAN.Names, n) < i {
			k.bad(path, "%s is in the list already; remove it", n)
		}
	}
	h := c.LAN.HTTPS
	for i, l := range h.Listen {
		path := fmt.Sprintf("lan.https.listen[%d]", i)
		c.checkListen(k, path, h.Listen[:i], l)
		if firstIndex(c.LAN.Listen, l) < len(c.LAN.Listen) && l.Port() != 0 {
			k.bad(path, "%s is for plain HTTP (lan.listen); write another port", l)
		}
	}
	for _, f := range [][2]string{{"lan.https.cert_file", h.CertFile}, {"lan.https.key_file", h.KeyFile}} {
		if !isPath(f[1]) {
			k.bad(f[0], "not a usable path; write one of at most %d bytes without control characters", maxPath)
		}
	}
	switch {
	case h.CertFile != "" && h.KeyFile == "":
		k.bad("lan.https.cert_file", "the certificate needs its key; set lan.https.key_file, too, or leave both out")
	case h.CertFile == "" && h.KeyFile != "":
		k.bad("lan.https.key_file", "the key needs its certificate; set lan.https.cert_file, too, or leave both out")
	}
	if h.Redirect && len(h.Listen) == 0 {
		k.bad("lan.https.redirect", "there is nowhere to send people; set lan.https.listen, or write false")
	}
}

// checkListen checks an address to listen on, after those before it.
func (c Config) checkListen(k *check, path string, before []netip.AddrPort, l netip.AddrPort) {
	a := l.Addr()
	open := c.LAN.Interface != "" || c.Network.Backend == BackendMemory
	switch {
	case !a.IsValid() || a.IsMulticast():
		k.bad(path, "%s is not an address to listen on; write one of the router's addresses on the LAN", l)
	case a.IsUnspecified() && !open:
		k.bad(path, "%s would listen on the guest network too; write the router's LAN address, or set lan.interface", l)
	case firstIndex(c.Guest.Addresses, a) < len(c.Guest.Addresses):
		k.bad(path, "%s is an address on the guest network; write the router's LAN address", l)
	case l.Port() == 0 && !a.IsLoopback():
		k.bad(path, "0 is not a port; write a number from 1 to 65535")
	case firstIndex(before, l) < len(before) && l.Port() != 0:
		k.bad(path, "%s is in the list already; remove it", l)
	}
}

func (c Config) checkNetwork(k *check) {
	if b := c.Network.Backend; b != BackendNFTables && b != BackendMemory {
		k.bad("network.backend", "%v", notOneOf(string(b), BackendNFTables, BackendMemory))
	}
	for i, name := range c.Network.Uplinks {
		path := fmt.Sprintf("network.uplinks[%d]", i)
		k.ifname(path, name)
		switch {
		case name == "":
		case name == c.Guest.Interface:
			k.bad(path, "%s is the guests' interface; write the one that leads to the internet", name)
		case name == c.LAN.Interface:
			k.bad(path, "%s is the LAN's interface; write the one that leads to the internet", name)
		case firstIndex(c.Network.Uplinks, name) < i:
			k.bad(path, "%s is in the list already; remove it", name)
		}
	}
	if n := c.Network.MaxGuests; n < 1 || n > mostGuests {
		k.bad("network.max_guests", "%d is out of bounds; write a number from 1 to %d", n, mostGuests)
	}
}

func (c Config) checkUpkeep(k *check) {
	period, flush := c.Accounting.Period, c.Accounting.Flush
	if period < time.Second || period > 5*time.Minute {
		k.bad("accounting.period", "%v is out of bounds; write a duration from 1s to 5m", period)
	} else if flush < period || flush > time.Hour {
		k.bad("accounting.flush", "%v is out of bounds; write a duration from accounting.period, which is %v, to 1h", flush, period)
	}
	if t := c.Clock.Trust; t != TrustAuto && t != TrustSystem {
		k.bad("clock.trust", "%v", notOneOf(string(t), TrustAuto, TrustSystem))
	}
	if n := c.Store.Snapshots; n < 0 || n > mostDays {
		k.bad("store.snapshots", "%d is out of bounds; write a number from 0 to %d", n, mostDays)
	}
	switch c.Log.Level {
	case slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError:
	default:
		k.bad("log.level", "%v is not known; write debug, info, warn or error", c.Log.Level)
	}
	if f := c.Log.Format; f != FormatText && f != FormatJSON {
		k.bad("log.format", "%v", notOneOf(string(f), FormatText, FormatJSON))
	}
	if m := c.Limits.Memory; m != 0 && m < leastMemory {
		k.bad("limits.memory", "too little to work in; write at least 16MiB, or leave it out")
	}
}

// ifname checks a name as the kernel does, and leaves out what would have to
// be quoted somewhere.
func (k *check) ifname(path, s string) {
	odd := strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/:%"'\*`, r)
	})
	if s == "" || len(s) > maxIfname || s == "." || s == ".." || odd {
		k.bad(path, "%s is not an interface name; write one of 1 to %d letters, digits, dots, hyphens or underscores, as ip link shows it", clip(s), maxIfname)
	}
}

// firstIndex returns where a list first holds a value, or the list's length.
func firstIndex[T comparable](list []T, v T) int {
	for i, have := range list {
		if have == v {
			return i
		}
	}
	return len(list)
}
