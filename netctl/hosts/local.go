package hosts

import (
	"hash/fnv"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxLocal bounds the devices of a [Local].
const maxLocal = 256

// Local stands for a guest network on a machine without one: whoever connects
// is a device, with a made-up MAC that belongs to its address. The portal and
// the API can so be tried without privileges. It is safe for concurrent use.
type Local struct {
	start time.Time

	mu      sync.Mutex // guards devices
	devices map[netip.Addr]*localDevice
}

type localDevice struct {
	mac         hotspot.MAC
	first, seen time.Duration
}

var _ hotspot.Hosts = (*Local)(nil)

// NewLocal returns an empty network.
func NewLocal() *Local {
	return &Local{start: time.Now(), devices: map[netip.Addr]*localDevice{}}
}

// ByAddr implements [hotspot.Hosts]. It knows every address, and remembers the
// latest 256.
func (l *Local) ByAddr(a netip.Addr) (hotspot.Host, bool) {
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
		return hotspot.Host{}, false
	}
	a = a.Unmap().WithZone("")
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.start)
	d, ok := l.devices[a]
	if !ok {
		l.makeRoom()
		d = &localDevice{mac: localMAC(a), first: now}
		l.devices[a] = d
	}
	d.seen = now
	return d.host(a, now), true
}

// ByMAC implements [hotspot.Hosts].
func (l *Local) ByMAC(m hotspot.MAC) (hotspot.Host, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a, d := range l.devices {
		if d.mac == m {
			return d.host(a, time.Since(l.start)), true
		}
	}
	return hotspot.Host{}, false
}

// List implements [hotspot.Hosts].
func (l *Local) List() []hotspot.Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.start)
	out := make([]hotspot.Host, 0, len(l.devices))
	for a, d := range l.devices {
		out = append(out, d.host(a, now))
	}
	sort.Slice(out, func(i, j int) bool { return slices.Compare(out[i].MAC[:], out[j].MAC[:]) < 0 })
	return out
}

// Keep implements [hotspot.Hosts]. Nobody claims another's address here.
func (l *Local) Keep(hotspot.MAC, bool) {}

// Sighted implements [hotspot.Hosts]: nothing is sighted here.
func (l *Local) Sighted(hotspot.MAC, netip.Addr) {}

// makeRoom drops the device that is silent for longest; the mutex is held.
func (l *Local) makeRoom() {
	if len(l.devices) < maxLocal {
		return
	}
	var oldest netip.Addr
	for a, d := range l.devices {
		if !oldest.IsValid() || d.seen < l.devices[oldest].seen {
			oldest = a
		}
	}
	delete(l.devices, oldest)
}

func (d *localDevice) host(a netip.Addr, now time.Duration) hotspot.Host {
	h := hotspot.Host{MAC: d.mac, Name: "local", Age: now - d.first, Idle: now - d.seen}
	if !a.IsLinkLocalUnicast() {
		h.Addrs = []netip.Addr{a}
	}
	return h
}

// localMAC makes a locally administered address of an IP address, the same
// each time.
func localMAC(a netip.Addr) hotspot.MAC {
	sum := fnv.New64a()
	sum.Write(a.AsSlice()) // never fails
	v := sum.Sum64()
	m := hotspot.MAC{2}
	for i := 1; i < len(m); i++ {
		m[i] = byte(v >> (8 * i))
	}
	return m
}
