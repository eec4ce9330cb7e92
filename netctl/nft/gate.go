package nft

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl"
)

// Gate implements [hotspot.Gate] with nftables.
type Gate struct {
	log   *slog.Logger
	start time.Time
	table string
	netns int

	// lost is set when somebody else has touched the table, until it is
	// installed again.
	lost    atomic.Bool
	watched atomic.Int32  // calls of Watch that listen
	closed  chan struct{} // closed by Close

	// overruns are the times that the kernel had more events than room for them.
	overruns atomic.Uint64

	turn    chan struct{} // holds one token, which guards all below
	cfg     Config
	sets    []set
	sock    *socket // nf_tables
	flows   *socket // conntrack
	state   *netctl.State
	destroy uint16 // DESTROYSETELEM, or 0 if the kernel does not have it
	filter  bool   // the kernel has CTA_FILTER, as far as is known
}

var _ hotspot.Gate = (*Gate)(nil)

// New makes a gate; nothing works before [Gate.Open]. It needs CAP_NET_ADMIN.
func New(cfg Config) (*Gate, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("nftables: %w", err)
	}
	g := &Gate{
		cfg: cfg, log: cfg.Log.With("component", "nft"), start: time.Now(), table: cfg.Table, netns: cfg.NetNS,
		sets: layout(uint32(cfg.MaxGuests)), turn: make(chan struct{}, 1),
		closed: make(chan struct{}),
		state:  netctl.NewState(), destroy: msgDestroyElem, filter: true,
	}
	if g.sock, err = dial(cfg.NetNS); err != nil {
		return nil, err
	}
	if g.flows, err = dial(cfg.NetNS); err != nil {
		return nil, errors.Join(err, g.sock.close())
	}
	g.turn <- struct{}{}
	return g, nil
}

// Close gives up the sockets. The kernel keeps deciding by what was set.
func (g *Gate) Close() error {
	select {
	case <-g.closed:
		return nil
	case <-g.turn: // never put back
		close(g.closed)
	}
	return errors.Join(g.sock.close(), g.flows.close())
}

// now is the time on the clock in which deadlines are kept.
func (g *Gate) now() time.Duration { return time.Since(g.start) }

// locked runs f while no other call runs, with the table known to be in place.
func (g *Gate) locked(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-g.closed:
		return domain(ErrClosed)
	case <-g.turn:
	}
	defer func() { g.turn <- struct{}{} }()
	if g.lost.Load() {
		if err := g.install(); err != nil {
			return domain(err)
		}
	}
	return domain(f())
}

// grantsPerCommit bounds the size of one transaction, and with it the memory
// that it takes.
const grantsPerCommit = 2500

// Set implements [hotspot.Gate].
func (g *Gate) Set(ctx context.Context, passes ...hotspot.Pass) error {
	passes, err := netctl.Clean(passes)
	if err != nil {
		return err
	}
	return g.locked(ctx, func() error {
		for len(passes) > 0 {
			n, grants := 0, 0
			for n < len(passes) && (n == 0 || grants+len(passes[n].Grants) <= grantsPerCommit) {
				grants += len(passes[n].Grants)
				n++
			}
			if err := g.set(passes[:n]); err != nil {
				return err
			}
			passes = passes[n:]
		}
		return nil
	})
}

// set carries out one transaction. If the kernel holds something else than the
// mirror says, the mirror is read again.
func (g *Gate) set(passes []hotspot.Pass) error {
	var gone []netip.Addr
	err := g.try(func() ([]netctl.Op, error) {
		if err := g.note(g.state.Changing(passes)); err != nil {
			return nil, err
		}
		plan := g.state.Plan(passes, g.now())
		gone = plan.Gone
		return plan.Ops, nil
	})
	if err != nil {
		return err
	}
	g.state.Close(passes)
	return g.flush(gone)
}

// try plans and commits until the kernel takes the plan.
func (g *Gate) try(plan func() ([]netctl.Op, error)) error {
	var err error
	for range attempts {
		var ops []netctl.Op
		if ops, err = plan(); err == nil {
			err = g.commit(ops)
		}
		if err == nil {
			return nil
		}
		if err = g.recover(err); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w, %d times", ErrInterrupted, attempts)
}

// errReplan says that the plan must be made again, with the mirror as it is.
var errReplan = errors.New("nftables: plan again")

// recover makes the mirror right after a failed commit; nil means try again.
func (g *Gate) recover(err error) error {
	switch {
	case errors.Is(err, errReplan):
		return nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EEXIST), errors.Is(err, unix.EBUSY):
		g.log.Debug("the kernel holds something else than expected", "err", err)
		if err = g.refresh(); errors.Is(err, unix.ENOENT) {
			err = g.install() // the table is missing
		}
		return err
	}
	return err
}

// commit carries out ops as one transaction and records them.
func (g *Gate) commit(ops []netctl.Op) error {
	if len(ops) == 0 {
		return nil
	}
	e := g.encoder()
	e.ops(ops)
	refusals, err := g.sock.commit(e.batch)
	if err != nil {
		return err
	}
	if len(refusals) == 0 {
		g.state.Apply(ops, g.now())
		return nil
	}
	return g.refused(e, refusals)
}

// refused finds out what to do about a transaction that was not carried out.
func (g *Gate) refused(e encoder, refusals []refusal) error {
	var busy []netctl.Op
	for _, r := range refusals {
		if op, ok := e.drops[r.seq]; ok && r.errno == unix.EBUSY {
			busy = append(busy, op)
		}
	}
	if len(busy) == len(refusals) {
		// Elements that have ended still hold the objects until the kernel
		// clears them away. They can be dropped later.
		g.state.Abandon(busy)
		return errReplan
	}
	if _, ok := e.destroys[refusals[0].seq]; ok && refusals[0].errno == unix.EINVAL {
		g.destroy = 0 // the kernel is older than 6.3
		return errReplan
	}
	return &Error{Op: "commit", Errno: refusals[0].errno}
}

// Forget implements [hotspot.Gate].
func (g *Gate) Forget(ctx context.Context, sessions ...uint64) error {
	return g.locked(ctx, func() error {
		return g.try(func() ([]netctl.Op, error) { return g.state.Forget(sessions), nil })
	})
}

// sweep drops those abandoned objects that nothing holds any more. The next
// reading finds what could not be dropped: a transaction that fails costs far
// more than one that succeeds.
func (g *Gate) sweep(free []netctl.Op) {
	if err := g.commit(free); err != nil {
		g.log.Debug("cannot clear away objects", "count", len(free), "err", err)
	}
}
