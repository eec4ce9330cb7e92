package store

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// maxBatch bounds how many updates share a commit.
const maxBatch = 256

// queue makes concurrent updates share commits, each of which costs a sync of
// the flash. There is no timer: an update that comes alone is committed at
// once, by its caller, and those that come while a commit runs wait for it to
// end and then go together, committed by a goroutine of the queue's.
//
// Each function runs on the goroutine of its caller, one after the other: the
// committer lends the transaction to each in turn. So a panic unwinds where it
// belongs and harms nobody else. A function that failed after it wrote takes
// its transaction with it: it is rolled back, and the others run again
// without it.
type queue struct {
	engine engine

	mu      sync.Mutex // guards the three below
	waiting []*request
	running bool // there is a committer, or an update that is its own
	closed  bool

	committer sync.WaitGroup

	commits, updates, failures atomic.Uint64
}

// request is one update in the queue.
type request struct {
	alone bool          // it gets the writer's place without a transaction
	turn  chan writer   // lends the transaction
	reply chan outcome  // gives it back
	done  chan struct{} // closed when err is final
	err   error
}

// outcome is how one turn ended.
type outcome struct {
	err  error
	gone bool // the function panicked; nobody waits for an answer
}

// update runs f in a transaction and returns when it is durable. f may run
// more than once.
func (q *queue) update(ctx context.Context, f func(writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if q.idle() {
		return q.single(f)
	}
	return q.run(ctx, &request{}, f)
}

// idle reports that nobody has the writer's place, and takes it.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.running {
		return false
	}
	q.running = true
	q.committer.Add(1)
	return true
}

// single runs an update that has the writer's place to itself. Two switches
// between goroutines, which it spares, cost a tenth of a commit.
func (q *queue) single(f func(writer) error) error {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer q.pass()
	w, err := q.engine.begin()
	if err != nil {
		return q.failed(err)
	}
	open := true
	defer func() {
		if open { // also when f panics
			w.rollback()
		}
	}()
	if err := f(w); err != nil {
		return err
	}
	open = false
	return q.seal(w, 1)
}

// pass gives the writer's place to those who came meanwhile.
func (q *queue) pass() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = len(q.waiting) > 0
	if q.running {
		q.committer.Go(q.drain)
	}
	q.committer.Done()
}

// alone runs f while there is no write transaction.
func (q *queue) alone(ctx context.Context, f func() error) error {
	return q.run(ctx, &request{alone: true}, func(writer) error { return f() })
}

func (q *queue) run(ctx context.Context, r *request, f func(writer) error) error {
	r.turn, r.reply, r.done = make(chan writer), make(chan outcome, 1), make(chan struct{})
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := q.join(r); err != nil {
		return err
	}
	cancelled := ctx.Done()
	for {
		select {
		case w := <-r.turn:
			r.take(ctx, w, f)
		case <-r.done:
			return r.err
		case <-cancelled:
			if q.leave(r) {
				return ctx.Err()
			}
			cancelled = nil // too late to leave: its turn comes now
		}
	}
}

// take runs f with the transaction that was lent, and gives it back in any
// case.
func (r *request) take(ctx context.Context, w writer, f func(writer) error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	out := outcome{gone: true}
	defer func() { r.reply <- out }()
	err := ctx.Err()
	if err == nil {
		err = f(w)
	}
	out = outcome{err: err}
}

func (q *queue) join(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.waiting = append(q.waiting, r)
	if !q.running {
		q.running = true
		q.committer.Go(q.drain)
	}
	return nil
}

// leave takes a request out that no batch has yet.
func (q *queue) leave(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if w == r {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// next returns what goes into the next commit; nothing ends the committer.
func (q *queue) next() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.waiting) && n < maxBatch && !q.waiting[n].alone {
		n++
	}
	if n == 0 && len(q.waiting) > 0 {
		n = 1 // one that must be alone
	}
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	q.running = n > 0
	return batch
}

// drain is the committer: it runs while there is something to commit.
func (q *queue) drain() {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for {
		batch := q.next()
		switch {
		case len(batch) == 0:
			return
		case batch[0].alone:
			r := batch[0]
			r.finish(r.lend(nil).err)
		default:
			q.commit(batch)
			if len(batch) > 1 {
				// Those that were told just now often come back at once. Let
				// them, or every other commit goes without them.
				runtime.Gosched()
			}
		}
	}
}

// close lets what is queued finish and refuses anything new.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.committer.Wait()
}

// lend lets a request run its function.
func (r *request) lend(w writer) outcome {
	r.turn <- w
	return <-r.reply
}

func (r *request) finish(err error) {
	r.err = err
	close(r.done)
}

// commit runs a batch and commits it. A failure of a function that ran after
// others had written is not believed, since it may come from what they wrote
// and may yet lose: it runs again by itself when they are done.
func (q *queue) commit(live []*request) {
	var again []*request
	for len(live) > 0 {
		w, err := q.engine.begin()
		if err != nil {
			err = q.failed(err)
			for _, r := range live {
				r.finish(err)
			}
			break
		}
		t := attempt(w, live)
		again = append(again, t.unsure...)
		if t.whole {
			q.end(w, t.kept)
			break
		}
		w.rollback()
		live = append(t.kept, t.rest...)
	}
	for _, r := range again {
		q.commit([]*request{r})
	}
}

// trial is what became of a batch's functions in one transaction.
type trial struct {
	kept   []*request // succeeded
	rest   []*request // not run
	unsure []*request // failed after others had written
	whole  bool       // all of kept, and only that, is in the transaction
}

// attempt runs functions in a transaction until one fails after it wrote.
func attempt(w writer, live []*request) (t trial) {
	for i, r := range live {
		before := w.applied()
		out := r.lend(w)
		switch {
		case out.gone:
		case out.err == nil:
			t.kept = append(t.kept, r)
			continue
		case before > 0:
			t.unsure = append(t.unsure, r)
		default:
			r.finish(out.err)
		}
		if out.gone || w.applied() != before {
			t.rest = live[i+1:]
			return t
		}
	}
	t.whole = true
	return t
}

// end commits the transaction and tells everybody in it.
func (q *queue) end(w writer, batch []*request) {
	err := q.seal(w, len(batch))
	for _, r := range batch {
		r.finish(err)
	}
}

// seal commits the transaction of some updates.
func (q *queue) seal(w writer, updates int) error {
	if w.applied() == 0 {
		w.rollback()
	} else {
		if err := w.commit(); err != nil {
			return q.failed(err)
		}
		q.commits.Add(1)
	}
	q.updates.Add(uint64(updates))
	return nil
}

// failed counts a transaction that the engine refused.
func (q *queue) failed(err error) error {
	q.failures.Add(1)
	return unavailable(err)
}
