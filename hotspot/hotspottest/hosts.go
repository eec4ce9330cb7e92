package hotspottest

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Hosts is a guest network's population, as told.
type Hosts struct {
	mu   sync.Mutex // guards list and kept
	list map[hotspot.MAC]hotspot.Host
	kept map[hotspot.MAC]bool
}

// Keep implements [hotspot.Hosts].
func (h *Hosts) Keep(m hotspot.MAC, in bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept == nil {
		h.kept = make(map[hotspot.MAC]bool)
	}
	h.kept[m] = in
}

// Sighted implements [hotspot.Hosts]. It believes everything.
func (h *Hosts) Sighted(m hotspot.MAC, a netip.Addr) {
	x, _ := h.ByMAC(m)
	x.MAC, x.Addrs = m, append(x.Addrs, a)
	h.Put(x)
}

// Kept reports whether a device is protected.
func (h *Hosts) Kept(m hotspot.MAC) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kept[m]
}

// Put adds or replaces a device and takes its addresses from others.
func (h *Hosts) Put(x hotspot.Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.list == nil {
		h.list = make(map[hotspot.MAC]hotspot.Host)
	}
	for m, o := range h.list {
		o.Addrs = slices.DeleteFunc(slices.Clone(o.Addrs), func(a netip.Addr) bool { return slices.Contains(x.Addrs, a) })
		h.list[m] = o
	}
	h.list[x.MAC] = x
}

// Remove takes a device off the network.
func (h *Hosts) Remove(m hotspot.MAC) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.list, m)
}

// ByAddr implements [hotspot.Hosts].
func (h *Hosts) ByAddr(a netip.Addr) (hotspot.Host, bool) {
	for _, x := range h.List() {
		if slices.Contains(x.Addrs, a) {
			return x, true
		}
	}
	return hotspot.Host{}, false
}

// ByMAC implements [hotspot.Hosts].
func (h *Hosts) ByMAC(m hotspot.MAC) (hotspot.Host, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x, ok := h.list[m]
	x.Addrs = slices.Clone(x.Addrs)
	return x, ok
}

// List implements [hotspot.Hosts].
func (h *Hosts) List() []hotspot.Host {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []hotspot.Host
	for _, x := range h.list {
		x.Addrs = slices.Clone(x.Addrs)
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b hotspot.Host) int { return bytes.Compare(a.MAC[:], b.MAC[:]) })
	return out
}
