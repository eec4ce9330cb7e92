package config

import (
	"flag"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of error texts")

var equal = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
}

func TestLoadExample(t *testing.T) {
	got, err := Load("testdata/vouchsafe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	zone, err := parseZone("CET-1CEST,M3.5.0,M10.5.0/3")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Data: "/var/lib/vouchsafe",
		Zone: zone,
		Guest: Guest{Interface: "br-guest", PortalPort: 2050, Addresses: []netip.Addr{
			netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("fd5a:7c1e:9b42::1")}},
		LAN: LAN{Interface: "br-lan", Listen: []netip.AddrPort{
			netip.MustParseAddrPort("192.168.10.1:8080"), netip.MustParseAddrPort("[fd5a:7c1e:9b43::1]:8080")},
			Names: []string{"router.lan", "hotspot.lan"},
			HTTPS: HTTPS{Listen: []netip.AddrPort{netip.MustParseAddrPort("192.168.10.1:8443")}, Redirect: true}},
		Network:    Network{Backend: BackendNFTables, Uplinks: []string{"wan"}, Leases: "/tmp/dhcp.leases", MaxGuests: 2048},
		Accounting: Accounting{Period: 10 * time.Second, Flush: time.Minute},
		Clock:      Clock{Trust: TrustAuto},
		Store:      Store{Snapshots: 7},
		Control:    Control{Socket: "/var/run/vouchsafe.sock"},
		Log:        Log{Level: slog.LevelInfo, Format: FormatText},
		Limits:     Limits{Memory: 32 << 20},
		Metrics:    Metrics{Listen: []netip.AddrPort{netip.MustParseAddrPort("192.168.10.1:9105")}},
		Cloud:      Cloud{Proxy: "proxy.lan:3128"},
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Error(diff)
	}
}

func TestDefaults(t *testing.T) {
	got, err := Parse([]byte("data: /d\nguest: {interface: g0}\nlog:\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Data, want.Guest.Interface = "/d", "g0"
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Error(diff)
	}
	if s := got.ControlSocket(); s != "/d/control.sock" {
		t.Errorf("control socket %s", s)
	}
}

// TestFlagsOnly is how the daemon starts on a laptop without a file.
func TestFlagsOnly(t *testing.T) {
	c := Default()
	c.Data, c.Network.Backend = "relative", BackendMemory
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Network.Backend, c.Data = BackendNFTables, ""
	err := c.Validate()
	if err == nil {
		t.Fatal("neither data nor guest interface, and no error")
	}
	for _, path := range []string{"data: ", "guest.interface: "} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%q is missing from: %v", path, err)
		}
	}
	if (Config{}).Validate() == nil {
		t.Error("the zero configuration is valid")
	}
}

// TestDocumentedDefaults parses each documented default and expects the
// configuration of a file without it.
func TestDocumentedDefaults(t *testing.T) {
	for _, f := range Fields() {
		if f.Doc == "" || f.Type == "" {
			t.Errorf("%s is not documented", f.Path)
		}
		if f.Default == "" || f.Default == "none" || strings.Contains(f.Default, " ") {
			continue // in words
		}
		section, _, _ := strings.Cut(f.Path, ".")
		file := "data: /d\nnetwork: {backend: memory}\n"
		if section == "network" {
			file = "data: /d\nguest: {interface: g0}\n"
		}
		without, err := Parse([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		with := file
		for depth, key := range strings.Split(f.Path, ".") {
			with += strings.TrimSuffix("\n", with[len(with)-1:]) + strings.Repeat("  ", depth) + key + ":"
		}
		with += " " + f.Default + "\n"
		got, err := Parse([]byte(with))
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
		} else if diff := cmp.Diff(without, got, equal); diff != "" {
			t.Errorf("%s: the documented default is not the default\n%s", f.Path, diff)
		}
	}
}

// TestErrors compares what is said about bad files with golden texts.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, err := Load(file)
			if err == nil {
				t.Fatal("accepted")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	if _, err := Parse([]byte(strings.Repeat("#", maxFile+1))); err == nil {
		t.Error("an overlong file is accepted")
	}
	many := new(strings.Builder)
	for range 1000 {
		many.WriteString("? [x]\n: y\n")
	}
	_, err := Parse([]byte(many.String()))
	if err == nil || strings.Count(err.Error(), "\n") > maxFaults+1 {
		t.Errorf("the error is not bounded: %.200v", err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("a directory is accepted")
	}
	if _, err := Load("testdata/none.yaml"); err == nil {
		t.Error("a missing file is accepted")
	}
}

// TestChanged changes each key of the example in turn.
func TestChanged(t *testing.T) {
	load := func(text string) Config {
		t.Helper()
		c, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const base = "data: /d\nguest: {interface: g0}\n"
	old := load(base)
	for key, text := range map[string]string{
		"data":              "data: /e\nguest: {interface: g0}\n",
		"guest.interface":   "data: /d\nguest: {interface: g1}\n",
		"guest.portal_port": "data: /d\nguest: {interface: g0, portal_port: 80}\n",
		"lan.listen":        base + "lan: {listen: [127.0.0.1:9090]}\n",
		"lan.names":         base + "lan: {names: [a.lan]}\n",
		"lan.https.listen":  base + "lan: {https: {listen: [127.0.0.1:8443]}}\n",
		"network.uplinks":   base + "network: {uplinks: [wan]}\n",
		"zone":              base + "zone: +01:00\n",
		"log.level":         base + "log: {level: warn}\n",
		"log.format":        base + "log: {format: json}\n",
		"metrics.listen":    base + "metrics: {listen: [127.0.0.1:9105]}\n",
		"cloud.proxy":       base + "cloud: {proxy: \"proxy.lan:3128\"}\n",
		"cloud.ca_file":     base + "cloud: {ca_file: /etc/relay.pem}\n",
		"accounting.period": base + "accounting: {period: 5s}\n",
	} {
		changed := Changed(old, load(text))
		if len(changed) != 1 || changed[0].Path != key {
			t.Errorf("%s: changed are %v", key, changed)
		}
		kept := Changed(old, load(text).KeepFixed(old))
		if want := !NeedsRestart(key); want != (len(kept) == 1) {
			t.Errorf("%s: changed without a restart are %v", key, kept)
		}
	}
	if c := Changed(old, load(base)); len(c) != 0 {
		t.Errorf("the same file: %v", c)
	}
}

func TestHostNames(t *testing.T) {
	for _, tc := range []struct {
		host string
		set  []string
		want string
	}{
		{"Gate", nil, "router.lan gate gate.lan"}, {"router", nil, "router.lan router"},
		{"gate.example.org", nil, "router.lan gate.example.org"}, {"localhost", nil, "router.lan"},
		{"", nil, "router.lan"}, {"a b", nil, "router.lan"}, {"gate", []string{"x.lan"}, "x.lan"},
	} {
		if got := strings.Join(LAN{Names: tc.set}.HostNames(tc.host), " "); got != tc.want {
			t.Errorf("%q, %v: %s, want %s", tc.host, tc.set, got, tc.want)
		}
	}
	for name, want := range map[string]bool{
		"router.lan": true, "a": true, "my_router": true, "x1.y2.z": true, strings.Repeat("a", 63): true,
		"": false, ".": false, "a..b": false, "-a": false, "a-": false, "*.lan": false, "a b": false, "ä": false, "10.0.0.1": false,
		"a.7": false, "::1": false, "a:80": false, strings.Repeat("a", 64): false, strings.Repeat("a.", 127) + "a": false,
	} {
		if got := isHostName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err == nil {
			err = c.Validate()
			if err != nil {
				t.Fatalf("Parse accepts what Validate refuses: %v", err)
			}
			return
		}
		if msg := err.Error(); strings.TrimSpace(msg) == "" || len(msg) > 64<<10 {
			t.Fatalf("an error of %d bytes", len(msg))
		}
	})
}
