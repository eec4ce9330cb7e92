package netlab

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
)

// The addresses of every lab. They are the same in each, since labs do not
// see one another.
const (
	RouterGuest4 = "192.168.0.1"           // the router on the guest network
	RouterGuest6 = "fd5a:9c3e:71b4:1::1"   // the same
	GuestNet4    = "192.168.0.0/24"        //
	GuestNet6    = "fd5a:9c3e:71b4:1::/64" //
	RouterLAN4   = "192.168.10.1"          // the router on the LAN
	LAN4         = "192.168.10.2"          // the operator's computer
	RouterWAN4   = "203.0.113.2"           // the router on the WAN
	RouterWAN6   = "2001:db8:203::2"       // the same
	Upstream4    = "203.0.113.1"           // the internet's end of the WAN
	Upstream6    = "2001:db8:203::1"       // the same
	webNet4      = "198.51.100.%d"         // servers of the internet, by number
	webNet6      = "2001:db8:51::%x"       // the same
	msftDNS4     = "131.107.255.255"       // the answer that Windows looks for
	msftDNS6     = "fd3e:4f5a:5b81::1"     // the same
)

// The interfaces. Guests and the LAN computer call theirs eth0.
const (
	GuestBridge = "br-guest"
	LANLink     = "lan0"
	WANLink     = "wan0"
	hostLink    = "eth0"
)

// Where a lab keeps its things. Neither /run nor /tmp will do: the DHCP
// client executes a script there, and both can be mounted noexec.
const (
	stateRoot = "/var/lib/vouchsafe-lab"
	netnsRoot = "/run/netns"
	etcNetns  = "/etc/netns"
	nsPrefix  = "vs-"
)

// maxGuests is what the DHCP range has room for.
const maxGuests = 200

// checkID refuses ids that would not be safe in names of files and
// namespaces, or that would make one lab's prefix another's.
func checkID(id string) error {
	if !regexp.MustCompile(`^[a-z0-9]{1,20}$`).MatchString(id) {
		return fmt.Errorf("netlab: id %q: want 1 to 20 of a-z and 0-9", id)
	}
	return nil
}

func nsName(id, host string) string { return nsPrefix + id + "-" + host }

func stateDir(id string) string { return filepath.Join(stateRoot, id) }

// guestMAC returns the fixed, locally administered address of guest n.
func guestMAC(n int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0x5a, 0x9c, 0x00, byte(n >> 8), byte(n)}
}

// prefix parses one of the constants above with its length.
func prefix(addr string, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.MustParseAddr(addr), bits)
}
