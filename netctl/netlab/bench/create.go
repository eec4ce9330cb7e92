package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	"github.com/vouchsafe/vouchsafe/store"
)

const createHow = `Vouchers are made one by one, and by 32 callers at once, in turns: through bare
bbolt (a record of a voucher's size, one bucket, one transaction each), through the store's
Update (with its indexes), and through the action API over HTTP from the LAN on
connections that are kept. Each is on the disk before it is acknowledged, in files of
their own in the same directory. For 32 at once bare bbolt is taken at its best: of
Update by 32 callers, of its Batch as it comes, and of its Batch told that 32 make a
batch, the fastest stands beside ours. A turn is 200 to 1,500 vouchers; ratios are of
neighbouring turns. In bulk, 10,000 are made through the store in one transaction, and
through the control socket in two requests of 5,000, which is its limit.`

const atOnce = 32

// maker is a place where vouchers are made.
type maker struct {
	bolt  *boltLoop
	db    *store.DB
	house *house
	wires []*wire
	count atomic.Int64
}

// creation measures making vouchers.
func creation(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "Making vouchers", How: createHow}
	m, err := newMaker(ctx, r)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.oneByOne(ctx, r, &s); err != nil {
		return s, fmt.Errorf("one by one: %w", err)
	}
	if err := m.together(ctx, r, &s); err != nil {
		return s, fmt.Errorf("%d at once: %w", atOnce, err)
	}
	if err := m.bulk(ctx, r, &s); err != nil {
		return s, fmt.Errorf("in bulk: %w", err)
	}
	return s, nil
}

func newMaker(ctx context.Context, r *run) (m *maker, err error) {
	m = &maker{}
	if m.house, err = newHouse(ctx, r, houseOptions{suffix: "make"}); err != nil {
		return nil, err
	}
	dir := filepath.Join(m.house.Dir(), "bare") // the same disk, gone with the lab
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
	for range atOnce { // all that the listener gives one address
		w, err := dialWire(ctx, m.house.LAN(), netlab.RouterLAN4+":80")
		if err != nil {
			return nil, err
		}
		m.wires = append(m.wires, w)
	}
	return m, nil
}

func (m *maker) close() error {
	for _, w := range m.wires {
		w.close()
	}
	var errs []error
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
	base bool
	make func(ctx context.Context, i int) error
	rate Sample
}

func (m *maker) viaStore(ctx context.Context, _ int) error {
	v := seedVoucher(int(m.count.Add(1)))
	return m.db.Update(ctx, func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
}

func (m *maker) viaAPI(_ context.Context, i int) error {
	out, err := m.wires[i%len(m.wires)].post(netlab.RouterLAN4, "/api/", m.house.ask("create_voucher", nil))
	if err == nil && !bytes.Contains(out, []byte("User added successfully")) {
		err = fmt.Errorf("create_voucher: %s", out)
	}
	return err
}

// turns makes n vouchers each way by some callers, over and over, and collects
// the rates.
func turns(ctx context.Context, rounds, n, callers int, ways []*way) error {
	for range rounds {
		for _, w := range ways {
			begun := time.Now()
			var g errgroup.Group
			var next atomic.Int64
			for i := range callers {
				g.Go(func() error {
					for next.Add(1) <= int64(n) {
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
			w.rate = append(w.rate, float64(n)/time.Since(begun).Seconds())
		}
	}
	return nil
}

func (m *maker) oneByOne(ctx context.Context, r *run, s *Section) error {
	bare := &way{name: "bare bbolt", base: true, make: func(context.Context, int) error { return m.bolt.update() }}
	ours := []*way{{name: "store", make: m.viaStore}, {name: "action API", make: m.viaAPI}}
	if err := turns(ctx, pick(r, 15, 1), pick(r, 200, 20), 1, append([]*way{bare}, ours...)); err != nil {
		return err
	}
	report(s, "one by one", "create-one", bare, ours)
	for _, w := range ours {
		s.note(extraCost(bare, w))
	}
	return nil
}

func (m *maker) together(ctx context.Context, r *run, s *Section) error {
	bolts := []*way{
		{name: "bare bbolt, Update", base: true, make: func(context.Context, int) error { return m.bolt.update() }},
		{name: "bare bbolt, Batch", base: true, make: func(context.Context, int) error { return m.bolt.batch() }},
		{name: "bare bbolt, Batch of 32", base: true, make: func(context.Context, int) error { return m.bolt.batch() }},
	}
	size := m.bolt.db.MaxBatchSize
	callers := len(m.wires)
	ours := []*way{{name: "store", make: m.viaStore}, {name: "action API", make: m.viaAPI}}
	for range pick(r, 12, 1) {
		for _, w := range append(bolts[:len(bolts):len(bolts)], ours...) {
			m.bolt.db.MaxBatchSize = size
			n := pick(r, 1500, 60)
			if w == bolts[1] {
				n = pick(r, 600, 60) // it waits 10 ms for each batch
			}
			if w == bolts[2] {
				m.bolt.db.MaxBatchSize = callers
			}
			if err := turns(ctx, 1, n/callers*callers, callers, []*way{w}); err != nil {
				return err
			}
		}
	}
	best := bolts[0]
	for _, w := range bolts {
		if w.rate.Median() > best.rate.Median() {
			best = w
		}
		s.note(fmt.Sprintf("%d at once, %s: %s.", callers, w.name, rateUnit().spread(w.rate)))
	}
	report(s, fmt.Sprintf("%d at once", callers), "create-many", best, ours)
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

// report states the rates of our ways beside the bare one.
func report(s *Section, how, plot string, bare *way, ours []*way) {
	u := rateUnit()
	p := Plot{Name: plot, Title: "Vouchers a second, " + how, Unit: u.name, Rows: []PlotRow{{bare.name, bare.rate, true}}}
	for _, w := range ours {
		ratio := w.rate.Over(bare.rate)
		s.figure(fmt.Sprintf("create_voucher durable, %s, %s", how, w.name), u.with(w.rate.Median())+", ratio "+ratioUnit().spread(ratio),
			bare.name+" "+u.with(bare.rate.Median()), "≥ 0.8 of bare bbolt", atLeast(ratio.Median(), 0.8))
		p.Rows = append(p.Rows, PlotRow{w.name, w.rate, false})
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
	w := &wire{conn: c, in: bufio.NewReader(c)}
	defer w.close()
	for range n / bulkPart {
		if _, err := w.post("vouchsafe", "/api/v1/vouchers", fmt.Appendf(nil, `{"count":%d}`, bulkPart)); err != nil {
			return err
		}
	}
	return nil
}
