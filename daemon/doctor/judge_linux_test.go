package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/nft"
	"github.com/vouchsafe/vouchsafe/store"
)

var (
	noon   = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	server = netip.MustParseAddr("192.168.0.1")
	public = netip.MustParseAddr("198.51.100.7")
)

func prefixes(all ...string) (out []netip.Prefix) {
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// TestJudge has the verdict on each kind of fact: what is not ok must say what
// to do.
func TestJudge(t *testing.T) {
	guest := link{"br-guest", 3, true, true, prefixes("192.168.0.1/24", "fd00::1/64", "fe80::1/64")}
	lan := link{"br-lan", 4, true, true, prefixes("192.168.10.1/24")}
	wan := link{"wan", 5, true, true, prefixes("203.0.113.2/24")}
	links := []link{guest, lan, wan}
	cfg := config.Default()
	cfg.Guest.Interface, cfg.LAN.Interface, cfg.Network.Uplinks = "br-guest", "br-lan", []string{"wan"}
	with := func(f func(*config.Config)) config.Config { c := cfg; f(&c); return c }
	v4 := []route{{"wan", false}}
	uplinks := func(c config.Config, l []link, r []route) []Finding { _, f := judgeUplinks(c, l, r); return f }
	down, noCarrier, other := guest, guest, guest
	down.up, noCarrier.carrier = false, false
	other.prefixes = prefixes("192.168.10.9/25")
	disk := disk{free: 100 << 20, size: 200 << 20}
	data := dataFacts{dir: "/d", there: true, disk: disk, kind: "ext4", tried: true, writing: writing{maps: true}}
	onDisk := func(f func(*dataFacts)) []Finding { d := data; f(&d); return judgeData(d) }
	date := func(d time.Duration) response {
		return response{tried: true, status: 204, date: noon, took: noon.Add(d)}
	}
	full := func(a answer) netFacts { return netFacts{server: server, udp: a, tcp: a} }
	silent := answer{err: context.DeadlineExceeded}
	for i, tc := range []struct {
		got   []Finding
		want  Verdict
		found string
	}{
		{judgeRights(rights{}), Unknown, "not root"},
		{judgeRights(rights{root: true}), Problem, "not allowed"},
		{judgeRights(rights{true, true}), OK, "root"},
		{judgeGuest(cfg, &guest, links), OK, "is up"},
		{judgeGuest(cfg, nil, links), Problem, "no interface br-guest"},
		{judgeGuest(cfg, &down, links), Problem, "switched off"},
		{judgeGuest(cfg, &noCarrier, links), Warning, "no carrier"},
		{judgeGuest(cfg, &link{name: "br-guest", up: true, carrier: true}, links), Problem, "no IPv4 address"},
		{judgeGuest(cfg, &other, links), Problem, "overlaps"},
		{judgeLAN(cfg, &lan, links), OK, "is up"},
		{judgeLAN(with(func(c *config.Config) { c.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort("10.9.9.9:80")} }), &lan, links), Problem, "no interface has the address 10.9.9.9"},
		{uplinks(cfg, links, v4), OK, "wan: 203"},
		{uplinks(cfg, links, nil), Problem, "no IPv4 default route"},
		{uplinks(cfg, links, []route{{"br-lan", false}}), Problem, "leads through br-lan"},
		{uplinks(with(func(c *config.Config) { c.Network.Uplinks = nil }), links, []route{{"br-guest", false}}), Problem, "through the guest interface"},
		{uplinks(with(func(c *config.Config) { c.Network.Uplinks = nil }), links, v4), OK, "wan: 203"},
		{judgeForwarding(forwardFacts{ip4: 1, ip6: 1, guest6: true, route6: true}), OK, "are forwarded"},
		{judgeForwarding(forwardFacts{ip4: 0}), Problem, "IPv4 is not forwarded"},
		{judgeForwarding(forwardFacts{ip4: 1, guest6: true, route6: true}), Problem, "IPv6 is not forwarded"},
		{judgeForwarding(forwardFacts{ip4: 1, ip6: 1, guest6: true, acceptRA: []string{"wan"}}), Warning, "no IPv6 default route"},
		{judgeForwarding(forwardFacts{ip4: 1, strictPath: true}), Warning, "reverse-path"},
		{judgeBridge(bridgeFacts{name: "eth1"}), OK, "no bridge"},
		{judgeBridge(bridgeFacts{name: "b", bridge: true}), Warning, "no ports"},
		{judgeBridge(bridgeFacts{name: "b", bridge: true, ports: 2, open: []string{"a", "b", "c", "d", "e"}}), Warning, "d, …"},
		{judgeBridge(bridgeFacts{name: "b", bridge: true, ports: 1, filtered: []string{"net.bridge.x"}}), Warning, "passes the firewall"},
		{judgeKernel(nil), OK, "every rule"},
		{judgeKernel([]nft.Part{{Name: "fib", Errno: unix.ENOENT}}), Problem, `"fib"`},
		{judgeProbeError(unix.EPROTONOSUPPORT), Problem, "no nftables"},
		{judgeConntrack(10, 100), OK, "10 of at most 100"},
		{judgeConntrack(80, 100), Warning, "nothing new"},
		{judgeDHCP(dhcpFacts{}), Problem, "nothing waits"},
		{judgeDHCP(dhcpFacts{listening: true}), Warning, "not set"},
		{judgeDHCP(dhcpFacts{listening: true, leases: "/l", leasesErr: fs.ErrNotExist}), Warning, "no lease file"},
		{judgeDHCP(dhcpFacts{listening: true, leases: "/l", leasesErr: fs.ErrPermission}), Warning, "cannot be read"},
		{judgeDHCP(dhcpFacts{listening: true, leases: "/l", count: 3, owner: "dnsmasq (process 7)"}), OK, "3 leases"},
		{judgePorts(portFacts{wanted: []wantedPort{{key: "lan.listen", at: netip.MustParseAddrPort("10.0.0.1:80"), taken: true, owner: "uhttpd (process 3)"}}}), Problem, "taken by uhttpd"},
		{judgePorts(portFacts{running: true, wanted: []wantedPort{{key: "lan.listen", at: netip.MustParseAddrPort("10.0.0.1:80")}}}), Problem, "nothing waits"},
		{judgePorts(portFacts{}), OK, "free"},
		{judgeDNS(netFacts{udp: answer{err: errNoServer}}, "h"), Problem, "no address"},
		{judgeDNS(full(silent), "h"), Problem, "no name server answers"},
		{judgeDNS(full(answer{err: unix.ECONNREFUSED}), "h"), Problem, "refused"},
		{judgeDNS(netFacts{server: server, udp: silent, tcp: answer{err: context.DeadlineExceeded, there: true}}, "h"), Problem, "reaches no name server"},
		{judgeDNS(full(answer{code: rcodeServFail}), "h"), Problem, "cannot resolve"},
		{judgeDNS(full(answer{code: rcodeNoName}), "h"), Problem, "there is no h"},
		{judgeDNS(full(answer{code: 9}), "h"), Problem, "error 9"},
		{judgeDNS(full(answer{addrs: []netip.Addr{server}}), "h"), Problem, "no address of the internet"},
		{judgeDNS(netFacts{server: server, udp: answer{addrs: []netip.Addr{public}}, tcp: silent}, "h"), Warning, "UDP only"},
		{judgeDNS(full(answer{addrs: []netip.Addr{public}}), "h"), OK, "resolves h"},
		{judgeInternet(response{}, "h"), Unknown, "not tried"},
		{judgeInternet(response{tried: true, err: context.DeadlineExceeded}, "h"), Problem, "no internet"},
		{judgeInternet(response{tried: true, status: 302, location: "http://x/"}, "h"), Problem, "leads to http://x/"},
		{judgeInternet(date(-time.Hour), "h"), Problem, "1h0m0s behind"},
		{judgeInternet(date(time.Hour), "h"), Problem, "ahead of"},
		{judgeInternet(date(time.Second), "h"), OK, "answers"},
		{judgeClock(clockFacts{now: time.Unix(86400, 0), synced: true}), Problem, "1970-01-02"},
		{judgeClock(clockFacts{now: noon, written: noon.Add(48 * time.Hour), synced: true}), Problem, "went back"},
		{judgeClock(clockFacts{now: noon, synced: true}), OK, "NTP"},
		{judgeClock(clockFacts{now: noon, trust: config.TrustAuto, believed: true}), OK, "was told"},
		{judgeClock(clockFacts{now: noon, trust: config.TrustSystem}), OK, "clock.trust"},
		{judgeClock(clockFacts{now: noon, trust: config.TrustAuto, battery: true}), OK, "battery"},
		{judgeClock(clockFacts{now: noon, trust: config.TrustAuto}), Warning, "nobody vouches"},
		{judgeClock(clockFacts{now: noon, trust: config.TrustAuto, syncedErr: unix.ENOSYS}), Unknown, "kept right"},
		{judgeZone(time.UTC, noon), OK, "UTC"},
		{judgeZone(time.FixedZone("+02:00", 7200), noon), OK, "14:00"},
		{onDisk(func(*dataFacts) {}), OK, "ext4"},
		{onDisk(func(f *dataFacts) { f.err = unix.ENOTDIR }), Problem, "not a directory"},
		{onDisk(func(f *dataFacts) { f.kind = "JFFS2" }), Problem, "cannot map"},
		{onDisk(func(f *dataFacts) { f.writing.maps = false }), Problem, "cannot map"},
		{onDisk(func(f *dataFacts) { f.kind = "tmpfs" }), Warning, "lost at the next reboot"},
		{onDisk(func(f *dataFacts) { f.disk.readOnly = true }), Problem, "read-only"},
		{onDisk(func(f *dataFacts) { f.wrote = unix.ENOSPC }), Problem, "is full"},
		{onDisk(func(f *dataFacts) { f.disk.free = 1000 }), Problem, "is full"},
		{onDisk(func(f *dataFacts) { f.wrote = unix.EIO }), Problem, "cannot be written"},
		{onDisk(func(f *dataFacts) { f.used = 60 << 20 }), Warning, "may fail"},
		{onDisk(func(f *dataFacts) { f.disk.files = 100 }), Problem, "0 more files"},
		{onDisk(func(f *dataFacts) { f.writing.sync = 3 * time.Second }), Warning, "took 3s"},
		{onDisk(func(f *dataFacts) { f.there, f.tried = false, false }), OK, "not there yet"},
		{judgeStore("f", false, nil, true, nil), OK, "verified"},
		{judgeStore("f", false, nil, false, []string{"f.damaged-1"}), Warning, "f.damaged-1"},
		{judgeStore("f", false, fs.ErrNotExist, false, nil), OK, "none yet"},
		{judgeStore("f", false, &store.NewerSchemaError{What: "f", Found: 9, Known: 1}, false, nil), Problem, "newer version"},
		{judgeStore("f", false, &store.LockedError{Path: "f"}, false, nil), Warning, "open"},
		{judgeStore("f", false, &store.DamagedError{What: "f", Err: unix.EIO}, false, nil), Problem, "damaged"},
		{judgeStore("f", false, unix.EIO, false, nil), Problem, "cannot be verified"},
		{judgeStore("f", true, nil, false, nil), OK, "migrates"},
		{judgeSnapshots(0, time.Time{}, true, 0, noon), Warning, "store.snapshots is 0"},
		{judgeSnapshots(0, time.Time{}, false, 7, noon), OK, "none yet"},
		{judgeSnapshots(0, time.Time{}, true, 7, noon), Warning, "no snapshot"},
		{judgeSnapshots(3, noon.Add(-96*time.Hour), true, 7, noon), Warning, "4 days old"},
		{judgeSnapshots(3, noon, true, 7, noon), OK, "3 are kept"},
		{judgeSecrets("/d", []string{"secret"}), Problem, "secret"},
		{judgeSecrets("/d", nil), OK, "only root"},
		{judgeMemory(memoryFacts{}), Unknown, "could not"},
		{judgeMemory(memoryFacts{total: 128 << 20, available: 8 << 20, limit: 1}), Problem, "only 8192 kB"},
		{judgeMemory(memoryFacts{total: 128 << 20, available: 20 << 20, limit: 1}), Warning, "only 20 MB"},
		{judgeMemory(memoryFacts{total: 128 << 20, available: 64 << 20}), Warning, "limits.memory"},
		{judgeMemory(memoryFacts{total: 1 << 32, available: 1 << 31}), OK, "are available"},
		{judgeRandom(false, nil), Warning, "randomness"},
		{judgeRandom(true, nil), OK, "good"},
		{judgeRandom(false, unix.ENOSYS), Unknown, "random"},
	} {
		worst, hit := Finding{Verdict: OK}, false
		for _, f := range tc.got {
			hit = hit || f.Verdict == tc.want && strings.Contains(f.Found.String(), tc.found)
			if f.Verdict != OK && (worst.Verdict == OK || f.Verdict == Problem) {
				worst = f
			}
			if (f.Verdict == Problem || f.Verdict == Warning) && f.Remedy.IsZero() {
				t.Errorf("%d: nothing to do about: %+v", i, f)
			}
		}
		if !hit || tc.want == OK && worst.Verdict != OK {
			t.Errorf("%d: want %s with %q, got %+v", i, tc.want, tc.found, tc.got)
		}
	}
}

// fakeSystem is a healthy small router.
func fakeSystem(files fstest.MapFS) *system {
	return &system{
		root: files, now: func() time.Time { return noon },
		links: func() ([]link, error) {
			return []link{
				{"br-guest", 3, true, true, prefixes("192.168.0.1/24")},
				{"br-lan", 4, true, true, prefixes("192.168.10.1/24")},
				{"wan", 5, true, true, prefixes("203.0.113.2/24")},
			}, nil
		},
		synced:   func() (bool, error) { return true, nil },
		kernel:   func(context.Context, nft.Config) ([]nft.Part, error) { return nil, nil },
		firewall: func(context.Context) (*nft.Ruleset, error) { return &nft.Ruleset{}, nil },
		disk: func(string) (disk, error) {
			return disk{magic: unix.EXT4_SUPER_MAGIC, free: 1 << 30, size: 1 << 31}, nil
		},
		tryWriting: func(string) (writing, error) { return writing{maps: true}, nil },
		verify:     func(context.Context, string) (bool, error) { return false, fs.ErrNotExist },
		askNetwork: func(context.Context, Options) netFacts {
			a := answer{addrs: []netip.Addr{public}}
			return netFacts{server: server, udp: a, tcp: a, internet: response{tried: true, status: 204}}
		},
		random: func() (bool, error) { return true, nil },
	}
}

// hexAddr writes an address as /proc/net does on this machine.
func hexAddr(a netip.Addr, port uint16) string {
	var b strings.Builder
	for raw := a.AsSlice(); len(raw) > 0; raw = raw[4:] {
		fmt.Fprintf(&b, "%08X", binary.NativeEndian.Uint32(raw))
	}
	return fmt.Sprintf("%s:%04X", b.String(), port)
}

func socketLine(at, state string, inode int) string {
	return fmt.Sprintf("   0: %s 00000000:0000 %s 00000000:00000000 00:00000000 00000000     0        0 %d 2 0 0\n", at, state, inode)
}

func routerFiles() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"proc/self/status":                          file("Name:\tx\nCapEff:\t000001ffffffffff\n"),
		"proc/net/route":                            file("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nwan\t00000000\t0171CB\t3\t0\t0\t0\t00000000\n"),
		"proc/sys/net/ipv4/ip_forward":              file("1\n"),
		"proc/sys/net/netfilter/nf_conntrack_count": file("1\n"),
		"proc/sys/net/netfilter/nf_conntrack_max":   file("100\n"),
		"proc/net/udp":                              file("header\n" + socketLine(hexAddr(netip.IPv4Unspecified(), 67), "07", 77)),
		"proc/net/tcp":                              file("header\n" + socketLine(hexAddr(netip.MustParseAddr("192.168.10.1"), 80), "0A", 78)),
		"proc/9/comm":                               file("dnsmasq\n"),
		"proc/9/fd/4":                               {Data: []byte("socket:[77]"), Mode: fs.ModeSymlink | 0o777},
		"proc/meminfo":                              file("MemTotal: 1000000 kB\nMemAvailable: 500000 kB\n"),
		"tmp/leases":                                file("1780000000 02:00:00:00:00:01 192.168.0.20 phone *\n1 02:00:00:00:00:02 10.0.0.1 x *\n"),
	}
}

func fakeOptions(t *testing.T) Options {
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Zone = time.UTC
	cfg.Guest.Interface, cfg.LAN.Interface, cfg.Network.Uplinks = "br-guest", "br-lan", []string{"wan"}
	cfg.Network.Leases = "/tmp/leases"
	cfg.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort("192.168.10.1:80")}
	return Options{Config: cfg, Source: "vouchsafe.yaml"}
}

// TestRun looks at a made-up router through all checks.
func TestRun(t *testing.T) {
	found := map[string]Finding{}
	run(t.Context(), fakeOptions(t), fakeSystem(routerFiles()), func(f Finding) { found[f.Check] = f })
	for _, c := range checks() {
		if found[c.name].Found.IsZero() {
			t.Errorf("%s found nothing", c.name)
		}
	}
	for check, text := range map[string]string{
		"DHCP": "dnsmasq (process 9) serves DHCP; 1 leases", "ports": "192.168.10.1:80 of lan.listen is taken", "uplink": "wan: 203.0.113.2/24",
		"connection tracking": "1 of at most 100", "memory": "are available", "clock": "NTP", "internet": "answers",
	} {
		if !strings.Contains(found[check].Found.String(), text) {
			t.Errorf("%s: %+v, want %q", check, found[check], text)
		}
	}
}

// What is not known is said, and the rest is looked at all the same.
func TestRunWithoutConfiguration(t *testing.T) {
	for _, err := range []error{fs.ErrNotExist, errors.Join(errors.New("vouchsafe.yaml:3: bad"), errors.New("vouchsafe.yaml:9: worse"))} {
		var problems, others int
		run(t.Context(), Options{ConfigErr: err, Source: "vouchsafe.yaml"}, fakeSystem(routerFiles()), func(f Finding) {
			if f.Check == "configuration" && f.Verdict == Problem {
				problems++
			}
			if f.Check == "memory" || f.Check == "clock" {
				others++
			}
		})
		if want := strings.Count(err.Error(), "\n") + 1; problems != want || others != 2 {
			t.Errorf("%v: %d problems, %d others", err, problems, others)
		}
	}
	run(t.Context(), Options{Config: config.Default(), Daemon: &Daemon{Version: "1", Notices: hotspot.Texts{hotspot.Textf("look")}}, DaemonErr: nil},
		&system{root: fstest.MapFS{}, now: time.Now, links: func() ([]link, error) { return nil, unix.EPERM },
			synced: func() (bool, error) { return false, unix.EPERM }, disk: statDisk, tryWriting: tryWriting, verify: store.Inspect,
			kernel:     func(context.Context, nft.Config) ([]nft.Part, error) { return nil, unix.EPERM },
			firewall:   func(context.Context) (*nft.Ruleset, error) { return nil, unix.EPERM },
			askNetwork: func(context.Context, Options) netFacts { return netFacts{udp: answer{err: errNoServer}} }, random: randomReady},
		func(f Finding) {
			if f.Verdict == OK && (f.Check == "own firewall table" || f.Check == "guest interface") {
				t.Errorf("nothing could be seen: %+v", f)
			}
		})
}

func TestTakes(t *testing.T) {
	for _, tc := range []struct {
		have, want string
		taken      bool
	}{
		{"0.0.0.0:80", "192.168.10.1:80", true}, {"[::]:80", "192.168.10.1:80", true}, {"192.168.10.2:80", "192.168.10.1:80", false},
		{"192.168.10.1:80", "0.0.0.0:80", true}, {"192.168.10.1:81", "192.168.10.1:80", false}, {"0.0.0.0:80", "[fd00::1]:80", false},
	} {
		s := socket{at: netip.MustParseAddrPort(tc.have)}
		if got := s.takes(netip.MustParseAddrPort(tc.want)); got != tc.taken {
			t.Errorf("%s and %s: %v", tc.have, tc.want, got)
		}
	}
}

// reply makes an answer with one address behind a compressed name.
func reply(id uint16, code byte) []byte {
	q := question(id, "host.example")
	q[2], q[3], q[7] = 0x80, code, 1
	return append(q, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 198, 51, 100, 7)
}

func TestReply(t *testing.T) {
	a, ok := decodeReply(reply(7, 0), 7)
	if !ok || len(a.addrs) != 1 || a.addrs[0] != public {
		t.Errorf("%+v %v", a, ok)
	}
	if _, ok := decodeReply(reply(7, 0), 8); ok {
		t.Error("another question's answer was taken")
	}
	if _, ok := decodeReply(question(7, "x"), 7); ok {
		t.Error("a question was taken for an answer")
	}
}

func FuzzReply(f *testing.F) {
	f.Add(reply(7, 0))
	f.Add(reply(7, 2)[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := decodeReply(b, 7); ok && len(a.addrs) > maxAnswers {
			t.Errorf("%d addresses", len(a.addrs))
		}
	})
}

func FuzzSocket(f *testing.F) {
	f.Add(socketLine(hexAddr(public, 80), "0A", 5))
	f.Fuzz(func(t *testing.T, line string) {
		if s, _, ok := parseSocket(line); ok && !s.at.Addr().IsValid() {
			t.Errorf("no address in %q", line)
		}
	})
}
