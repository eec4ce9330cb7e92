package nft

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// crowd returns n passes with one device each, which has an IPv4 address and,
// with six, an IPv6 address.
func crowd(n int, six bool) []hotspot.Pass {
	passes := make([]hotspot.Pass, n)
	for i := range passes {
		passes[i] = crowdPass(i, six)
	}
	return passes
}

func crowdPass(i int, six bool) hotspot.Pass {
	g := hotspot.Grant{
		Session: uint64(i + 1), MAC: hotspot.MAC{2, 1, 0, byte(i >> 16), byte(i >> 8), byte(i)},
		Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 200 + byte(i>>16), byte(i >> 8), byte(i)})},
		Left:  time.Hour,
	}
	if six {
		g.Addrs = append(g.Addrs, netip.AddrFrom16([16]byte{0: 0xfd, 1: 0xaa, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}))
	}
	return hotspot.Pass{
		Account: voucher(uint64(i + 1)), Limit: hotspot.Usage{Down: 1 << 40, Up: 1 << 40}, Grants: []hotspot.Grant{g},
	}
}

const crowdSize = 10000

// benchGate opens a gate with a crowd in it.
func benchGate(b *testing.B) (*Gate, namespace) {
	b.Helper()
	n := newNamespace(b)
	g := openIn(b, n, func(c *Config) { c.MaxGuests = 2 * crowdSize })
	if err := g.Set(b.Context(), crowd(crowdSize, true)...); err != nil {
		b.Fatal(err)
	}
	return g, n
}

// BenchmarkAdmit lets one guest in, with 10,000 in, and BenchmarkRemove lets it
// out again.
func BenchmarkAdmit(b *testing.B) {
	g, _ := benchGate(b)
	i := crowdSize
	for b.Loop() {
		if err := g.Set(b.Context(), crowdPass(i, true)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := g.Set(b.Context(), hotspot.Pass{Account: voucher(uint64(i + 1))}); err != nil {
			b.Fatal(err)
		}
		if err := g.Forget(b.Context(), uint64(i+1)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkRemove(b *testing.B) {
	g, _ := benchGate(b)
	i := crowdSize
	for b.Loop() {
		b.StopTimer()
		if err := g.Set(b.Context(), crowdPass(i, true)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := g.Set(b.Context(), hotspot.Pass{Account: voucher(uint64(i + 1))}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTopUp raises the limit of a guest that is in.
func BenchmarkTopUp(b *testing.B) {
	g, _ := benchGate(b)
	p := crowdPass(5000, true)
	for b.Loop() {
		p.Limit.Down += 1 << 20
		if err := g.Set(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetUnchanged(b *testing.B) {
	g, _ := benchGate(b)
	p := crowdPass(5000, true)
	for b.Loop() {
		if err := g.Set(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	g, _ := benchGate(b)
	for b.Loop() {
		if _, err := g.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRestore sets 10,000 guests in an empty gate, as after a reboot.
func BenchmarkRestore(b *testing.B) {
	n := newNamespace(b)
	passes := crowd(crowdSize, true)
	for b.Loop() {
		b.StopTimer()
		g := openIn(b, n, func(c *Config) { c.MaxGuests = 2 * crowdSize })
		b.StartTimer()
		if err := g.Set(b.Context(), passes...); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := g.Teardown(b.Context()); err != nil {
			b.Fatal(err)
		}
		_ = g.Close()
		b.StartTimer()
	}
}

// BenchmarkAdopt opens a gate on a kernel that holds 10,000 guests, as after a
// restart of the program.
func BenchmarkAdopt(b *testing.B) {
	g, _ := benchGate(b)
	for b.Loop() {
		if err := g.Open(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
