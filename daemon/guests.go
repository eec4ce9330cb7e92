package daemon

import (
	"maps"
	"slices"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/links"
)

// guestLinks remembers which interfaces are the guests', whatever they are
// called. A name is what the configuration has; an index is what the kernel
// keeps when somebody renames an interface.
//
//   - The interface that has the configuration's name is the guests'.
//   - One that had it goes on to be the guests' under its new name, until the
//     configuration's name is back or the configuration is read again.
//   - It and its ports are closed to everything but that, even when the name is
//     another interface's. A port is let go of when it joins another bridge or is
//     given an address of its own; any of them when the configuration knows its
//     name as the LAN's or an uplink.
type guestLinks struct {
	known map[int]bool // by index; whether it is the interface itself, not a port
	lan   int          // index of the LAN's interface, 0: not known
}

// layout is how the interfaces are used.
type layout struct {
	guest     string            // the name of the guests' interface
	protected []string          // interfaces that guests never reach
	closed    []uint32          // indexes of the guests' interface and its ports
	indexes   map[string]uint32 // of the guests' interface and the uplinks that are there
}

// adopt takes up what an earlier run knew, if the interface is not to be found
// by its name.
func (g *guestLinks) adopt(s links.State, cfg *config.Config, indexes []uint32) {
	if _, ok := s.ByName(cfg.Guest.Interface); ok {
		return
	}
	for _, i := range indexes {
		if l, ok := s.ByIndex(int(i)); ok {
			g.learn(l.Index, l.Master == 0 && len(l.Addresses()) > 0)
		}
	}
}

// reset forgets what the configuration, which was read again, knows better.
func (g *guestLinks) reset(s links.State, cfg *config.Config) {
	if _, ok := s.ByName(cfg.Guest.Interface); ok {
		g.known = nil
	}
}

func (g *guestLinks) learn(index int, itself bool) {
	if g.known == nil {
		g.known = map[int]bool{}
	}
	g.known[index] = g.known[index] || itself
}

// update works out how the interfaces are to be used.
func (g *guestLinks) update(s links.State, cfg *config.Config) layout {
	g.forget(s, cfg)
	out := layout{guest: cfg.Guest.Interface}
	if l, ok := s.ByName(cfg.Guest.Interface); ok {
		g.learn(l.Index, true)
	} else {
		for _, index := range slices.Sorted(maps.Keys(g.known)) {
			if l, _ := s.ByIndex(index); g.known[index] {
				out.guest = l.Name // the newest counts
			}
		}
	}
	for _, l := range s {
		if l.Master != 0 && g.known[l.Master] && !otherRole(l.Name, cfg) {
			g.learn(l.Index, false)
		}
	}
	out.closed = g.indexes()
	out.protected = g.protected(s, cfg)
	out.indexes = make(map[string]uint32)
	for _, name := range append([]string{out.guest}, cfg.Network.Uplinks...) {
		if l, ok := s.ByName(name); ok {
			out.indexes[name] = uint32(l.Index)
		}
	}
	return out
}

// mostClosed bounds the indexes that are closed; the gate's set has room for no
// more. An access point can have a port for each of its clients.
const mostClosed = 256

// indexes returns what is closed, the interface itself first.
func (g *guestLinks) indexes() []uint32 {
	var itself, ports []uint32
	for _, index := range slices.Sorted(maps.Keys(g.known)) {
		if g.known[index] {
			itself = append(itself, uint32(index))
		} else {
			ports = append(ports, uint32(index))
		}
	}
	all := append(itself, ports...)
	return all[:min(len(all), mostClosed)]
}

// forget lets go of interfaces that are gone or not the guests' any more.
func (g *guestLinks) forget(s links.State, cfg *config.Config) {
	maps.DeleteFunc(g.known, func(index int, itself bool) bool {
		l, ok := s.ByIndex(index)
		switch {
		case !ok, otherRole(l.Name, cfg):
			return true
		case itself:
			return false
		case l.Master != 0:
			return !g.known[l.Master]
		}
		return len(l.Addresses()) > 0
	})
}

// otherRole reports whether the configuration gives a name another use.
func otherRole(name string, cfg *config.Config) bool {
	return name == cfg.LAN.Interface || slices.Contains(cfg.Network.Uplinks, name)
}

// protected are the LAN's names: the one in the configuration, and the one
// that its interface has been given since.
func (g *guestLinks) protected(s links.State, cfg *config.Config) []string {
	if cfg.LAN.Interface == "" {
		return nil
	}
	out := []string{cfg.LAN.Interface}
	if l, ok := s.ByName(cfg.LAN.Interface); ok {
		g.lan = l.Index
		return out
	}
	l, ok := s.ByIndex(g.lan)
	if _, guest := g.known[g.lan]; ok && !guest && !slices.Contains(cfg.Network.Uplinks, l.Name) && l.Name != cfg.Guest.Interface {
		out = append(out, l.Name)
	}
	return out
}

// notices tells the operator what is not as configured.
func (l layout) notices(s links.State, cfg *config.Config) hotspot.Texts {
	var out hotspot.Texts
	if cfg.Guest.Interface == "" {
		return nil
	}
	guest, ok := s.ByName(l.guest)
	switch {
	case !ok:
		out.Addf("the guest interface %s is missing: nobody can be served; bring it up, or correct guest.interface", l.guest)
		return out
	case !guest.Up:
		out.Addf("the guest interface %s is down: nobody can be served; bring it up", l.guest)
	}
	if l.guest != cfg.Guest.Interface {
		out.Addf("the guest interface %s is now called %s, and guests are served there: rename it back, or write its new name to guest.interface", cfg.Guest.Interface, l.guest)
	}
	for _, a := range cfg.Guest.Addresses {
		if !slices.Contains(guest.Addresses(), a) {
			out.Addf("guest.addresses has %s, which %s does not have: correct it, or leave the key out", a, l.guest)
		}
	}
	return out
}
