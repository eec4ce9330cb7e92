package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// The test program plays these parts when it is started as a child.
const (
	roleEnv       = "VOUCHSAFE_LAB_TEST_ROLE"
	roleVouchsafe = "vouchsafe" // the daemon and its command line
	roleBroken    = "broken"    // a daemon that does not start
	roleLab       = "lab"       // vouchsafe-lab itself
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case roleVouchsafe:
		playVouchsafe(os.Args[1:])
	case roleBroken:
		fmt.Fprintln(os.Stderr, "guest.interface: no such interface")
		os.Exit(1)
	case roleLab:
		_ = os.Setenv(roleEnv, roleVouchsafe) // for its children
		main()
	default:
		os.Exit(m.Run())
	}
}

// playVouchsafe does as much of the daemon and its command line as the demo
// asks for.
func playVouchsafe(args []string) {
	switch {
	case args[0] == "daemon":
		mux := http.NewServeMux()
		mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
		mux.HandleFunc("POST /api/", func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("api-key") != "thekey" || r.FormValue("action") != "create_voucher" {
				fmt.Fprint(w, `{"message":"API Key is incorrect","error":true}`)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"error": false, "user": map[string]any{
				"id": 1, "username": "K7MPQ2", "passcode": "ab&de4", "valid_for": "1 day", "download_limit": "200",
			}})
		})
		mux.HandleFunc("POST /die", func(http.ResponseWriter, *http.Request) {
			fmt.Fprintln(os.Stderr, "out of memory")
			os.Exit(3)
		})
		srv := http.Server{Addr: netlab.RouterLAN4 + ":80", Handler: mux, ReadHeaderTimeout: time.Minute}
		fmt.Println(srv.ListenAndServe())
	case strings.HasSuffix(strings.Join(args, " "), "key show"):
		fmt.Println("thekey")
	}
}

// lockedBuffer is a bytes.Buffer for two goroutines.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newDemo returns a demo of its own id and ports.
func newDemo(t *testing.T, role string) (*demo, *lockedBuffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(roleEnv, role)
	out := new(lockedBuffer)
	d := &demo{
		id: "t" + strings.ToLower(rand.Text()[:10]), binary: self, guests: 2,
		lanAddr: "127.0.0.1:0", guestAddr: "127.0.0.1:0", out: out, err: out,
	}
	t.Cleanup(func() {
		if found, err := netlab.Remains(d.id); err != nil || len(found) != 0 {
			t.Errorf("left behind: %v, %v", found, err)
		}
	})
	return d, out
}

// ready waits until what a demo prints has its last line.
func ready(t *testing.T, out fmt.Stringer, ended <-chan error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(90 * time.Second)
	for !strings.Contains(out.String(), "Ctrl-C ends it") {
		select {
		case err := <-ended:
			t.Fatalf("ended: %v\n%s", err, out)
		case <-deadline:
			t.Fatalf("not ready:\n%s", out)
		case <-tick.C:
		}
	}
}

func waitEnd(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(90 * time.Second):
		t.Fatal("does not end")
		return nil
	}
}

func TestDemo(t *testing.T) {
	d, out := newDemo(t, roleVouchsafe)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	ready(t, out, ended)
	text := out.String()
	for _, want := range []string{"K7MPQ2  passcode ab&de4", "code=K7MPQ2&passcode=ab%26de4", "device key       thekey", "guest2  192.168.0."} {
		if !strings.Contains(text, want) {
			t.Errorf("the screen lacks %q:\n%s", want, text)
		}
	}
	// Guest 1's eyes: no portal runs, so the page comes; the LAN side is the
	// daemon's.
	guest := regexp.MustCompile(`open (http://\S+)`).FindStringSubmatch(text)[1]
	if page := fetch(t, guest); !strings.Contains(page, "You are online") {
		t.Errorf("guest 1 sees: %s", page)
	}
	lan := regexp.MustCompile(`(http://\S+) is the router's LAN side`).FindStringSubmatch(text)[1]
	fetch(t, lan+"healthz")
	cancel()
	if err := waitEnd(t, ended); err != nil {
		t.Errorf("Ctrl-C: %v", err)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp := do(t, "GET", url, "", nil)
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", url, resp.Status, err)
	}
	return string(body)
}

func TestDemoWhoseDaemonDies(t *testing.T) {
	d, out := newDemo(t, roleVouchsafe)
	ended := make(chan error, 1)
	go func() { ended <- d.run(t.Context()) }()
	ready(t, out, ended)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+d.lanLn.Addr().String()+"/die", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := new(http.Transport).RoundTrip(req); err == nil {
		_ = resp.Body.Close()
	}
	err = waitEnd(t, ended)
	if err == nil || !strings.Contains(err.Error(), "the daemon has ended") || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("got %v", err)
	}
}

func TestDemoWhoseDaemonDoesNotStart(t *testing.T) {
	d, _ := newDemo(t, roleBroken)
	err := d.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "guest.interface: no such interface") {
		t.Errorf("got %v", err)
	}
}

func TestDemoThatCannotRunSaysWhatToDo(t *testing.T) {
	d, _ := newDemo(t, roleVouchsafe)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d.guestAddr = ln.Addr().String()
	if err := d.run(t.Context()); err == nil || !strings.Contains(err.Error(), "choose another address with --guest") {
		t.Errorf("a busy port: %v", err)
	}
	d.guestAddr, d.binary = "127.0.0.1:0", filepath.Join(t.TempDir(), "vouchsafe")
	if err := d.run(t.Context()); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("no daemon: %v", err)
	}
}

// startLab runs vouchsafe-lab as a process of its own.
func startLab(t *testing.T, d *demo, args ...string) (*exec.Cmd, *lockedBuffer, <-chan error) {
	t.Helper()
	cmd := exec.Command(d.binary, append([]string{"--id", d.id, "--vouchsafe", d.binary, "--lan", d.lanAddr, "--guest", d.guestAddr}, args...)...)
	cmd.Env = append(os.Environ(), roleEnv+"="+roleLab)
	out := new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second // its orphans hold the pipe
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		if errors.Is(err, exec.ErrWaitDelay) {
			err = nil // it ended well, and only what it printed was waited for
		}
		ended <- err
	}()
	return cmd, out, ended
}

func TestSecondRunAfterKill(t *testing.T) {
	d, _ := newDemo(t, roleVouchsafe)
	first, out, ended := startLab(t, d)
	ready(t, out, ended)

	// On the same ports, as two times `make run` would be.
	d.lanAddr = regexp.MustCompile(`(127\.\S+)/ is the router's LAN side`).FindStringSubmatch(out.String())[1]
	_, beside, besideEnded := startLab(t, d)
	if err := waitEnd(t, besideEnded); err == nil || !strings.Contains(beside.String(), fmt.Sprintf("kill %d", first.Process.Pid)) {
		t.Errorf("a second run beside the first: %v\n%s", err, beside)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = waitEnd(t, ended)

	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		again, out, ended := startLab(t, d)
		ready(t, out, ended)
		if err := again.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := waitEnd(t, ended); err != nil {
			t.Errorf("%v: %v\n%s", sig, err, out)
		}
		if found, err := netlab.Remains(d.id); err != nil || len(found) != 0 {
			t.Errorf("%v left behind: %v, %v", sig, found, err)
		}
	}
}

func TestClean(t *testing.T) {
	d, _ := newDemo(t, roleVouchsafe)
	first, out, ended := startLab(t, d)
	ready(t, out, ended)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = waitEnd(t, ended)
	cmd := exec.CommandContext(t.Context(), d.binary, "clean", "--id", d.id)
	cmd.Env = append(os.Environ(), roleEnv+"="+roleLab)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("clean: %v\n%s", err, out)
	}
}

func TestCreateVoucherErrors(t *testing.T) {
	for _, answer := range []string{
		`{"message":"API is not enabled","error":true}`, `{"error":false}`, `<html>`, ``,
	} {
		f := newFakeInternet(t)
		f.serve("x", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
		if v, err := createVoucher(t.Context(), new(http.Client), f.servers["x"].URL, "k"); err == nil {
			t.Errorf("%s: %+v", answer, v)
		}
	}
	if _, err := createVoucher(t.Context(), new(http.Client), "http://127.0.0.1:1/", "k"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
}
