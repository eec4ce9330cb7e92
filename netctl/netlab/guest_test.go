package netlab

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLeaseIsTheServers(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	g := l.Guest(1)
	lease, err := g.DHCP(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if !netip.MustParsePrefix(GuestNet4).Contains(lease.Addr) || lease.Router != RouterGuest4 ||
		!slices.Equal(lease.DNS, []string{RouterGuest4}) || lease.Time != "3600" || len(lease.Addrs6) != 1 {
		t.Errorf("lease: %+v", lease)
	}
	file, err := os.ReadFile(l.leaseFile())
	if err != nil {
		t.Fatal(err)
	}
	mac, err := g.MAC()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{lease.Addr.String(), mac.String(), "guest1"} {
		if !strings.Contains(string(file), want) {
			t.Errorf("the lease file lacks %s:\n%s", want, file)
		}
	}
	again, err := g.Renew(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if again.Addr != lease.Addr {
		t.Errorf("renewed as %v, was %v", again.Addr, lease.Addr)
	}
	if err := g.Release(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if addrs, err := g.Addrs(); err != nil || len(addrs) != 1 || addrs[0].Is4() {
		t.Errorf("after the release: %v, %v", addrs, err)
	}
}

func TestPrivacyAddresses(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1, Privacy: true})
	addrs, err := l.Guest(1).Addrs()
	if err != nil {
		t.Fatal(err)
	}
	if len(addrs) != 3 {
		t.Fatalf("addresses: %v, want one of IPv4 and two of IPv6", addrs)
	}
	got := get(t, l.Guest(1).Host, "tcp6", "http://"+ExampleSite+"/ip")
	if strings.TrimSpace(got) != RouterWAN6 {
		t.Errorf("the internet sees %q, want the router's address", got)
	}
}

func TestGuestChangesItsMAC(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	g := l.Guest(1)
	before, err := g.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	mac := net.HardwareAddr{0x06, 1, 2, 3, 4, 5}
	if err := g.SetMAC(mac); err != nil {
		t.Fatal(err)
	}
	lease, err := g.DHCP(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if lease.Addr == before[0] || lease.Addrs6[0] == before[1] {
		t.Errorf("the new device has the old one's addresses: %+v", lease)
	}
	if got, err := g.MAC(); err != nil || got.String() != mac.String() {
		t.Errorf("MAC: %v, %v", got, err)
	}
	get(t, g.Host, "tcp4", "http://"+ExampleSite+"/")
}

func TestGuestTakesAFixedAddress(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	g := l.Guest(1)
	want := netip.MustParseAddr("192.168.0.17")
	if err := g.SetAddr(want); err != nil {
		t.Fatal(err)
	}
	addrs, err := g.Addrs()
	if err != nil || !slices.Contains(addrs, want) {
		t.Errorf("addresses: %v, %v", addrs, err)
	}
	get(t, g.Host, "tcp4", "http://"+ExampleSite+"/")
	extra := netip.MustParsePrefix("192.168.0.18/32")
	if err := g.AddAddr(extra); err != nil {
		t.Fatal(err)
	}
	c, err := g.DialFrom(testContext(t), extra.Addr(), "tcp", net.JoinHostPort(Upstream4, "7"))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if err := g.RemoveAddr(extra); err != nil {
		t.Fatal(err)
	}
}

func TestPlugs(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 2})
	g := l.Guest(1)
	reaches := func(network string, limit time.Duration) bool {
		resp, err := g.HTTPClient(ClientOptions{Network: network, Timeout: limit}).Get("http://" + ExampleSite + "/")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	}
	for _, plug := range []struct {
		name     string
		out, put func() error
		other    bool // whether guest 2 still reaches the internet
	}{
		{"guest", g.Unplug, g.Plug, true},
		{"WAN", l.UnplugWAN, l.PlugWAN, false},
	} {
		if err := plug.out(); err != nil {
			t.Fatal(err)
		}
		if reaches("", 500*time.Millisecond) {
			t.Errorf("%s unplugged, and the page still comes", plug.name)
		}
		if plug.other {
			get(t, l.Guest(2).Host, "tcp4", "http://"+ExampleSite+"/")
		}
		if err := plug.put(); err != nil {
			t.Fatal(err)
		}
		eventually(t, plug.name+" plugged in again", func() bool { return reaches("", 10*time.Second) })
	}
	eventually(t, "the same over IPv6", func() bool { return reaches("tcp6", 10*time.Second) })
}
