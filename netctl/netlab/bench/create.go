package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	"github.com/vouchsafe/vouchsafe/store"
)

const createHow = `Vouchers are made one by one, and by 32 callers at once, in turns: through bare
bbolt, configured as it is by default (a record of a voucher's size, one bucket, one
transaction with its two syncs for each), through the store's Update (with its indexes),
and through the action API over HTTP from the LAN on connections that are kept, by a client
that does no more than write a request and read its answer. Each is
on the disk before it is acknowledged, in files of their own in the same directory. The
targets are for the ratio to bare bbolt. Further rows, without a target, compare like
with like: our API beside a bare net/http server in a process of its own, asked over the
same network on kept connections, that commits to bare bbolt before it answers the same
bytes; and, for 32 at once, beside bbolt's Batch told that 32 make a batch, which shares
commits as our store does. A turn is 100 to 1,500 vouchers; ratios are of neighbouring turns.
The same one by one on a slow disk, 200 in a turn (the kernel slows a disk down in slices
of a tenth of a second, which shorter turns show): ext4 on a loop device that the kernel
lets do 2,000 writes a second, some of which are the file system's own.
In bulk, 10,000 are made through the store in one transaction, and through the control
socket in two requests of 5,000, which is its limit.`

const atOnce = 32

// maker is a place where vouchers are made.
type maker struct {
	bolt   *boltLoop
	db     *store.DB
	house  *house
	wires  []*wire // to the daemon
	served []*wire // to a bare server that commits
	server *bare
	count  atomic.Int64

	request []byte // to the daemon
}

// creation measures making vouchers.
func creation(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "Making vouchers", How: createHow}
	m, err := newMaker(ctx, r, nil)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.oneByOne(ctx, r, &s); err != nil {
		return s, fmt.Errorf("one by one: %w", err)
	}
	if err := slowly(ctx, r, &s); err != nil {
		return s, fmt.Errorf("on a slow disk: %w", err)
	}
	if err := m.together(ctx, r, &s); err != nil {
		return s, fmt.Errorf("%d at once: %w", atOnce, err)
	}
	if err := m.bulk(ctx, r, &s); err != nil {
		return s, fmt.Errorf("in bulk: %w", err)
	}
	return s, nil
}

// newMaker makes a place on a disk; nil: the lab's own.
func newMaker(ctx context.Context, r *run, disk *slowDisk) (m *maker, err error) {
	m = &maker{}
	o := houseOptions{suffix: "make"}
	if disk != nil {
		o = houseOptions{suffix: "slow", data: filepath.Join(disk.dir, "data")}
	}
	if m.house, err = newHouse(ctx, r, o); err != nil {
		return nil, err
	}
	dir := filepath.Join(filepath.Dir(m.house.DataDir()), "bare") // the same disk, gone with the lab
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if m.bolt, err = openBolt(filepath.Join(dir, "bare.db")); err != nil {
		return nil, err
	}
	if m.db, err = openStore(ctx, filepath.Join(dir, "store.db")); err != nil {
		return nil, err
	}
	m.request = asking(netlab.RouterLAN4, "/api/", m.house.ask("create_voucher", nil))
	if err := redial(ctx, m.house.LAN(), apiAt, &m.wires, 1); err != nil {
		return nil, err
	}
	answer, err := m.ask(m.wires[0])
	if err != nil {
		return nil, err
	}
	m.server, err = r.startBare(ctx, m.house.Router(), m.house.LAN(), servedAt, servedAt, plainAnswer(answer),
		"--commits", filepath.Join(dir, "served.db"))
	return m, err
}

// Where the API and the bare server listen.
const (
	apiAt    = netlab.RouterLAN4 + ":80"
	servedAt = netlab.RouterLAN4 + ":8098"
)

// redial sees to it that there are n connections to a server, none of which was
// unused for long: a server hangs up on who says nothing. The listener of the API
// gives one address 32.
func redial(ctx context.Context, from *netlab.Host, to string, wires *[]*wire, n int) error {
	const fresh = 5 * time.Second
	for i := range n {
		if i < len(*wires) && time.Since((*wires)[i].used) < fresh {
			continue
		}
		w, err := dialWire(ctx, from, to)
		if err != nil {
			return err
		}
		if i < len(*wires) {
			(*wires)[i].close()
			(*wires)[i] = w
		} else {
			*wires = append(*wires, w)
		}
	}
	return nil
}

// again asks on a connection, and once more on a new one if the server had hung up:
// the caller may have waited for a processor for longer than a server waits.
func again(ctx context.Context, from *netlab.Host, to string, w **wire, ask func(*wire) error) error {
	err := ask(*w)
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	fresh, dialErr := dialWire(ctx, from, to)
	if dialErr != nil {
		return errors.Join(err, dialErr)
	}
	(*w).close()
	*w = fresh
	return ask(fresh)
}

func (m *maker) close() error {
	for _, w := range append(m.wires, m.served...) {
		w.close()
	}
	var errs []error
	if m.server != nil {
		errs = append(errs, m.server.stop())
	}
	if m.bolt != nil {
		errs = append(errs, m.bolt.close())
	}
	if m.db != nil {
		errs = append(errs, m.db.Close())
	}
	return errors.Join(append(errs, m.house.close())...)
}

// way is one of the ways to make a voucher, as caller i.
type way struct {
	name string
	n    int // vouchers in a turn
	make func(ctx context.Context, i int) error
	// ready, if not nil, prepares a turn of some callers.
	ready func(ctx context.Context, callers int) error
	rate  Sample
}

func (m *maker) viaStore(ctx context.Context, _ int) error {
	v := seedVoucher(int(m.count.Add(1)))
	return m.db.Update(ctx, func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
}

// viaAPI is the way through the action API, n in a turn.
func (m *maker) viaAPI(n int) *way {
	return &way{
		name: "action API", n: n,
		make: func(ctx context.Context, i int) error {
			return again(ctx, m.house.LAN(), apiAt, &m.wires[i], func(w *wire) error {
				_, err := m.ask(w)
				return err
			})
		},
		ready: func(ctx context.Context, callers int) error {
			return redial(ctx, m.house.LAN(), apiAt, &m.wires, callers)
		},
	}
}

// ask makes a voucher through the API.
func (m *maker) ask(w *wire) ([]byte, error) {
	out, err := w.ask(m.request)
	if err == nil && !bytes.Contains(out, []byte("User added successfully")) {
		err = fmt.Errorf("create_voucher: %s", out)
	}
	return out, err
}

// viaServer asks the bare server the same.
func (m *maker) viaServer(name, path string, n int) *way {
	request := asking(netlab.RouterLAN4, path, m.house.ask("create_voucher", nil))
	return &way{
		name: name, n: n,
		make: func(ctx context.Context, i int) error {
			return again(ctx, m.house.LAN(), servedAt, &m.served[i], func(w *wire) error {
				_, err := w.ask(request)
				return err
			})
		},
		ready: func(ctx context.Context, callers int) error {
			return redial(ctx, m.house.LAN(), servedAt, &m.served, callers)
		},
	}
}

// turns makes vouchers each way by some callers, over and over, and collects
// the rates.
func turns(ctx context.Context, rounds, callers int, ways []*way) error {
	for range rounds {
		for _, w := range ways {
			if w.ready != nil {
				if err := w.ready(ctx, callers); err != nil {
					return fmt.Errorf("%s: %w", w.name, err)
				}
			}
			begun := time.Now()
			var g errgroup.Group
			var next atomic.Int64
			for i := range callers {
				g.Go(func() error {
					for next.Add(1) <= int64(w.n) {
						if err := w.make(ctx, i); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err := g.Wait(); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			w.rate = append(w.rate, float64(w.n)/time.Since(begun).Seconds())
		}
	}
	return nil
}

const bareServer = "bare net/http with a commit of bare bbolt"

// singly are the ways to make vouchers one by one, n in a turn.
func (m *maker) singly(n int) (bare, db, server, api *way) {
	bare = &way{name: "bare bbolt", n: n, make: func(context.Context, int) error { return m.bolt.update() }}
	db = &way{name: "store", n: n, make: m.viaStore}
	return bare, db, m.viaServer(bareServer, "/", n), m.viaAPI(n)
}

// slowly makes vouchers one by one on a slow disk, if there can be one.
func slowly(ctx context.Context, r *run, s *Section) (err error) {
	disk, err := r.newSlowDisk(ctx)
	if err != nil {
		s.note(fmt.Sprintf("On a slow disk nothing was measured on this machine: %s.", err))
		return nil
	}
	defer func() { err = errors.Join(err, disk.close()) }()
	m, err := newMaker(ctx, r, disk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	bare, db, server, api := m.singly(pick(r, 200, 3))
	if err := turns(ctx, pick(r, 15, 1), 1, []*way{bare, db, server, api}); err != nil {
		return err
	}
	const how = "one by one on a slow disk"
	s.judge(how, db, bare)
	s.judge(how, api, bare)
	s.compare(how, api, server)
	return nil
}

func (m *maker) oneByOne(ctx context.Context, r *run, s *Section) error {
	bare, db, server, api := m.singly(pick(r, 100, 20))
	if err := turns(ctx, pick(r, 31, 1), 1, []*way{bare, db, server, api}); err != nil {
		return err
	}
	const how = "one by one"
	s.judge(how, db, bare)
	s.judge(how, api, bare)
	s.compare(how, api, server)
	s.chart(how, "create-one", bare, db, server, api)
	s.note(extraCost(bare, db))
	s.note(extraCost(bare, api))
	s.note(extraCost(bare, server))
	return nil
}

func (m *maker) together(ctx context.Context, r *run, s *Section) error {
	m.bolt.db.MaxBatchSize = atOnce
	n, slow := pick(r, 1500, 60)/atOnce*atOnce, pick(r, 500, 60)/atOnce*atOnce
	bare := &way{name: "bare bbolt, Update", n: slow, make: func(context.Context, int) error { return m.bolt.update() }}
	batch := &way{name: "bare bbolt, Batch of 32", n: n, make: func(context.Context, int) error { return m.bolt.batch() }}
	db := &way{name: "store", n: n, make: m.viaStore}
	server, shared, api := m.viaServer(bareServer, "/", slow), m.viaServer("bare net/http with Batch of 32", "/batch", n), m.viaAPI(n)
	if err := turns(ctx, pick(r, 15, 1), atOnce, []*way{bare, db, batch, server, api, shared}); err != nil {
		return err
	}
	how := fmt.Sprintf("%d at once", atOnce)
	s.judge(how, db, bare)
	s.judge(how, api, bare)
	s.compare(how, db, batch)
	s.compare(how, api, server)
	s.compare(how, api, shared)
	s.chart(how, "create-many", bare, batch, db, server, shared, api)
	return nil
}

// extraCost says what one voucher costs beyond the bare commit. On a fast disk
// that decides the ratio, on a slow one the disk does.
func extraCost(bare, w *way) string {
	commit := 1000 / bare.rate.Median()
	extra := 1000/w.rate.Median() - commit
	return fmt.Sprintf("One by one, a voucher through the %s takes %.2f ms more than a bare commit, which takes %.2f ms on this disk. "+
		"If that stayed the same on a slower disk, the ratio would be 0.8 where a bare commit takes %.1f ms: computed, not measured.",
		w.name, extra, commit, 4*extra)
}

// judge states the rate of one of our ways beside the bare loop, which has a
// target.
func (s *Section) judge(how string, ours, bare *way) {
	s.ratio(how, ours, bare, "≥ 0.8 of bare bbolt", atLeast(ours.rate.Over(bare.rate).Median(), 0.8))
}

// compare states it beside something else, without a target.
func (s *Section) compare(how string, ours, other *way) { s.ratio(how, ours, other, "", NoGoal) }

func (s *Section) ratio(how string, ours, other *way, target string, v Verdict) {
	u := rateUnit()
	s.figure(fmt.Sprintf("create_voucher durable, %s, %s over %s", how, ours.name, other.name),
		u.with(ours.rate.Median())+", ratio "+ratioUnit().spread(ours.rate.Over(other.rate)), other.name+" "+u.with(other.rate.Median()), target, v)
}

func (s *Section) chart(how, name string, ways ...*way) {
	p := Plot{Name: name, Title: "Vouchers a second, " + how, Unit: rateUnit().name}
	for _, w := range ways {
		p.Rows = append(p.Rows, PlotRow{w.name, w.rate, strings.HasPrefix(w.name, "bare")})
	}
	s.Plots = append(s.Plots, p)
}

// bulkPart is how many vouchers the control API makes at once.
const bulkPart = 5000

func (m *maker) bulk(ctx context.Context, r *run, s *Section) error {
	var bare, ours, api Sample
	const n = 2 * bulkPart
	for range pick(r, 5, 1) {
		took, err := timed(func() error { return m.bolt.bulk(n) })
		if err != nil {
			return err
		}
		bare = append(bare, took)
		took, err = timed(func() error {
			return m.db.Update(ctx, func(tx hotspot.Tx) error {
				for range n {
					v := seedVoucher(int(m.count.Add(1)))
					if err := tx.PutVoucher(&v); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		ours = append(ours, took)
		if took, err = timed(func() error { return m.bulkAPI(ctx, n) }); err != nil {
			return err
		}
		api = append(api, took)
	}
	u := msUnit()
	beside := "bare bbolt, one transaction: " + u.with(bare.Median())
	s.figure("bulk of 10,000 vouchers, store", u.spread(ours), beside, "≤ 2000 ms", atMost(ours.Median(), 2000))
	s.figure("bulk of 10,000 vouchers, control socket", u.spread(api), beside, "≤ 2000 ms", atMost(api.Median(), 2000))
	s.Plots = append(s.Plots, Plot{Name: "create-bulk", Title: "10,000 vouchers in bulk", Unit: "ms", Goal: 2000, GoalText: "2 s",
		Rows: []PlotRow{{"bare bbolt", bare, true}, {"store", ours, false}, {"control socket", api, false}}})
	return nil
}

func timed(f func() error) (float64, error) {
	begun := time.Now()
	err := f()
	return millis(time.Since(begun)), err
}

// bulkAPI makes n vouchers through the control socket.
func (m *maker) bulkAPI(ctx context.Context, n int) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(m.house.DataDir(), "control.sock"))
	if err != nil {
		return err
	}
	w, err := newWire(c)
	if err != nil {
		return err
	}
	defer w.close()
	request := asking("vouchsafe", "/api/v1/vouchers", fmt.Appendf(nil, `{"count":%d}`, bulkPart))
	for range n / bulkPart {
		if _, err := w.ask(request); err != nil {
			return err
		}
	}
	return nil
}
