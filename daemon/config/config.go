// Package config turns the daemon's YAML file into a validated [Config].
//
// The file is read into a tree of nodes that know their line and column; a
// table with one row for each key ([Fields]) copies the values out and is the
// source of docs/configuration.md. Every fault is reported, not only the
// first, with the key's path, its place in the file and the remedy.
package config

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// Config is what the daemon is started with. [Load] and [Parse] return only
// valid ones; one that was put together from [Default] and command-line flags
// must pass [Config.Validate].
type Config struct {
	Data       string         // directory of the store, its snapshots and the control socket
	Zone       *time.Location // the venue's; never nil
	Guest      Guest
	LAN        LAN
	Network    Network
	Accounting Accounting
	Clock      Clock
	Store      Store
	Control    Control
	Log        Log
	Limits     Limits
	Metrics    Metrics
	Cloud      Cloud
}

// Guest describes the guest network's side of the router.
type Guest struct {
	Interface  string       // empty only with the memory backend
	Addresses  []netip.Addr // the router's own; empty: read them from the interface
	PortalPort uint16
}

// LAN describes the operator's side of the router.
type LAN struct {
	Interface string // empty: not known
	Listen    []netip.AddrPort
	Names     []string // empty: see [LAN.HostNames]
	HTTPS     HTTPS
}

// HTTPS describes the LAN's pages and APIs over TLS.
type HTTPS struct {
	Listen   []netip.AddrPort // empty: there is none
	CertFile string           // empty: the daemon makes its own certificate
	KeyFile  string
	Redirect bool // people who come over plain HTTP are sent on
}

// HostNames are the names by which the router is called on the LAN; host is the
// machine's own.
func (l LAN) HostNames(host string) []string {
	if len(l.Names) > 0 {
		return l.Names
	}
	names := []string{"router.lan"}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !isHostName(host) || host == "localhost" {
		return names
	}
	names = append(names, host)
	if lan := host + ".lan"; !strings.Contains(host, ".") && lan != names[0] {
		names = append(names, lan)
	}
	return names
}

// Network says how guests are let through.
type Network struct {
	Backend   Backend
	Uplinks   []string // empty: every interface but the guests' and the LAN's
	Leases    string   // dnsmasq's lease file; empty: none
	MaxGuests int
}

// Backend names what decides about packets.
type Backend string

// The backends.
const (
	BackendNFTables Backend = "nftables"
	BackendMemory   Backend = "memory" // decides about nothing: for trying things out
)

// Accounting says how often usage is counted and kept.
type Accounting struct {
	Period time.Duration // between two dumps of the counters
	Flush  time.Duration // between two transactions of usage
}

// Clock says what the wall clock is worth.
type Clock struct {
	Trust Trust
}

// Trust names when the wall clock is believed.
type Trust string

// The kinds of trust.
const (
	TrustAuto   Trust = "auto"   // once NTP, a battery or an operator vouches for it
	TrustSystem Trust = "system" // always
)

// Store says what is kept beside the store.
type Store struct {
	Snapshots int // daily ones; 0: none
}

// Control describes the command line's way in.
type Control struct {
	Socket string // empty: see [Config.ControlSocket]
}

// Log describes the log.
type Log struct {
	Level  slog.Level
	Format Format
}

// Format names the log's form.
type Format string

// The log's forms.
const (
	FormatText Format = "text"
	FormatJSON Format = "json"
)

// Limits bounds what the daemon takes of the machine.
type Limits struct {
	Memory int64 // bytes, a soft limit for the garbage collector; 0: none
}

// Cloud describes the way to the relay that makes this router reachable.
type Cloud struct {
	Proxy  string // host:port of an HTTP proxy; empty: none
	CAFile string // whom to trust beside the system's authorities, in PEM; empty: nobody
}

// Metrics describes the page for Prometheus.
type Metrics struct {
	Listen []netip.AddrPort // empty: there is none
}

// Default returns the configuration of an empty file. It is not valid by
// itself: it names neither a data directory nor a guest interface.
func Default() Config {
	return Config{
		Zone:       systemZone(),
		Guest:      Guest{PortalPort: 2050},
		LAN:        LAN{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")}},
		Network:    Network{Backend: BackendNFTables, MaxGuests: 2048},
		Accounting: Accounting{Period: 10 * time.Second, Flush: time.Minute},
		Clock:      Clock{Trust: TrustAuto},
		Store:      Store{Snapshots: 7},
		Log:        Log{Level: slog.LevelInfo, Format: FormatText},
	}
}

// ControlSocket returns the path of the control socket.
func (c Config) ControlSocket() string {
	if c.Control.Socket != "" {
		return c.Control.Socket
	}
	return filepath.Join(c.Data, "control.sock")
}
