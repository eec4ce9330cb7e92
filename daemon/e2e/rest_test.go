package e2e

import (
	enc "encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// rest waits until the requests that a guest has made of a site are over at both
// ends: a connection's last packets may be under way when its answer has been read,
// and would be counted with what is measured next.
func (h *house) rest(g *netlab.Guest, site string) {
	h.t.Helper()
	addrs, err := g.Resolve(h.t.Context(), site)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, a := range addrs {
		eventually(h.t, g.Name()+"'s connections to "+site+" have ended", func() bool {
			return !talks(h, g.Host, remote, a) && !talks(h, h.Upstream(), local, a)
		})
	}
}

// The columns of the kernel's tables of TCP (Documentation/networking/proc_net_tcp.rst).
const (
	local  = 1
	remote = 2
	state  = 3
)

// talks reports whether a host has TCP connections with an address at one of their
// ends on which something may still be sent.
func talks(h *house, host *netlab.Host, column int, a netip.Addr) bool {
	h.t.Helper()
	file := "/proc/thread-self/net/tcp"
	if a.Is6() {
		file += "6"
	}
	var table []byte
	err := host.Do(func() (err error) {
		table, err = os.ReadFile(file)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	var want strings.Builder // words of the machine's byte order
	for b := a.AsSlice(); len(b) > 0; b = b[4:] {
		fmt.Fprintf(&want, "%08X", enc.NativeEndian.Uint32(b))
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) <= state || !strings.HasPrefix(f[column], want.String()+":") {
			continue
		}
		switch f[state] {
		case "06", "07", "0A": // TIME_WAIT, CLOSE, LISTEN
		default:
			return true
		}
	}
	return false
}
