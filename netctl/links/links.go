// Package links follows the machine's network interfaces: which there are,
// what they are called, which bridge they belong to and what addresses they
// have. Names change hands on a running router; the kernel's index of an
// interface does not.
package links

import (
	"errors"
	"net/netip"
)

// ErrUnsupported says that this system's interfaces cannot be followed.
var ErrUnsupported = errors.New("links: not supported on this system")

// Bounds of what is read, whatever the kernel says.
const (
	maxLinks = 4096
	maxAddrs = 256 // of one interface
)

// Link is a network interface.
type Link struct {
	Index  int
	Name   string
	Master int            // index of the bridge that it is a port of; 0: none
	Up     bool           // as the administrator wants it
	Addrs  []netip.Prefix // with the interface's own address, IPv4 first
}

// State is what there is at one moment, by index.
type State []Link

// ByName returns the interface of a name.
func (s State) ByName(name string) (Link, bool) {
	for _, l := range s {
		if l.Name == name {
			return l, true
		}
	}
	return Link{}, false
}

// ByIndex returns the interface of an index.
func (s State) ByIndex(index int) (Link, bool) {
	for _, l := range s {
		if l.Index == index {
			return l, true
		}
	}
	return Link{}, false
}

// Addresses returns the addresses of an interface that others can use: IPv4
// first, none that is link-local.
func (l Link) Addresses() []netip.Addr {
	var out []netip.Addr
	for _, p := range l.Addrs {
		if !p.Addr().IsLinkLocalUnicast() {
			out = append(out, p.Addr())
		}
	}
	return out
}
