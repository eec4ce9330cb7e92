package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// childJob tells a copy of this test program what to do instead of testing.
const childJob = "VOUCHSAFE_STORE_TEST_CHILD"

// child runs the job of a child process, if this is one.
func child() bool {
	job, path, ok := strings.Cut(os.Getenv(childJob), " ")
	switch {
	case !ok:
		return false
	case job == "create":
		childCreate(path)
	case job == "limit":
		childLimit(path)
	}
	return true
}

func childOpen(path string) *DB {
	opts, log := options("")
	opts.Path = path
	db, err := Open(context.Background(), opts)
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	if db.Recovery() != nil {
		fmt.Println("recovered:", log)
		os.Exit(1)
	}
	return db
}

// childCreate creates vouchers from some goroutines, and prints the username
// of each when it is acknowledged, until it is killed.
func childCreate(path string) {
	db := childOpen(path)
	ctx := context.Background()
	run := time.Now().UnixNano() // a process's number comes again
	var mu sync.Mutex            // guards the output
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				v := voucher(0)
				v.Username = fmt.Sprintf("%d-%d-%d", run, g, n)
				err := db.Update(ctx, func(tx hotspot.Tx) error {
					if err := tx.PutVoucher(&v); err != nil || n%5 != 4 {
						return err
					}
					return tx.DeleteVoucher(v.ID) // now and then one goes again, so that pages get free
				})
				if err == nil && n%7 == 6 && g == 0 {
					err = db.Compact(ctx)
				}
				mu.Lock()
				if err != nil {
					fmt.Println("error:", err)
					os.Exit(1)
				}
				if n%5 != 4 {
					fmt.Printf("%s %d\n", v.Username, v.ID)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestKill kills a process that creates vouchers, many times. Each that was
// acknowledged must be there, and the store whole.
func TestKill(t *testing.T) {
	opts, _ := options(t.TempDir())
	acked := map[string]uint64{}
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		killOnce(t, opts.Path, acked, time.Duration(5+rand.IntN(60))*time.Millisecond)
		db := open(t, opts)
		if db.Recovery() != nil {
			t.Fatalf("round %d: %v", round, db.Recovery())
		}
		look(t, db, func(r hotspot.Reader) error {
			for name, id := range acked {
				if v, err := r.VoucherByUsername(name); err != nil || v.ID != id {
					t.Errorf("round %d: %s was acknowledged with id %d; now %d, %v", round, name, id, v.ID, err)
				}
			}
			return nil
		})
		closeChecked(t, db)
		if t.Failed() {
			break
		}
	}
	t.Logf("%d kills, %d vouchers acknowledged", rounds, len(acked))
	if len(acked) < rounds {
		t.Error("hardly any voucher was created: the test tests nothing")
	}
}

// killOnce runs a child, kills it some time after its first voucher, and notes
// all that it acknowledged.
func killOnce(t *testing.T, path string, acked map[string]uint64, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childJob+"=create "+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		name, num, ok := strings.Cut(lines.Text(), " ")
		id, err := strconv.ParseUint(num, 10, 64)
		if !ok || err != nil {
			if strings.Count(name, "-") == 2 && !ok {
				break // cut off by the kill
			}
			_ = cmd.Process.Kill()
			t.Fatalf("the child says %q", lines.Text())
		}
		acked[name] = id
		if first {
			time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
		}
	}
}
