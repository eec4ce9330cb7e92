package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Field describes one key of the file.
type Field struct {
	Path    string // such as guest.portal_port
	Type    string // in words
	Default string // as it would be written; empty: none
	Doc     string // sentences
}

// row is a key, and its place in a configuration.
type row struct {
	Field
	value
}

// value is how a key's value is read, and looked up.
type value struct {
	read func(p *parser, path string, n *yaml.Node)
	of   func(c *Config) any
}

// NeedsRestart reports whether a change of a key takes effect with the next
// start only, not when the configuration is read again.
func NeedsRestart(path string) bool {
	return path == "data" || path == "network.backend" || path == "log.format"
}

// Changed returns the keys whose values differ.
func Changed(a, b Config) []Field {
	var out []Field
	for _, r := range table() {
		if !reflect.DeepEqual(r.of(&a), r.of(&b)) {
			out = append(out, r.Field)
		}
	}
	return out
}

// KeepFixed returns c with old's values of the keys that need a restart.
func (c Config) KeepFixed(old Config) Config {
	c.Data, c.Network.Backend, c.Log.Format = old.Data, old.Network.Backend, old.Log.Format
	return c
}

// Fields describes every key, in the order in which they are documented.
func Fields() []Field {
	rows := table()
	out := make([]Field, len(rows))
	for i, r := range rows {
		out[i] = r.Field
	}
	return out
}

func table() []row {
	return slices.Concat(placeRows(), tlsRows(), networkRows(), upkeepRows())
}

func placeRows() []row {
	return []row{
		{Field{"data", "path", "",
			"Directory of the store, its snapshots and the control socket. Required. It must survive a reboot."},
			one(func(c *Config) *string { return &c.Data }, text)},
		{Field{"zone", "time zone", "the system's",
			"The venue's time zone, for times shown to guests: a name such as Europe/Rome (needs the time zone database), a POSIX rule such as CET-1CEST,M3.5.0,M10.5.0/3 or a fixed offset such as +01:00 (both work on any router)."},
			one(func(c *Config) **time.Location { return &c.Zone }, parseZone)},
		{Field{"guest.interface", "interface name", "",
			"The interface, usually a bridge, on which guests arrive. Required with the nftables backend."},
			one(func(c *Config) *string { return &c.Guest.Interface }, text)},
		{Field{"guest.addresses", "list of IP addresses", "those of the interface",
			"The router's own addresses on the guest network, by which guests reach the portal."},
			many(func(c *Config) *[]netip.Addr { return &c.Guest.Addresses }, address)},
		{Field{"guest.portal_port", "port", "2050",
			"TCP port of the portal on the guest network."},
			one(func(c *Config) *uint16 { return &c.Guest.PortalPort }, port)},
		{Field{"lan.interface", "interface name", "",
			"The operator's interface. Guests never reach it."},
			one(func(c *Config) *string { return &c.LAN.Interface }, text)},
		{Field{"lan.listen", "list of address:port", "[127.0.0.1:8080]",
			"Where the API, the operator's pages and /healthz are served. The default answers the router itself only; write the router's LAN address to serve the LAN. An address of all interfaces (0.0.0.0 or [::]) is accepted only when lan.interface is set or with the memory backend, and port 0 (any free port) only on a loopback address."},
			many(func(c *Config) *[]netip.AddrPort { return &c.LAN.Listen }, addrPort)},
		{Field{"lan.names", "list of host names", "router.lan, the system's name, and that with .lan",
			"The names by which people call the router on the LAN. Pages, /healthz, /api/v1 and /metrics answer to these, to localhost, to any IP address and to the names in a certificate of your own; other names are refused with status 421, so that a page on the internet cannot make its own name point at the router. The action API, /api/token and /api/apikey answer to every name: they ask for a key. The names stand in the certificate that the daemon makes."},
			many(func(c *Config) *[]string { return &c.LAN.Names }, hostName)},
	}
}

func tlsRows() []row {
	return []row{
		{Field{"lan.https.listen", "list of address:port", "none",
			"Where the same as at lan.listen is served over HTTPS. The rules of lan.listen hold for these addresses, too."},
			many(func(c *Config) *[]netip.AddrPort { return &c.LAN.HTTPS.Listen }, addrPort)},
		{Field{"lan.https.cert_file", "path", "the daemon makes one",
			"The certificate for HTTPS, in PEM, with those between it and its issuer after it, each followed by the one that signed it. It is read again on SIGHUP. Left out, the daemon makes one for lan.names and its LAN addresses, signed by itself, and keeps it as https.pem in the data directory."},
			one(func(c *Config) *string { return &c.LAN.HTTPS.CertFile }, text)},
		{Field{"lan.https.key_file", "path", "",
			"The certificate's private key, in PEM and not encrypted. Required with lan.https.cert_file; let nobody else read it."},
			one(func(c *Config) *string { return &c.LAN.HTTPS.KeyFile }, text)},
		{Field{"lan.https.redirect", "true or false", "false",
			"Whether people who come to lan.listen are sent on to the first address of lan.https.listen. Programs are not: everything under /api, and /healthz, is served where it is asked for."},
			one(func(c *Config) *bool { return &c.LAN.HTTPS.Redirect }, boolean)},
	}
}

func networkRows() []row {
	return []row{
		{Field{"network.backend", "nftables or memory", "nftables",
			"What decides about packets. The memory backend decides about nothing and needs no privileges: it is for trying out the API and the pages."},
			one(func(c *Config) *Backend { return &c.Network.Backend }, word(BackendNFTables, BackendMemory))},
		{Field{"network.uplinks", "list of interface names", "all but the guests' and the LAN's",
			"The interfaces through which guests may leave."},
			many(func(c *Config) *[]string { return &c.Network.Uplinks }, text)},
		{Field{"network.leases", "path", "",
			"The lease file of dnsmasq, read for the names of devices."},
			one(func(c *Config) *string { return &c.Network.Leases }, text)},
		{Field{"network.max_guests", "number", "2048",
			"How many guests may be let in at once, from 1 to 16384. Kernel sets are sized by it."},
			one(func(c *Config) *int { return &c.Network.MaxGuests }, number)},
	}
}

func upkeepRows() []row {
	return []row{
		{Field{"accounting.period", "duration", "10s",
			"How often the kernel's counters are read, from 1s to 5m. Limits do not depend on it: the kernel holds them by itself."},
			one(func(c *Config) *time.Duration { return &c.Accounting.Period }, duration)},
		{Field{"accounting.flush", "duration", "60s",
			"How often usage is written to the store, in one transaction, from accounting.period to 1h. A power cut forgets at most this much of the counting; a longer time spares the flash."},
			one(func(c *Config) *time.Duration { return &c.Accounting.Flush }, duration)},
		{Field{"clock.trust", "auto or system", "auto",
			"When the wall clock is believed: auto, once NTP, a battery-backed clock or the operator vouches for it; system, always."},
			one(func(c *Config) *Trust { return &c.Clock.Trust }, word(TrustAuto, TrustSystem))},
		{Field{"store.snapshots", "number", "7",
			"How many daily snapshots are kept beside the store, from 0 (none) to 90."},
			one(func(c *Config) *int { return &c.Store.Snapshots }, number)},
		{Field{"control.socket", "path", "control.sock in the data directory",
			"The socket through which the command line reaches the daemon, at most 107 bytes long."},
			one(func(c *Config) *string { return &c.Control.Socket }, text)},
		{Field{"log.level", "debug, info, warn or error", "info",
			"The least important kind of message that is logged."},
			one(func(c *Config) *slog.Level { return &c.Log.Level }, level)},
		{Field{"log.format", "text or json", "text",
			"The form of the log's lines."},
			one(func(c *Config) *Format { return &c.Log.Format }, word(FormatText, FormatJSON))},
		{Field{"limits.memory", "amount of memory", "none",
			"Soft limit of the daemon's memory, such as 32MiB, at least 16MiB: the garbage collector works harder near it."},
			one(func(c *Config) *int64 { return &c.Limits.Memory }, memory)},
		{Field{"metrics.listen", "list of address:port", "none",
			"Where Prometheus finds /metrics, for the LAN only: docs/metrics.md lists what is there. An address of the guest network is refused; one of all interfaces is accepted only when lan.interface is set. No key is asked for."},
			many(func(c *Config) *[]netip.AddrPort { return &c.Metrics.Listen }, addrPort)},
		{Field{"cloud.proxy", "host:port", "none",
			"An HTTP proxy through which the cloud's relay is reached, where the uplink has no other way out."},
			one(func(c *Config) *string { return &c.Cloud.Proxy }, hostPort)},
		{Field{"cloud.ca_file", "path", "",
			"Certificates, in PEM, that are trusted for the relay beside the system's: for a relay of your own."},
			one(func(c *Config) *string { return &c.Cloud.CAFile }, text)},
	}
}

// one reads a single value.
func one[T any](at func(*Config) *T, from func(string) (T, error)) value {
	return value{of: func(c *Config) any { return *at(c) }, read: func(p *parser, path string, n *yaml.Node) {
		s, ok := p.scalar(path, n)
		if !ok {
			return
		}
		v, err := from(s)
		if err != nil {
			p.fault(path, n, "%v", err)
			return
		}
		*at(&p.cfg) = v
	}}
}

// maxItems bounds every list of the file.
const maxItems = 32

// many reads a list of values; it replaces the default's.
func many[T any](at func(*Config) *[]T, from func(string) (T, error)) value {
	return value{of: func(c *Config) any { return slices.Clip(*at(c)) }, read: func(p *parser, path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			p.fault(path, n, "a list is wanted here; write [a, b], or one item on each line after a dash")
			return
		}
		if len(n.Content) > maxItems {
			p.fault(path, n, "the list has %d items; keep at most %d", len(n.Content), maxItems)
			return
		}
		list := make([]T, 0, len(n.Content))
		for i, item := range n.Content {
			sub := fmt.Sprintf("%s[%d]", path, i)
			p.at[sub] = place{item.Line, item.Column}
			one(func(*Config) *T { list = append(list, *new(T)); return &list[len(list)-1] }, from).read(p, sub, item)
		}
		*at(&p.cfg) = list
	}}
}

// lookup returns the row of a key.
func lookup(path string) (row, bool) {
	for _, r := range table() {
		if r.Path == path {
			return r, true
		}
	}
	return row{}, false
}

func isSection(path string) bool {
	return slices.ContainsFunc(table(), func(r row) bool { return strings.HasPrefix(r.Path, path+".") })
}

// known returns the keys and sections that may stand under a prefix.
func known(prefix string) []string {
	var out []string
	for _, r := range table() {
		rest, ok := strings.CutPrefix(r.Path, prefix)
		if key, _, _ := strings.Cut(rest, "."); ok && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}
