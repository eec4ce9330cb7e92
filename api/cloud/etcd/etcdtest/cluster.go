// Package etcdtest runs an etcd of several members as processes of this machine,
// which can be killed, frozen, and cut off from one another. It needs no rights.
package etcdtest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Cluster is an etcd.
type Cluster struct {
	Members []*Member
	t       testing.TB
	binary  string
	options Options
}

// Options say how an etcd is run.
type Options struct {
	Members int // 0: 3
	// Durable makes members wait for the disk as in real use. Without, a killed
	// process still loses nothing; only a power cut would tell the difference.
	Durable bool
	Args    []string // further arguments of every member
	// Direct lets clients reach members past what can be cut, too, as long as they
	// are not started again. It is for those who measure.
	Direct bool
}

// Start starts an etcd and waits until it is ready. It ends with the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Members == 0 {
		o.Members = 3
	}
	c := &Cluster{t: t, binary: Binary(t), options: o}
	dir, sockets := t.TempDir(), short(t)
	var all []string
	for i := range o.Members {
		m := &Member{c: c, name: fmt.Sprintf("m%d", i), dir: filepath.Join(dir, fmt.Sprint(i)), sockets: filepath.Join(sockets, fmt.Sprint(i))}
		if err := os.Mkdir(m.sockets, 0o700); err != nil {
			t.Fatal(err)
		}
		m.peers = newProxy(t, m.socket(peerSocket))
		m.peers.allowed = c.mayTalk
		m.clients = newProxy(t, m.socket(clientSocket))
		c.Members = append(c.Members, m)
		all = append(all, m.name+"=http://"+m.peers.address())
	}
	for _, m := range c.Members {
		m.cluster = strings.Join(all, ",")
		m.Start()
	}
	c.Ready()
	for _, m := range c.Members {
		m.id = c.idOf(m)
	}
	return c
}

// short makes a directory for sockets, whose paths must not be long.
func short(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "etcd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Binary returns the path of an etcd, which is built if need be.
func Binary(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "scripts", "etcd.sh")
	out, err := exec.Command(script).Output()
	if err != nil {
		t.Fatalf("no etcd: %s: %v", script, err)
	}
	return strings.TrimSpace(string(out))
}

// Endpoints are where clients find the members. They stay the same when members
// are started again.
func (c *Cluster) Endpoints() (out []string) {
	for _, m := range c.Members {
		out = append(out, m.Endpoint())
	}
	return out
}

// Ready waits until every member that runs can read and has a leader.
func (c *Cluster) Ready() {
	c.t.Helper()
	for _, m := range c.Members {
		m.ready()
	}
}

// Leader is the member that leads.
func (c *Cluster) Leader() *Member {
	c.t.Helper()
	var found *Member
	Until(c.t, patience, "a leader", func() bool {
		for _, m := range c.Members {
			if m.cut.Load() || !m.Running() {
				continue
			}
			if s, err := m.status(); err == nil && s.Leader == s.Header.ID && s.Leader != "0" && s.Leader != "" {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// Others are all members but one.
func (c *Cluster) Others(than *Member) (out []*Member) {
	for _, m := range c.Members {
		if m != than {
			out = append(out, m)
		}
	}
	return out
}

// Heal undoes everything that has been done to the members.
func (c *Cluster) Heal() {
	c.t.Helper()
	for _, m := range c.Members {
		m.cut.Store(false)
		m.clients.open()
		if m.Running() {
			m.Thaw()
		} else {
			m.Start()
		}
	}
	c.Ready()
}

// mayTalk reports whether one member, known by the id it gives, gets through to
// another.
func (c *Cluster) mayTalk(from string, to *proxy) bool {
	for _, m := range c.Members {
		if m.cut.Load() && (m.peers == to || m.id != "" && m.id == from) {
			return false
		}
	}
	return true
}

// status is what a member says of itself.
type status struct {
	Header struct {
		ID       string `json:"member_id"`
		Revision string `json:"revision"`
	} `json:"header"`
	Leader string `json:"leader"`
	Size   string `json:"dbSize"`
}

func (m *Member) status() (status, error) {
	var s status
	b, err := m.ask(http.MethodPost, "/v3/maintenance/status", "{}")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

// idOf returns a member's id as it gives it to others: hexadecimal.
func (c *Cluster) idOf(m *Member) string {
	c.t.Helper()
	var s status
	Until(c.t, patience, "member "+m.name+" says who it is", func() (ok bool) {
		var err error
		s, err = m.status()
		return err == nil
	})
	var id uint64
	if _, err := fmt.Sscan(s.Header.ID, &id); err != nil {
		c.t.Fatal(err)
	}
	return fmt.Sprintf("%x", id)
}

// Outage is how long all of an etcd stays away: as long as a test needs, or as
// VOUCHSAFE_ETCD_DOWN says for a longer run.
func Outage(t testing.TB, short time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("VOUCHSAFE_ETCD_DOWN")
	if text == "" {
		return short
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < short || d > time.Hour {
		t.Fatalf("VOUCHSAFE_ETCD_DOWN=%q: a duration from %s to an hour", text, short)
	}
	return d
}

// patience is how long is waited for what should be there soon: much longer than a
// slow and busy machine takes.
const patience = 90 * time.Second

// Until polls until something is so.
func Until(t testing.TB, within time.Duration, what string, so func() bool) {
	t.Helper()
	limit := time.NewTimer(within)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// freeAddress is an address on which nobody listens for the moment.
func freeAddress(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
