// Package hosts knows which devices are on the guest network: it implements
// [hotspot.Hosts] for a guest interface ([Table]) and for trying things out
// ([Local]).
//
// What a table learns has two sources. The kernel's neighbour table says which
// address is reached at which MAC. Frames that devices send when they join or
// take an address (ARP, neighbour discovery, DHCP) say it at once, but are
// mere claims. The lease file of the DHCP server settles who owns an IPv4
// address. See [rank] for who wins.
package hosts

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Bounds of what a table remembers, whatever guests send.
const (
	maxDevices = 4096             // and those that are kept
	maxAddrs   = 3 * maxDevices   // of all devices; then each gets a new one for its oldest only
	maxIPv4    = 4                // addresses of a device
	maxIPv6    = 16               // temporary ones come and go
	forget     = 24 * time.Hour   // what is silent for so long
	silence    = 30 * time.Second // after which life is news
	fresh      = time.Minute      // a verified holder heard of since then keeps its address against claims
)

// ErrUnsupported says that this system has no guest interface to watch.
var ErrUnsupported = errors.New("hosts: not supported on this system")

// Config is what a [Table] is made of.
type Config struct {
	Interface string // the guests'; must not be empty
	LeaseFile string // dnsmasq's; empty: none
	// Pin makes the kernel hold on to the verified addresses of devices that
	// are kept (see [Table.Keep]), against forged ARP and neighbour discovery.
	Pin bool
	Log *slog.Logger // must not be nil
	// Mono is a clock that is never set; nil: the runtime's.
	Mono func() time.Duration
}

// Table is the list of devices on a guest network. It is safe for concurrent
// use; [Table.Run] keeps it up to date.
type Table struct {
	cfg  Config
	log  *slog.Logger
	ask  asker // the kernel, about one address
	wake chan struct{}
	look chan struct{} // raised by Configure
	// overruns are the times that the kernel had more events than room for them.
	overruns atomic.Uint64

	mu      sync.Mutex // guards what follows; no I/O while it is held
	iface   string
	file    string // of leases
	devices map[hotspot.MAC]*device
	holders map[netip.Addr]hotspot.MAC
	kept    map[hotspot.MAC]struct{}
	leases  leases
	net     network
	news    map[hotspot.MAC]struct{} // not yet reported
	joins   budget                   // of new devices
	moans   budget                   // of log lines about conflicts
}

var _ hotspot.Hosts = (*Table)(nil)

// asker looks one address up in the kernel's neighbour table.
type asker interface {
	neighbour(a netip.Addr) (neighbour, bool)
	// follow names the interface from now on.
	follow(name string)
	close() error
}

// neighbour is an entry of the kernel's table.
type neighbour struct {
	addr netip.Addr
	mac  hotspot.MAC
	rank rank
	// alive: the kernel has just heard from it.
	alive bool
	// idle is for how long the kernel has not; of a dump only.
	idle time.Duration
}

// device is one MAC and what is known of it.
type device struct {
	mac         hotspot.MAC
	first, seen time.Duration
	name        string
	held        []holding
}

// holding is an address of a device.
type holding struct {
	addr netip.Addr
	seen time.Duration
	rank rank
}

// New returns the table of an interface, which need not exist yet.
func New(cfg Config) (*Table, error) {
	if cfg.Interface == "" {
		return nil, errors.New("hosts: no interface")
	}
	ask, err := newAsker(cfg.Interface)
	if err != nil {
		return nil, fmt.Errorf("hosts: %w", err)
	}
	return newTable(cfg, ask), nil
}

func newTable(cfg Config, ask asker) *Table {
	if cfg.Mono == nil {
		start := time.Now()
		cfg.Mono = func() time.Duration { return time.Since(start) }
	}
	return &Table{
		cfg:     cfg,
		log:     cfg.Log.With("component", "hosts"),
		ask:     ask,
		wake:    make(chan struct{}, 1),
		look:    make(chan struct{}, 1),
		iface:   cfg.Interface,
		file:    cfg.LeaseFile,
		devices: map[hotspot.MAC]*device{},
		holders: map[netip.Addr]hotspot.MAC{},
		kept:    map[hotspot.MAC]struct{}{},
		news:    map[hotspot.MAC]struct{}{},
		joins:   budget{rate: 50, burst: 400},
		moans:   budget{rate: 1.0 / 10, burst: 10},
	}
}

// Configure names the interface to watch and the lease file to read from now
// on. An interface that is waited for is looked for at once, so it is also to
// be called with what was said before, when interfaces have changed.
func (t *Table) Configure(iface, leaseFile string) {
	t.mu.Lock()
	t.iface, t.file = iface, leaseFile
	t.mu.Unlock()
	t.ask.follow(iface)
	select {
	case t.look <- struct{}{}:
	default:
	}
}

// configured returns what [Table.Configure] was told last.
func (t *Table) configured() (iface, leaseFile string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.iface, t.file
}

// Overruns returns how often events of the kernel were lost because too many
// came at once. Each time its table was read anew.
func (t *Table) Overruns() uint64 { return t.overruns.Load() }

// Close gives the kernel's socket back. The table can still be read.
func (t *Table) Close() error { return t.ask.close() }

// Keep implements [hotspot.Hosts]: it says whether a device is let in. The addresses of one that is cannot be
// taken over by claims, and it is never forgotten. Keep does no I/O.
func (t *Table) Keep(m hotspot.MAC, in bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if in {
		t.kept[m] = struct{}{}
	} else {
		delete(t.kept, m)
	}
}

// Sighted implements [hotspot.Hosts]. A packet is worth as much as a frame of
// neighbour discovery: the device says that it has the address.
func (t *Table) Sighted(m hotspot.MAC, a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learn(sighting{mac: m, addr: a, alive: true})
}

// ByAddr implements [hotspot.Hosts]; it is meant for the address of a
// connection that is at hand, and counts as a sign of life. The kernel is asked first: its entry is
// where the answer to the address's connection goes, so it names the device
// that talks, whatever was claimed before. Only if the kernel does not know
// the address, what the table has learnt counts. Link-local addresses are
// found by the kernel only.
func (t *Table) ByAddr(a netip.Addr) (hotspot.Host, bool) {
	a = a.Unmap().WithZone("")
	n, found := t.ask.neighbour(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if found && t.net.isGuest(n.mac) {
		t.learn(sighting{mac: n.mac, addr: a, rank: n.rank, alive: true, sure: true})
		if h, ok := t.host(n.mac); ok {
			return h, true
		}
	}
	m, ok := t.holders[a]
	if !ok {
		return hotspot.Host{}, false
	}
	return t.host(m)
}

// ByMAC implements [hotspot.Hosts].
func (t *Table) ByMAC(m hotspot.MAC) (hotspot.Host, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.host(m)
}

// List implements [hotspot.Hosts].
func (t *Table) List() []hotspot.Host {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]hotspot.Host, 0, len(t.devices))
	for m := range t.devices {
		h, _ := t.host(m)
		out = append(out, h)
	}
	sort.Slice(out, func(i, j int) bool { return slices.Compare(out[i].MAC[:], out[j].MAC[:]) < 0 })
	return out
}

// host copies a device out; the mutex is held.
func (t *Table) host(m hotspot.MAC) (hotspot.Host, bool) {
	d, ok := t.devices[m]
	if !ok {
		return hotspot.Host{}, false
	}
	now := t.cfg.Mono()
	h := hotspot.Host{MAC: m, Name: d.name, Age: now - d.first, Idle: now - d.seen}
	if h.Name == "" {
		h.Name = t.leases.names[m]
	}
	if len(d.held) > 0 {
		h.Addrs = make([]netip.Addr, 0, len(d.held))
	}
	for _, hold := range d.held {
		h.Addrs = append(h.Addrs, hold.addr)
	}
	sort.Slice(h.Addrs, func(i, j int) bool { return h.Addrs[i].Less(h.Addrs[j]) }) // IPv4 comes first
	return h, true
}
