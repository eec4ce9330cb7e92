package doctor

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
)

// socket is one that waits for connections or packets.
type socket struct {
	at    netip.AddrPort
	inode uint64
}

// The states in /proc/net/tcp and udp of a socket that waits.
const (
	stateListen  = "0A"
	stateUDPOpen = "07"
)

// maxSockets bounds what is read: a busy router has thousands of connections.
const maxSockets = 16384

// sockets lists those that wait, of "tcp" or "udp", both families.
func (s *system) sockets(network string) ([]socket, error) {
	state := stateListen
	if network == "udp" {
		state = stateUDPOpen
	}
	var out []socket
	for _, name := range []string{network, network + "6"} {
		f, err := s.root.Open("proc/net/" + name)
		if err != nil {
			if name == network {
				return nil, err
			}
			continue // a kernel without IPv6
		}
		lines := bufio.NewScanner(f)
		for n := 0; lines.Scan() && n < maxSockets; n++ {
			if sk, st, ok := parseSocket(lines.Text()); ok && st == state {
				out = append(out, sk)
			}
		}
		_ = f.Close()
	}
	return out, nil
}

// parseSocket reads a line of /proc/net/tcp or udp. Addresses are written as
// the numbers that they are to this machine.
func parseSocket(line string) (s socket, state string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 {
		return s, "", false
	}
	addr, port, ok := strings.Cut(f[1], ":")
	raw, err := hex.DecodeString(addr)
	p, err2 := strconv.ParseUint(port, 16, 16)
	inode, err3 := strconv.ParseUint(f[9], 10, 64)
	if !ok || err != nil || err2 != nil || err3 != nil || len(raw)%4 != 0 {
		return s, "", false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	if !ok {
		return s, "", false
	}
	return socket{netip.AddrPortFrom(a.Unmap(), uint16(p)), inode}, f[3], true
}

// maxProcesses bounds the search for a socket's owner.
const maxProcesses = 4096

// owner names the process that holds a socket; empty if it cannot be found,
// which takes root.
func (s *system) owner(inode uint64) string {
	want := "socket:[" + strconv.FormatUint(inode, 10) + "]"
	procs, err := fs.ReadDir(s.root, "proc")
	if err != nil {
		return ""
	}
	n := 0
	for _, p := range procs {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		if n++; n > maxProcesses {
			break
		}
		dir := "proc/" + p.Name()
		fds, err := fs.ReadDir(s.root, dir+"/fd")
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if to, err := fs.ReadLink(s.root, dir+"/fd/"+fd.Name()); err == nil && to == want {
				name, _ := s.text(dir + "/comm")
				return name + " (process " + p.Name() + ")"
			}
		}
	}
	return ""
}

// takes reports whether a socket would keep another from listening at an
// address and port.
func (s socket) takes(at netip.AddrPort) bool {
	if s.at.Port() != at.Port() {
		return false
	}
	a, b := s.at.Addr(), at.Addr()
	return a == b || a.IsUnspecified() && (a.Is6() || b.Is4()) || b.IsUnspecified() && (b.Is6() || a.Is4())
}
