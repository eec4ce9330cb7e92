package nft

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
)

// Defaults of [Config].
const (
	DefaultTable     = "vouchsafe"
	DefaultPortal    = 2050
	DefaultMaxGuests = 1024
)

// Limits of [Config].
const (
	maxGuestsLimit  = 1 << 20
	maxTableNameLen = 64
)

// Config is what a gate is made of.
type Config struct {
	// Log must not be nil.
	Log *slog.Logger
	// GuestInterface is the name of the guests' Ethernet interface or bridge.
	// It need not exist yet.
	GuestInterface string
	// Portal is the port of the portal on the router; 0: 2050.
	Portal uint16
	// DNS is the port of the name server on the router; 0: 53.
	DNS uint16
	// Uplinks are the interfaces that guests may send to; none: all but the
	// guests' own and the protected ones.
	Uplinks []string
	// Protected are interfaces that guests never send to, such as the LAN. From
	// them the portal may be reached.
	Protected []string
	// Links are the indexes of the guests' interface and of its ports, as far as
	// they exist: what comes from them under another name than GuestInterface is
	// dropped. See guard.go.
	Links []uint32
	// Indexes are those of the guests' interface and of the uplinks, by name, as
	// far as they exist. They only make the way of most packets shorter.
	Indexes map[string]uint32
	// MaxGuests sizes the maps; 0: 1024. Older kernels keep the size that maps
	// were made with until the table is deleted.
	MaxGuests int
	// Table is the name of the table that the gate owns; empty: "vouchsafe".
	Table string
	// NetNS is a file descriptor of the network namespace to work in; 0: the
	// caller's.
	NetNS int
}

// withDefaults returns c with its defaults, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	if c.Log == nil {
		errs = append(errs, errors.New("field Log: must not be nil"))
	}
	if c.Portal == 0 {
		c.Portal = DefaultPortal
	}
	if c.DNS == 0 {
		c.DNS = dnsPort
	}
	if c.MaxGuests == 0 {
		c.MaxGuests = DefaultMaxGuests
	}
	if c.MaxGuests < 1 || c.MaxGuests > maxGuestsLimit {
		errs = append(errs, fmt.Errorf("field MaxGuests: %d is not between 1 and %d", c.MaxGuests, maxGuestsLimit))
	}
	if c.Table == "" {
		c.Table = DefaultTable
	}
	if len(c.Table) > maxTableNameLen || strings.ContainsAny(c.Table, " \t\n{};\"") {
		errs = append(errs, fmt.Errorf("field Table: %q is not a table's name", c.Table))
	}
	links := slices.Clone(c.Links)
	sort.Slice(links, func(i, j int) bool { return links[i] < links[j] })
	if c.Links = slices.Compact(links); len(c.Links) > mostLinks {
		errs = append(errs, fmt.Errorf("field Links: more than %d", mostLinks))
	}
	names := append([]string{c.GuestInterface}, c.Uplinks...)
	for _, name := range append(names, c.Protected...) {
		if name == "" || len(name) >= ifnameLen || strings.ContainsAny(name, "/ \t\n\x00") {
			errs = append(errs, fmt.Errorf("%q is not an interface's name", name))
		}
	}
	if slices.Contains(c.Uplinks, c.GuestInterface) || slices.Contains(c.Protected, c.GuestInterface) {
		errs = append(errs, fmt.Errorf("field GuestInterface: %q is an uplink or protected too", c.GuestInterface))
	}
	for _, name := range c.Uplinks {
		if slices.Contains(c.Protected, name) {
			errs = append(errs, fmt.Errorf("field Uplinks: %q is protected too", name))
		}
	}
	return c, errors.Join(errs...)
}
