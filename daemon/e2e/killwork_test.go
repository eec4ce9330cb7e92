package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// worker does one thing after the other to vouchers that are its own, until
// the daemon is killed, and writes down what was acknowledged.
type worker struct {
	h      *house
	book   *ledger
	killed *atomic.Bool
	name   string
	rand   *rand.Rand
	n      int
	api    *http.Client
}

// errKilled ends a worker's round: an answer did not come, or not whole.
var errKilled = errors.New("no whole answer")

func newWorker(h *house, book *ledger, killed *atomic.Bool, name string, seed uint64) *worker {
	return &worker{h: h, book: book, killed: killed, name: name, rand: rand.New(rand.NewPCG(seed, 0)),
		api: h.LAN().HTTPClient(netlab.ClientOptions{KeepAlive: true, Timeout: patience})}
}

// round runs steps until one is not answered.
func (w *worker) round(step func() error) {
	defer w.api.CloseIdleConnections()
	for {
		err := step()
		if err == nil {
			continue
		}
		if !errors.Is(err, errKilled) || !w.killed.Load() {
			w.h.t.Errorf("%s: %v, killed %v", w.name, err, w.killed.Load())
		}
		return
	}
}

// call sends an action; the answer must be a success.
func (w *worker) call(action string, params map[string]any, success string) (map[string]any, error) {
	body := map[string]any{"api-key": w.h.key, "action": action}
	for k, v := range params {
		body[k] = v
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	resp, err := w.api.Post("http://192.168.10.1/api/", "application/json", bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", action, errKilled, err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", action, errKilled, err)
	}
	if out["message"] != success {
		return nil, fmt.Errorf("%s: %v", action, out)
	}
	return out, nil
}

func (w *worker) create(name string) error {
	to := account{passcode: fmt.Sprintf("pass%d", w.rand.IntN(1000)), fullname: fmt.Sprintf("Room %d", w.rand.IntN(1000)), limit: 100 + w.rand.Uint64N(100)}
	w.book.begin(name, to)
	out, err := w.call("create_voucher", map[string]any{
		"username": name, "passcode": to.passcode, "fullname": to.fullname, "download_limit": to.limit}, "User added successfully")
	if err != nil {
		return err
	}
	to.id = uint64(out["user"].(map[string]any)["id"].(float64))
	w.book.ack(name, to)
	return nil
}

func (w *worker) remove(name string) error {
	w.book.begin(name, account{})
	if _, err := w.call("remove_voucher", map[string]any{"username": name}, "User removed successfully"); err != nil {
		return err
	}
	w.book.ack(name, account{})
	return nil
}

// edit changes a voucher through the control socket.
func (w *worker) edit(name string) error {
	to := w.book.is(name)
	to.fullname, to.limit = fmt.Sprintf("Suite %d", w.rand.IntN(1000)), 200+w.rand.Uint64N(100)
	limit := to.limit * mb
	w.book.begin(name, to)
	rt := v1.DialUnix(filepath.Join(w.h.DataDir(), "control.sock"))
	_, err := v1.NewClient(rt).EditVoucher(context.Background(), name, v1.VoucherEdit{FullName: &to.fullname, DownloadLimit: &limit})
	var refused *hotspot.Error
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("edit: %w: %w", errKilled, err)
	}
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	w.book.ack(name, to)
	return nil
}

// office is a step of a worker that makes, edits and removes vouchers, some of
// them under a name that was used before.
func (w *worker) office() error {
	have := w.book.names(w.name + "-")
	switch {
	case len(have) > 0 && w.rand.IntN(3) == 0 || len(have) > 40:
		return w.remove(have[w.rand.IntN(len(have))])
	case len(have) > 0 && w.rand.IntN(3) == 0:
		return w.edit(have[w.rand.IntN(len(have))])
	}
	name := fmt.Sprintf("%s-%d", w.name, w.rand.IntN(80))
	if w.book.is(name) != (account{}) {
		return w.remove(name)
	}
	return w.create(name)
}

// visitor is a worker with a device: it logs in, sends, logs out.
type visitor struct {
	*worker
	g    *netlab.Guest
	conn net.Conn
	on   []string // the vouchers that it may be on; "" is none
}

// step is a step of a visitor.
func (v *visitor) step() error {
	online := v.on[0] != ""
	have := v.book.names(v.name + "-")
	switch dice := v.rand.IntN(10); {
	case !online && len(have) < 2:
		v.n++
		return v.create(fmt.Sprintf("%s-%d", v.name, v.n))
	case !online:
		return v.login(have[v.rand.IntN(len(have))])
	case dice == 0:
		return v.logout()
	case dice == 1:
		return v.leave()
	case dice == 2:
		return v.edit(v.on[0])
	}
	return v.burst()
}

func (v *visitor) login(name string) error {
	v.on = []string{"", name}
	where, err := v.form("/login", url.Values{"code": {name}, "passcode": {v.book.is(name).passcode}})
	if err != nil {
		return err
	}
	if where != "/status" {
		return fmt.Errorf("login as %s led to %q", name, where)
	}
	v.on = []string{name}
	return nil
}

func (v *visitor) logout() error {
	v.on = []string{v.on[0], ""}
	if _, err := v.form("/logout", url.Values{}); err != nil {
		return err
	}
	v.on = []string{""}
	return nil
}

// leave removes the voucher that the visitor is on.
func (v *visitor) leave() error {
	name := v.on[0]
	v.on = []string{name, ""}
	err := v.remove(name)
	if err == nil {
		v.on = []string{""}
	}
	return err
}

// form sends a form to the portal and returns where it leads.
func (v *visitor) form(path string, form url.Values) (string, error) {
	resp, err := v.g.HTTPClient(netlab.ClientOptions{Timeout: patience}).PostForm(netlab.PortalURL+path, form)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", path, errKilled, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("%s: status %d", path, resp.StatusCode)
	}
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	return to.Path, nil
}

// ipUDP is what the headers add to a datagram.
const ipUDP = 28

// send sends one datagram that names the voucher it is sent on, and tells
// whether it came back.
func (v *visitor) send(voucher string, wait time.Duration) bool {
	v.drain()
	v.n++
	text := fmt.Sprintf("%s %d ", voucher, v.n)
	text += strings.Repeat("x", v.rand.IntN(1200))
	v.book.count(v.book.sent, voucher, ipUDP+len(text))
	if _, err := v.conn.Write([]byte(text)); err != nil {
		return false
	}
	_ = v.conn.SetReadDeadline(time.Now().Add(wait))
	buf := make([]byte, 2048)
	for {
		n, err := v.conn.Read(buf)
		if err != nil {
			return false // refused, or lost
		}
		if string(buf[:n]) == text {
			return true
		}
	}
}

// drain reads what came late, such as a refusal of an earlier datagram. It asks the
// socket itself: with a deadline, nothing may be read before that is over.
func (v *visitor) drain() {
	raw, err := v.conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return // it is closed, as the sender will see
	}
	buf := make([]byte, 2048)
	_ = raw.Control(func(fd uintptr) {
		for {
			if _, _, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT); errors.Is(err, unix.EAGAIN) {
				return
			}
		}
	})
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// burst sends some datagrams. They pass whether a daemon runs or not.
func (v *visitor) burst() error {
	for range 1 + v.rand.IntN(5) {
		if !v.send(v.on[0], patience) {
			return fmt.Errorf("on %s, and a datagram is lost", v.on[0])
		}
	}
	if v.killed.Load() {
		return errKilled
	}
	return nil
}

// echo sends every datagram back and counts what arrived, by voucher.
func echo(pc net.PacketConn, book *ledger) {
	buf := make([]byte, 2048)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		voucher, rest, _ := strings.Cut(string(buf[:n]), " ")
		number, _, _ := strings.Cut(rest, " ")
		if _, err := strconv.Atoi(number); err == nil {
			book.count(book.arrived, voucher, ipUDP+n)
		}
		_, _ = pc.WriteTo(buf[:n], from)
	}
}
