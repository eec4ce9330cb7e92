package webhooks

import (
	"context"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// lookEvery is how often is looked for events that no change brings about,
	// and for a clock that can be believed.
	lookEvery = 5 * time.Second
	// idle is the longest rest.
	idle = time.Hour
	// drowsy is the longest rest while something waits: the clock may be set.
	drowsy = time.Minute
)

// Run tells endpoints of events until ctx ends, which is the only nil return.
func (w *Webhooks) Run(ctx context.Context) error {
	var sends sync.WaitGroup
	defer sends.Wait()
	defer w.http.CloseIdleConnections()
	for ctx.Err() == nil {
		w.report(ctx, "events for webhooks could not be stored; it will be tried again", w.cfg.Events.Look(ctx))
		w.report(ctx, "the events that wait could not be read; it will be tried again", w.load(ctx))
		wait := w.start(ctx, &sends)
		if w.looks() {
			wait = min(wait, lookEvery)
		}
		select {
		case <-ctx.Done():
		case <-w.cfg.Events.EventsAdded():
		case <-w.wake:
		case <-w.cfg.After(wait):
		}
	}
	return nil
}

// report logs an error once, until it is another one.
func (w *Webhooks) report(ctx context.Context, text string, err error) {
	is := ""
	if err != nil && ctx.Err() == nil {
		is = err.Error()
	}
	w.mu.Lock()
	news := is != w.said[text] && is != ""
	w.said[text] = is
	w.mu.Unlock()
	if news {
		w.log.Error(text, "error", err)
	}
}

// looks reports whether events are wanted that must be looked for.
func (w *Webhooks) looks() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.hooks {
		for _, t := range h.types() {
			if h.Enabled && (t == hotspot.EventExhausted || t == hotspot.EventSeen) {
				return true
			}
		}
	}
	return false
}

// start sends what is due and returns how long nothing else is.
func (w *Webhooks) start(ctx context.Context, sends *sync.WaitGroup) time.Duration {
	now, believed := w.cfg.Events.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	pending := false
	for _, q := range w.queue {
		pending = pending || len(q.to) > 0
	}
	w.clock = pending && !believed
	if !pending {
		return idle
	}
	if !believed {
		return lookEvery
	}
	w.tooOld(now)
	wait := drowsy
	for _, h := range w.hooks {
		if !h.Enabled {
			continue
		}
		seq, rest := w.pick(h, now)
		wait = min(wait, rest)
		if seq == 0 {
			continue
		}
		p := w.state[h.id]
		select {
		case p.turn <- struct{}{}:
			sends.Go(func() {
				w.deliver(ctx, h, seq)
				<-p.turn
				w.raise()
			})
		default: // one request at a time
		}
	}
	return wait
}

// deliver tells an endpoint of an event once.
func (w *Webhooks) deliver(ctx context.Context, h *hook, seq uint64) {
	var e *hotspot.Event
	err := w.cfg.Store.View(ctx, func(r hotspot.Reader) error {
		list, err := r.Events(seq-1, 1)
		if len(list) == 1 && list[0].Seq == seq {
			e = &list[0]
		}
		return err
	})
	var out outcome
	var body []byte
	switch {
	case err != nil:
		out.err = hotspot.Textf("the event could not be read: %s", err)
	case e == nil: // the queue was full
		w.mu.Lock()
		delete(w.queue, seq)
		w.mu.Unlock()
		return
	default:
		if body, err = bodyOf(e); err != nil {
			out.err = hotspot.Textf("the event could not be sent: %s", err)
		}
	}
	if out.err.IsZero() {
		out = w.post(ctx, h, e.ID, body)
	}
	if ctx.Err() == nil {
		if e == nil {
			e = &hotspot.Event{}
		}
		w.done(ctx, h, seq, e, out)
	}
}

// done notes what became of a delivery.
func (w *Webhooks) done(ctx context.Context, h *hook, seq uint64, e *hotspot.Event, out outcome) {
	now, _ := w.cfg.Events.Now()
	w.mu.Lock()
	p, q := w.state[h.id], w.queue[seq]
	if p == nil || q == nil || q.to[h.id] == nil {
		w.mu.Unlock()
		return // it was removed meanwhile
	}
	d := out.delivery(h.id, e, q.to[h.id].failed+1, now)
	before := p.failures
	if d.OK {
		q.drop(h.id)
		p.failures, p.pause = 0, time.Time{}
	} else {
		d.Next = w.failed(h, seq, out, now)
	}
	w.note(d)
	w.mu.Unlock()
	switch {
	case d.OK && before > 0:
		w.log.Info("a webhook answers again", "webhook", h.id.String(), "url", h.URL, "failures", before)
	case !d.OK && before == 0:
		w.log.Warn("a webhook fails; it will be tried again", "webhook", h.id.String(), "url", h.URL, "error", d.Error.String())
	}
	if out.gone {
		w.report(ctx, "a webhook that wants no more could not be stopped; it will be tried again", w.stop(ctx, h.id))
	}
}

// goneText says why an endpoint is stopped that wants no more.
const goneText = "the receiver answered 410 Gone, so it wants no more; if it does, enable it again with `vouchsafe webhook edit --enabled on`"

// stop disables an endpoint that wants no more.
func (w *Webhooks) stop(ctx context.Context, id api.ID) error {
	return w.inTurn(ctx, func() error {
		h, err := w.find(id)
		if err != nil || !h.Enabled {
			return nil // somebody else was faster
		}
		c := *h
		c.Enabled, c.Stopped = false, goneText
		return w.keep(ctx, &c, hotspot.AuditWebhookStopped, change("enabled", "on", "off"))
	})
}
