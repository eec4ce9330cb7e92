package hosts

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxLeaseFile bounds what is read of a lease file: some 8,000 leases.
const maxLeaseFile = 1 << 20

// leases is what the DHCP server's lease file says.
type leases struct {
	holder map[netip.Addr]hotspot.MAC
	names  map[hotspot.MAC]string
}

// readLeases reads dnsmasq's file: a line for each lease with its end, MAC,
// address, name (or *) and client id. What follows the line "duid" is
// DHCPv6's and has no MAC.
func readLeases(r io.Reader) leases {
	l := leases{holder: map[netip.Addr]hotspot.MAC{}, names: map[hotspot.MAC]string{}}
	lines := bufio.NewScanner(io.LimitReader(r, maxLeaseFile))
	for lines.Scan() && len(l.holder) < maxDevices {
		f := strings.Fields(lines.Text())
		if len(f) < 4 {
			continue
		}
		// Another hardware type than Ethernet's is written before the MAC,
		// as in 06-…, and is no guest's.
		m, err := hotspot.ParseMAC(f[1])
		if err != nil {
			continue
		}
		a, err := netip.ParseAddr(f[2])
		if err != nil || !a.Is4() {
			continue
		}
		l.holder[a] = m
		if name := cleanName(f[3]); f[3] != "*" && name != "" {
			l.names[m] = name
		}
	}
	return l
}

// leaseFile reads a lease file again whenever it may have changed.
type leaseFile struct {
	path string
	now  func() time.Time // the wall clock, which file times are told in
	last fs.FileInfo
	// settled: the file was not written to just before it was read, so that
	// an equal time means an equal content.
	settled bool
}

// changed reads the file if it may differ from what was read last.
func (f *leaseFile) changed() (leases, bool, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		gone := f.last != nil
		f.last = nil
		return leases{}, gone, nil
	}
	if err != nil {
		return leases{}, false, err
	}
	if f.last != nil && f.settled && os.SameFile(info, f.last) &&
		info.ModTime().Equal(f.last.ModTime()) && info.Size() == f.last.Size() {
		return leases{}, false, nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return leases{}, false, err
	}
	defer file.Close()
	f.last, f.settled = info, f.now().Sub(info.ModTime()) > 2*time.Second
	return readLeases(file), true, nil
}

// setLeases takes up a new state of the lease file. A lease makes no device
// present; but one that is here gets its address, whoever claims it.
func (t *Table) setLeases(l leases) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leases = l
	for a, m := range l.holder {
		if d, ok := t.devices[m]; ok && t.holders[a] != m {
			t.learn(sighting{mac: m, addr: a, rank: leased, idle: t.cfg.Mono() - d.seen})
		}
	}
	for _, d := range t.devices { // a lease that ended proves nothing any more
		for i := range d.held {
			h := &d.held[i]
			if owned := l.holder[h.addr] == d.mac; owned {
				h.rank = leased
			} else if h.rank == leased {
				h.rank = claimed
			}
		}
	}
}
