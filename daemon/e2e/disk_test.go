package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// disk is a filesystem that the data directory is on.
type disk struct {
	t   *testing.T
	dir string
	// The block device and the file behind it; "" for a disk in memory.
	dev, image string
}

// onDisk puts the daemon's data directory on a disk of its own, on which the
// daemon then starts for the first time.
func (h *house) onDisk(mount func(*disk)) *disk {
	h.t.Helper()
	if err := h.daemon.Stop(); err != nil {
		h.t.Fatalf("stop: %v", err)
	}
	d := &disk{t: h.t, dir: h.DataDir()}
	mount(d)
	h.t.Cleanup(func() {
		h.daemon.Kill()
		if err := unix.Unmount(d.dir, 0); err != nil {
			h.t.Errorf("unmount: %v", err)
		}
	})
	h.start()
	h.cli("settings", "set", "api.post", "on")
	h.key = strings.TrimSpace(h.cli("key", "show"))
	return d
}

func (d *disk) run(name string, args ...string) string {
	d.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// ext4 mounts a new ext4 filesystem, in a file, that becomes read-only when it
// finds an error, as the ones of routers do.
func (d *disk) ext4() {
	d.t.Helper()
	d.image = filepath.Join(d.t.TempDir(), "disk")
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Truncate(d.image, 32<<20); err != nil {
		d.t.Fatal(err)
	}
	d.run("mkfs.ext4", "-q", "-F", d.image)
	d.mount()
}

func (d *disk) mount() {
	d.t.Helper()
	d.run("mount", "-o", "loop,errors=remount-ro", d.image, d.dir)
	d.dev = d.run("findmnt", "-n", "-o", "SOURCE", d.dir)
}

// tmpfs mounts a small filesystem in memory.
func (d *disk) tmpfs() {
	d.t.Helper()
	if err := unix.Mount("tmpfs", d.dir, "tmpfs", 0, "size=2m,mode=700"); err != nil {
		d.t.Fatalf("mount: %v", err)
	}
}

// ioctl numbers of Linux that stop a filesystem's writers, and let them go on.
const (
	fiFreeze = 0xC0045877
	fiThaw   = 0xC0045878
)

// freeze makes everybody wait who writes or syncs, as a disk that stalls.
func (d *disk) freeze(yes bool) error {
	op := uint(fiFreeze)
	if !yes {
		op = fiThaw
	}
	dir, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.IoctlSetInt(int(dir.Fd()), op, 0)
}

// fill leaves no room, and returns what makes room again.
func (d *disk) fill() (room func()) {
	d.t.Helper()
	name := filepath.Join(d.dir, "balloon")
	f, err := os.Create(name)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatalf("fill the disk: %v", err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			d.t.Error(err)
		}
	}
}

// serves checks that guests notice nothing: who is in stays in, pages answer,
// strangers are caught.
func (h *house) serves(in, stranger *netlab.Guest) {
	h.t.Helper()
	h.released(in)
	h.caught(stranger)
	// A page that waited for a stalled disk would not come.
	_, page, err := h.get(in.Host, netlab.PortalURL+"/status")
	if err != nil || !strings.Contains(page, "/logout") {
		h.t.Errorf("the status page: %v: %s", err, text(page))
	}
}

// refused asks for a new voucher and reports whether it was refused in words
// for an operator.
func (h *house) refused(name string) bool {
	h.t.Helper()
	out := h.api("create_voucher", map[string]any{"username": name})
	if out["error"] == false {
		return false
	}
	if detail, _ := out["detail"].(string); !strings.Contains(detail, "is the disk full or read-only?") {
		h.t.Errorf("create_voucher: %v", out)
	}
	return true
}

// unhealthy waits until monitoring learns that usage cannot be stored.
func (h *house) unhealthy() {
	h.t.Helper()
	eventually(h.t, "monitoring is told", func() bool {
		resp, page, err := h.get(h.LAN(), "http://192.168.10.1/healthz")
		return err == nil && resp.StatusCode == 503 && strings.Contains(page, "usage cannot be stored")
	})
}

func (h *house) healthy() {
	h.t.Helper()
	eventually(h.t, "all is well again", func() bool {
		resp, _, err := h.get(h.LAN(), "http://192.168.10.1/healthz")
		return err == nil && resp.StatusCode == 200
	})
}

// TestFullDisk fills the disk under a running daemon: changes are refused,
// guests stay in, and all goes on when there is room again.
func TestFullDisk(t *testing.T) {
	h := newHouse(t, "full", netlab.Options{Guests: 2})
	d := h.onDisk((*disk).tmpfs)
	a, b := h.Guest(1), h.Guest(2)
	user, pass := h.voucher(nil)
	later, laterPass := h.voucher(nil)
	h.login(a, user, pass)
	room := d.fill()
	// What fits into free pages is still stored; soon nothing does.
	made, not := map[string]bool{}, 0
	eventually(t, "the store is full", func() bool {
		name := fmt.Sprintf("full%d", len(made))
		made[name] = !h.refused(name)
		if !made[name] {
			not++
		}
		return not == 5
	})
	h.serves(a, b)
	r := h.send(netlab.Flow{Guest: a, Bytes: mb})
	if r.End != netlab.EndComplete {
		t.Errorf("a download with a full disk: %s", r.End)
	}
	room()
	h.login(b, later, laterPass)
	h.healthy()
	if down, _ := h.used(user); down < mb {
		t.Errorf("%d bytes are counted", down)
	}
	h.kill()
	h.start()
	rows, _ := h.api("get_voucher_users", nil)["users"].([]any)
	for _, r := range rows {
		name := r.(map[string]any)["username"].(string)
		if name != user && name != later && !made[name] {
			t.Errorf("%s was refused, and is there", name)
		}
		delete(made, name)
	}
	for name, acknowledged := range made {
		if acknowledged {
			t.Errorf("%s was acknowledged, and is gone", name)
		}
	}
	h.released(a)
	h.released(b)
}

// TestReadOnlyDisk lets the kernel make the filesystem read-only under a
// running daemon, as it does when the flash fails.
func TestReadOnlyDisk(t *testing.T) {
	h := newHouse(t, "rodisk", netlab.Options{Guests: 2})
	d := h.onDisk((*disk).ext4)
	a, b := h.Guest(1), h.Guest(2)
	user, pass := h.voucher(map[string]any{"download_limit": 10})
	later, laterPass := h.voucher(nil)
	h.login(a, user, pass)
	if err := os.WriteFile(filepath.Join("/sys/fs/ext4", filepath.Base(d.dev), "trigger_fs_error"), []byte("the test's"), 0); err != nil {
		t.Fatal(err)
	}
	if !h.refused("refused") {
		t.Error("a voucher was made on a read-only disk")
	}
	page, _ := h.post(b, netlab.PortalURL+"/login", map[string][]string{"code": {later}, "passcode": {laterPass}})
	if !strings.Contains(text(page), "try again") {
		t.Errorf("a login is answered: %s", text(page))
	}
	h.serves(a, b)
	r := h.send(netlab.Flow{Guest: a, Bytes: 20 * mb})
	if r.Down > 10*mb || r.Down < 9*mb {
		t.Errorf("%d bytes passed of a quota of %d", r.Down, 10*mb)
	}
	h.unhealthy()
	// A restart cannot help, and says why; the guests do not notice.
	h.kill()
	out, err := h.Router().Command(t.Context(), binary, "daemon", "--config", h.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is mounted read-only, or became so") {
		t.Errorf("started on a read-only disk: %v: %s", err, out)
	}
	// The owner repairs it.
	if err := unix.Unmount(d.dir, 0); err != nil {
		t.Fatal(err)
	}
	d.mount()
	h.start()
	if used, _ := h.used(user); used > 10*mb || used < r.Down {
		t.Errorf("counted %d, arrived %d", used, r.Down)
	}
	h.login(b, later, laterPass)
	h.healthy()
	if h.row("get_voucher_users", "users", "username", "refused") != nil {
		t.Error("a voucher was refused, and is there")
	}
}

// TestStalledDisk freezes the filesystem under a running daemon, as flash does
// that collects garbage for seconds: changes wait, everything else goes on, and
// all that waited is done afterwards.
func TestStalledDisk(t *testing.T) {
	h := newHouse(t, "stalled", netlab.Options{Guests: 3})
	d := h.onDisk((*disk).ext4)
	a, b, stranger := h.Guest(1), h.Guest(2), h.Guest(3)
	user, pass := h.voucher(nil)
	small, smallPass := h.voucher(map[string]any{"download_limit": 1})
	h.login(a, user, pass)
	h.login(b, small, smallPass)
	if err := d.freeze(true); err != nil {
		t.Fatalf("freeze: %v", err)
	}
	thaw := sync.OnceFunc(func() {
		if err := d.freeze(false); err != nil {
			t.Errorf("thaw: %v", err)
		}
	})
	t.Cleanup(thaw)
	// The quota ends where it should, though nobody can write it down.
	r := h.send(netlab.Flow{Guest: b, Bytes: 5 * mb})
	if r.Down > mb || r.Down < mb-netGSO {
		t.Errorf("%d bytes passed of a quota of %d", r.Down, mb)
	}
	// Whoever hangs up may find it done later, as documented.
	if out := h.request(300*time.Millisecond, "create_voucher", map[string]any{"username": "impatient"}); out != nil {
		t.Errorf("answered on a stalled disk: %v", out)
	}
	// Several flushes are due meanwhile.
	h.unhealthy()
	h.serves(a, stranger)
	if r := h.send(netlab.Flow{Guest: a, Bytes: mb}); r.End != netlab.EndComplete {
		t.Errorf("a download while the disk stalls: %s", r.End)
	}
	// The API gives an answer half a minute, so this one is asked for last.
	answer := make(chan map[string]any, 1)
	go func() { answer <- h.request(patience, "create_voucher", map[string]any{"username": "waits"}) }()
	if h.row("get_voucher_users", "users", "username", "waits") != nil {
		t.Error("a voucher shows before it is stored")
	}
	select {
	case out := <-answer:
		t.Errorf("answered on a stalled disk: %v", out)
	default:
	}
	thaw()
	if out := <-answer; out["message"] != "User added successfully" {
		t.Errorf("after the stall: %v", out)
	}
	h.healthy()
	eventually(t, "the used up voucher's session ends", func() bool {
		return h.row("get_active_guests", "data", "logins", small) == nil
	})
	if down, _ := h.used(user); down < mb {
		t.Errorf("%d bytes are counted", down)
	}
	h.kill()
	h.start()
	if h.row("get_voucher_users", "users", "username", "waits") == nil {
		t.Error("acknowledged after the stall, and gone")
	}
}

// request calls the action API for so long; nil is no answer.
func (h *house) request(within time.Duration, action string, params map[string]any) map[string]any {
	w := &worker{h: h, api: h.LAN().HTTPClient(netlab.ClientOptions{Timeout: within})}
	out, err := w.call(action, params, "User added successfully")
	if err != nil {
		return nil
	}
	return out
}
