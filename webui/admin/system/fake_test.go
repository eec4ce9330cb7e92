package system_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/system"
)

// house is the pages over stand-ins, with an operator of a role.
type house struct {
	*paneltest.Site
	mu       sync.Mutex // guards all below
	settings hotspot.Settings
	saved    []map[string]string
	about    api.About
	conf     api.Configuration
	clock    api.Clock
	lines    []api.LogLine
	asked    api.LogQuery
	news     chan struct{}
	right    int // how often the clock was said to be right
	fresh    bool
	hold     chan struct{} // an examination waits here after its first finding; nil: it does not
	done     sync.WaitGroup
	staged   *api.StagedBackup
	snaps    []api.Snapshot
	restored bool
	personal bool
	fail     error // of what makes a file
	after    int   // bytes that it wrote before
}

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	at := time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC)
	made := at.Add(-26 * time.Hour)
	ends := at.AddDate(2, 0, 0)
	h := &house{settings: hotspot.DefaultSettings(), news: make(chan struct{}, 1), fresh: true,
		about: api.About{Version: "1.4.2", Go: "go1.26.8", Arch: "mipsle", Backend: "nftables", Kernel: "Linux 6.6.93", Host: "OpenWrt", Uptime: 93784, HostUptime: 193784,
			Resident: 21 << 20, Memory: 128 << 20, MemoryFree: 61 << 20, Flash: 12 << 20, FlashFree: 7 << 20, Store: 640 << 10, StoreFree: 96 << 10,
			Modules: []api.Module{{Path: "go.etcd.io/bbolt", Version: "v1.5.0"}, {Path: "golang.org/x/sys", Version: "v0.49.0"}, {Path: "example.org/other", Version: "v0.0.1"}}},
		conf: api.Configuration{File: "/etc/vouchsafe/vouchsafe.yaml", Values: []api.ConfigValue{
			{Key: "data", Value: "/etc/vouchsafe/data", Set: true, Restart: true}, {Key: "zone", Value: "Europe/Rome"}, {Key: "guest.interface", Value: "br-guest", Set: true},
			{Key: "guest.addresses"}, {Key: "guest.portal_port", Value: "2050"}, {Key: "lan.interface", Value: "br-lan", Set: true}, {Key: "lan.listen", Value: "0.0.0.0:8080", Set: true},
			{Key: "lan.https.listen", Value: "0.0.0.0:8443"}, {Key: "network.backend", Value: "nftables", Restart: true}, {Key: "network.leases", Value: "/tmp/dhcp.leases"}},
			Certificate: &api.Certificate{Fingerprint: strings.Repeat("AB:", 31) + "AB", Names: []string{"router.lan", "192.168.10.1"}, Begins: &made, Ends: &ends, Own: true}},
		clock: api.Clock{Time: &at, System: &at, Zone: "Europe/Rome", Believed: true, By: api.VouchNTP, Since: &made},
		snaps: []api.Snapshot{{Name: "snapshot-00000007-20260713T120000Z.vsnap", Created: &made, Size: 48 << 10}, {Name: "before-restore.vsnap", Size: 3 << 20}},
		lines: []api.LogLine{
			{ID: 3, Time: &at, Level: "error", Component: "daemon", Text: "usage could not be stored; it will be tried again", Details: `error="write /etc/vouchsafe/data/vouchsafe.db: no space left on device"`},
			{ID: 2, Time: &made, Level: "warn", Component: "nft", Text: "somebody else changed the table; the rules are back"},
			{ID: 1, Time: &made, Level: "info", Component: "daemon", Text: "ready", Details: "version=1.4.2 backend=nftables after=412ms"}},
	}
	h.Site = paneltest.Serve(t, role, system.New(system.Config{Service: service{h}, System: h, Backups: backups{h}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Fresh: func(*api.Principal) bool { h.mu.Lock(); defer h.mu.Unlock(); return h.fresh },
		Go: func(f func(context.Context)) {
			h.done.Go(func() { f(t.Context()) })
		}, Streams: new(panel.Streams)}))
	t.Cleanup(h.done.Wait)
	return h
}

// do changes the house while it serves.
func (h *house) do(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

type service struct{ *house }

func (s service) Settings() hotspot.Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

func (s service) SetSettings(_ context.Context, values map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.settings.With(values)
	if err != nil {
		return err
	}
	s.settings = next
	s.saved = append(s.saved, values)
	return nil
}

func (h *house) About(context.Context) api.About { h.mu.Lock(); defer h.mu.Unlock(); return h.about }

func (h *house) Configuration() api.Configuration { h.mu.Lock(); defer h.mu.Unlock(); return h.conf }

func (h *house) Clock() api.Clock { h.mu.Lock(); defer h.mu.Unlock(); return h.clock }

func (h *house) SayClockRight(context.Context) error {
	h.do(func() { h.right++ })
	return nil
}

func (h *house) Examine(ctx context.Context, report func(api.Finding)) {
	report(api.Finding{Check: "configuration", Verdict: "ok", Found: hotspot.Textf("the daemon's own")})
	if h.hold != nil {
		select {
		case <-h.hold:
		case <-ctx.Done():
		}
	}
	report(api.Finding{Check: "DHCP", Verdict: "problem", Found: hotspot.Textf("nobody answers DHCP on br-guest"), Remedy: hotspot.Textf("switch dnsmasq on for the interface")})
	report(api.Finding{Check: "memory", Verdict: "warning", Found: hotspot.Textf("7 MB are free"), Remedy: hotspot.Textf("write limits: {memory: 24MiB}")})
}

func (h *house) LogLines(q api.LogQuery) []api.LogLine {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = q
	var out []api.LogLine
	for _, l := range h.lines {
		if strings.Contains(l.Text, q.Text) {
			out = append(out, l)
		}
	}
	return out
}

func (h *house) LogNews(context.Context) <-chan struct{} { return h.news }

func (h *house) Support(_ context.Context, w io.Writer, personal bool) error {
	h.do(func() { h.personal = personal })
	return h.write(w, "the bundle")
}

func (h *house) write(w io.Writer, text string) error {
	if h.fail != nil {
		_, _ = io.WriteString(w, strings.Repeat("x", h.after))
		return h.fail
	}
	_, err := io.WriteString(w, text)
	return err
}

type backups struct{ *house }

func (b backups) Backup(_ context.Context, w io.Writer) error { return b.write(w, "the backup") }

func (b backups) Snapshots(context.Context) ([]api.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.snaps, nil
}

func (b backups) Snapshot(_ context.Context, name string, w io.Writer) error {
	return b.write(w, "the snapshot "+name)
}

func (b backups) Stage(_ context.Context, name string, r io.Reader) (api.StagedBackup, error) {
	body, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(body), "good") {
		return api.StagedBackup{}, hotspot.Invalid("", "this is no backup that can be used: %v", errors.Join(err, errors.New("its checksum is wrong")))
	}
	made := b.Now.Add(-time.Hour)
	s := api.StagedBackup{ID: api.ID{7}, Name: name, Size: int64(len(body)), Backup: api.Backup{Created: &made, Schema: 3,
		Records: map[string]uint64{"vouchers": 12345, "users": 17}}}
	b.do(func() { b.staged = &s })
	return s, nil
}

func (b backups) StageSnapshot(ctx context.Context, name string) (api.StagedBackup, error) {
	return b.Stage(ctx, name, strings.NewReader("good"))
}

func (b backups) Staged(id api.ID) (api.StagedBackup, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.staged == nil || b.staged.ID != id {
		return api.StagedBackup{}, hotspot.ErrNotFound
	}
	return *b.staged, nil
}

func (b backups) Unstage(api.ID) { b.do(func() { b.staged = nil }) }

func (b backups) RestoreStaged(context.Context, api.ID) (api.Backup, error) {
	b.do(func() { b.staged, b.restored = nil, true })
	return api.Backup{Run: 1}, nil
}
