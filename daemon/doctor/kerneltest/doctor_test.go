package kerneltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/doctor"
	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vouchsafe-doctor-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "vouchsafe")
	build := exec.Command("go", "build", "-o", binary, "../../../cmd/vouchsafe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// patience is how long a test waits on a machine that has much else to do.
const patience = 90 * time.Second

// patient is a router to be examined.
type patient struct {
	*netlab.Lab
	t      *testing.T
	config string
}

func newPatient(t *testing.T, id string) *patient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	lab, err := netlab.New(ctx, netlab.Options{ID: id, Guests: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{Lab: lab, t: t}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := lab.Leases(ctx); err != nil {
		t.Fatal(err)
	}
	if p.config, err = lab.WriteConfig(netlab.Config{Zone: "UTC"}); err != nil {
		t.Fatal(err)
	}
	return p
}

// sh runs a command on the router.
func (p *patient) sh(line string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	cmd := p.Router().Command(ctx, "sh", "-c", line)
	cmd.WaitDelay = patience
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// report is what --json prints.
type report struct {
	Problems, Warnings int
	Checks             []doctor.Finding
}

// examine runs the doctor on the router. It ends by itself, however long answers
// take: that a machine is slow is no reason to give up on it.
func (p *patient) examine(args ...string) report {
	p.t.Helper()
	var out, errs bytes.Buffer
	cmd := p.Router().Command(p.t.Context(), binary, append([]string{"doctor", "--json", "--config", p.config}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	begin := time.Now()
	err := cmd.Run()
	if took := time.Since(begin); took > doctor.Within+patience {
		p.t.Errorf("it took %v", took)
	}
	var r report
	if e := json.Unmarshal(out.Bytes(), &r); e != nil {
		p.t.Fatalf("%v: %s %s", e, out.String(), errs.String())
	}
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	if want := min(r.Problems, 1); code != want {
		p.t.Errorf("exit code %d with %d problems: %s", code, r.Problems, errs.String())
	}
	return r
}

// problems lists the problems, one on a line.
func (r report) problems() string {
	var b strings.Builder
	for _, f := range r.Checks {
		if f.Verdict == doctor.Problem {
			fmt.Fprintf(&b, "%s: %s -> %s\n", f.Check, f.Found, f.Remedy)
		}
	}
	return b.String()
}

func (r report) has(v doctor.Verdict, check, text string) bool {
	return slices.ContainsFunc(r.Checks, func(f doctor.Finding) bool {
		return f.Verdict == v && f.Check == check && strings.Contains(f.Found.String(), text)
	})
}

// until examines the router until something is found. The doctor gives a name
// server two seconds, and everything five, which a busy machine may not keep.
func (p *patient) until(found func(report) bool) report {
	p.t.Helper()
	for limit := time.Now().Add(patience); ; {
		if r := p.examine(); found(r) || time.Now().After(limit) {
			return r
		}
	}
}

// healthy examines the router until nothing is wrong with it, and it says enough.
// Warnings are of the machine that the lab runs on, not of the lab.
func (p *patient) healthy() report {
	p.t.Helper()
	bad := func(f doctor.Finding) bool { return f.Verdict == doctor.Problem || f.Verdict == doctor.Unknown }
	r := p.until(func(r report) bool { return !slices.ContainsFunc(r.Checks, bad) })
	for _, f := range r.Checks {
		switch {
		case bad(f):
			p.t.Errorf("%s: %s: %s", f.Verdict, f.Check, f.Found)
		case f.Found.IsZero() || f.Verdict != doctor.OK && f.Remedy.IsZero():
			p.t.Errorf("a finding says too little: %+v", f)
		}
	}
	return r
}

// names examines the router until a problem is found, and fails if it is not.
func (p *patient) names(check, text string) {
	p.t.Helper()
	if r := p.until(func(r report) bool { return r.has(doctor.Problem, check, text) }); !r.has(doctor.Problem, check, text) {
		p.t.Errorf("not named: %s: %s; problems:\n%s", check, text, r.problems())
	}
}

// TestHealthy examines a router before its first start, with the daemon
// running, and after it was killed.
func TestHealthy(t *testing.T) {
	p := newPatient(t, "drhealthy")
	p.healthy()
	d, err := p.StartDaemon(t.Context(), netlab.DaemonOptions{Binary: binary, Args: []string{"daemon", "--config", p.config}})
	if err != nil {
		t.Fatal(err)
	}
	r := p.healthy()
	for _, want := range []struct {
		check, text string
	}{
		{"daemon", "runs"}, {"own firewall table", "in place"}, {"ports", "waits where it should"}, {"DHCP", "dnsmasq"},
		{"DHCP", "1 leases"}, {"internet", "answers as it should"}, {"kernel", "every rule"}, {"address translation", "are translated"},
	} {
		if !r.has(doctor.OK, want.check, want.text) {
			t.Errorf("%s: not found: %s in %+v", want.check, want.text, r.Checks)
		}
	}
	if before := p.ruleset(); !strings.Contains(before, "table inet vouchsafe") || strings.Contains(before, "trial") {
		t.Errorf("the examination left something behind:\n%s", before)
	}
	d.Kill()
	<-d.Done()
	r = p.healthy()
	if !r.has(doctor.OK, "own firewall table", "in force") || !r.has(doctor.Warning, "daemon", "does not run") {
		t.Errorf("of a killed daemon: %+v", r.Checks)
	}
}

func (p *patient) ruleset() string {
	p.t.Helper()
	out, err := p.Router().Command(p.t.Context(), "nft", "list", "ruleset").Output()
	if err != nil {
		p.t.Fatal(err)
	}
	return string(out)
}

// TestBroken breaks one thing after the other.
func TestBroken(t *testing.T) {
	p := newPatient(t, "drbroken")
	data := p.DataDir()
	for _, tc := range []struct {
		name         string
		harm, mend   string
		check, found string
	}{
		{"guest interface down", "ip link set br-guest down", "ip link set br-guest up; ip -6 addr replace fd5a:9c3e:71b4:1::1/64 dev br-guest nodad", "guest interface", "switched off"},
		{"guest address", "ip addr del 192.168.0.1/24 dev br-guest; ip addr add 192.168.0.7/24 dev br-guest", "ip addr del 192.168.0.7/24 dev br-guest; ip addr add 192.168.0.1/24 dev br-guest", "guest interface", "does not have the address 192.168.0.1"},
		{"overlap", "ip addr add 192.168.0.99/25 dev lan0", "ip addr del 192.168.0.99/25 dev lan0", "guest interface", "overlaps"},
		{"LAN renamed", "ip link set lan0 down; ip link set lan0 name lan9", "ip link set lan9 name lan0; ip link set lan0 up", "LAN interface", "no interface lan0"},
		{"no route", "ip route del default", "ip route add default via 203.0.113.1", "uplink", "no IPv4 default route"},
		{"WAN down", "ip link set wan0 down", "ip link set wan0 up; ip route replace default via 203.0.113.1; ip -6 addr replace 2001:db8:203::2/64 dev wan0 nodad; ip -6 route replace default via 2001:db8:203::1", "uplink", "switched off"},
		{"no forwarding", "echo 0 >/proc/sys/net/ipv4/ip_forward", "echo 1 >/proc/sys/net/ipv4/ip_forward", "forwarding", "IPv4 is not forwarded"},
		{"no masquerade", "nft flush chain inet fw4 srcnat", "nft add rule inet fw4 srcnat oifname wan0 masquerade", "address translation", "not translated at wan0"},
		{"masquerade elsewhere", "nft flush chain inet fw4 srcnat; nft add rule inet fw4 srcnat oifname lan0 masquerade", "nft flush chain inet fw4 srcnat; nft add rule inet fw4 srcnat oifname wan0 masquerade", "address translation", "not translated at wan0"},
		{"foreign drop", "nft 'table inet foe { chain i { type filter hook input priority 0; iifname br-guest tcp dport 2050 drop; }; }'", "nft delete table inet foe", "firewall, to the router", "table inet foe, chain i"},
		{"foreign policy", "nft 'table ip foe { chain f { type filter hook forward priority 10; policy drop; ct state vmap { established : accept, related : accept }; iifname { lan0, eth7 } accept; }; }'", "nft delete table ip foe", "firewall, to the internet", "its policy is drop"},
		{"foreign zone", "nft 'table inet foe { chain guest { udp dport { 53, 67 } accept; jump no; }; chain no { meta l4proto tcp reject with tcp reset; reject; }; chain i { type filter hook input priority 0; policy drop; iif lo accept; ct state vmap { established : accept, related : accept }; iifname br-guest jump guest; }; }'", "nft delete table inet foe", "firewall, to the router", "the portal (IPv4, port 2050)"},
		{"port taken", p.bind("192.168.10.1", 80), "", "ports", "taken by"},
		{"portal's port taken", p.bind("0.0.0.0", 2050), "", "ports", "taken by"},
		{"clock went back", "touch -d '2 years' " + data + "/vouchsafe.db", "rm " + data + "/vouchsafe.db", "clock", "went back"},
		{"secrets", "chmod 755 " + data + "; echo x >" + data + "/secret; chmod 644 " + data + "/secret", "rm " + data + "/secret; chmod 700 " + data, "secrets", "can read secret"},
		{"damaged store", "head -c 65536 /dev/urandom >" + data + "/vouchsafe.db; chmod 600 " + data + "/vouchsafe.db", "rm " + data + "/vouchsafe.db*", "store", "damaged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &patient{p.Lab, t, p.config}
			end := p.harm(tc.harm)
			p.names(tc.check, tc.found)
			end()
			if tc.mend != "" {
				p.sh(tc.mend)
			}
			p.healthy()
		})
	}
}

// bindMark begins a harm that is a program which holds a port.
const bindMark = "bind "

func (p *patient) bind(addr string, port int) string {
	return fmt.Sprintf(bindMark+"%s %d", addr, port)
}

// harm runs a command, or holds a port until it is ended.
func (p *patient) harm(line string) (end func()) {
	p.t.Helper()
	rest, ok := strings.CutPrefix(line, bindMark)
	if !ok {
		p.sh(line)
		return func() {}
	}
	addr, port, _ := strings.Cut(rest, " ")
	ln, err := p.Router().Listen(p.t.Context(), "tcp", addr+":"+port)
	if err != nil {
		p.t.Fatal(err)
	}
	return func() { _ = ln.Close() }
}

// TestServices stops and breaks what the router runs for guests.
func TestServices(t *testing.T) {
	p := newPatient(t, "drservices")
	for _, tc := range []struct {
		name, flags  string
		check, found string
	}{
		{"no DHCP", "--interface=br-guest --bind-dynamic --except-interface=lo --server=203.0.113.1", "DHCP", "nothing waits"},
		{"no DNS", "--port=0 --interface=br-guest --dhcp-range=192.168.0.20,192.168.0.200 --dhcp-leasefile=/dev/null", "DNS", "no name server answers"},
		{"wrong DNS upstream", "--interface=br-guest --bind-dynamic --dhcp-range=192.168.0.20,192.168.0.200 --dhcp-leasefile=/dev/null --server=127.0.0.9", "DNS", "cannot resolve"},
		{"lying DNS", "--interface=br-guest --bind-dynamic --dhcp-range=192.168.0.20,192.168.0.200 --dhcp-leasefile=/dev/null --address=/#/10.0.0.1", "DNS", "no address of the internet"},
		{"ignorant DNS", "--interface=br-guest --bind-dynamic --dhcp-range=192.168.0.20,192.168.0.200 --dhcp-leasefile=/dev/null --address=/#/", "DNS", "says that there is no"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &patient{p.Lab, t, p.config}
			p.stopDnsmasq()
			p.sh("dnsmasq --no-hosts --no-resolv --user=root --pid-file=" + p.Dir() + "/dnsmasq.pid --conf-file=/dev/null " + tc.flags + " >/dev/null 2>&1")
			p.names(tc.check, tc.found)
		})
	}
	p.stopDnsmasq()
	p.sh("dnsmasq --conf-file=" + p.Dir() + "/dnsmasq.conf >/dev/null 2>&1")
	p.healthy()
	if err := p.UnplugWAN(); err != nil {
		t.Fatal(err)
	}
	// The name server may have kept the name.
	cut := func(r report) bool {
		return r.has(doctor.Problem, "DNS", "cannot resolve") || r.has(doctor.Problem, "internet", "does not answer")
	}
	if r := p.until(cut); !cut(r) {
		t.Errorf("without a WAN:\n%s", r.problems())
	}
}

// stopDnsmasq stops the lab's name and DHCP server and waits until it is gone.
func (p *patient) stopDnsmasq() {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.Dir(), "dnsmasq.pid"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.sh("kill -9 " + strings.TrimSpace(string(b)))
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(patience)
	for {
		out, err := p.Router().Command(p.t.Context(), "ss", "-lntuH", "sport = :53 or sport = :67").Output()
		if err != nil {
			p.t.Fatal(err)
		}
		if len(bytes.TrimSpace(out)) == 0 {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			p.t.Fatalf("the name server goes on: %s", out)
		}
	}
}

// TestFullDisk examines a data directory on disks that are full, tiny or in
// memory only.
func TestFullDisk(t *testing.T) {
	p := newPatient(t, "drdisk")
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	var err error
	if p.config, err = p.WriteConfig(netlab.Config{Zone: "UTC", Data: dir}); err != nil {
		t.Fatal(err)
	}
	r := p.healthy()
	if !r.has(doctor.Warning, "data directory", "tmpfs, in memory") {
		t.Errorf("tmpfs is not named: %+v", r.Checks)
	}
	fill := exec.Command("dd", "if=/dev/zero", "of="+filepath.Join(dir, "fill"), "bs=64k")
	if out, err := fill.CombinedOutput(); err == nil {
		t.Fatalf("the disk took everything: %s", out)
	}
	p.names("data directory", "is full")
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	p.names("data directory", "read-only")
}
