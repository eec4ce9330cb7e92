package cloud

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud/peer"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// question is a request for a router.
type question struct {
	router string
	client netip.Addr
	path   string
	head   http.Header // for the router
	body   []byte
}

// place is where a router is.
type place struct {
	here  *held // picked; nil: it is at another relay
	there Node
}

func errNotConnected() *Error {
	return refuse(http.StatusServiceUnavailable, "the router is not connected")
}

// locate finds out where a router is.
func (r *Relay) locate(ctx context.Context, router string) (place, error) {
	if h := r.links.pick(router); h != nil {
		return place{here: h}, nil
	}
	n, err := r.away(ctx, router)
	return place{there: n}, err
}

// away finds out at which other relay a router is.
func (r *Relay) away(ctx context.Context, router string) (Node, error) {
	o := r.others
	if o == nil {
		return Node{}, errNotConnected()
	}
	if n, ok := o.moves.to(router); ok {
		if _, lives := o.node(n.ID); lives {
			return n, nil
		}
	}
	n, err := o.registry.Where(ctx, router)
	switch {
	case errors.Is(err, ErrNowhere), err == nil && n.ID == o.self.ID: // it has just gone
		return Node{}, errNotConnected()
	case err != nil:
		r.log.Debug("it is not known where a router is", "router", router, "error", err)
		return Node{}, refuse(http.StatusServiceUnavailable, "it is not known at which relay the router is; try again")
	}
	return n, nil
}

// sends bounds at how many places a request is tried, one after the other, as
// long as none of them has sent it.
const sends = 3

// send sends a request to a router, wherever it is, and returns the router's
// answer and the relay that it came by, if that is another one. What may have been
// sent is not sent again.
func (r *Relay) send(ctx context.Context, q question) (resp *http.Response, by string, err error) {
	at, err := r.locate(ctx, q.router)
	for n := 1; err == nil; n++ {
		if at.here != nil {
			by = ""
			resp, err = r.ask(ctx, at.here, q)
			at.here.release()
		} else {
			by = at.there.ID
			r.figures.passedOn.Add(1)
			resp, err = r.others.pool.Forward(ctx, peer.Node{ID: by, Addr: at.there.Peer}, peer.Call{Router: q.router, Client: q.client}, q.path, q.head, q.body)
		}
		if !errors.Is(err, tunnel.ErrNotSent) || errors.Is(err, peer.ErrBusy) || n == sends {
			return resp, by, err
		}
		next, ok := r.relocate(ctx, q.router, at, err)
		if !ok {
			return nil, by, err
		}
		at, err = next, nil
	}
	return nil, by, err
}

// relocate finds out where a router is that was not where a request was to be
// sent. Not ok: nowhere else. What another relay says of it is remembered: the
// registry may still tell that the router has left before it tells where it is.
func (r *Relay) relocate(ctx context.Context, router string, was place, failed error) (place, bool) {
	if was.here == nil {
		r.others.moves.forget(router)
	}
	var not *peer.NotHereError
	if errors.As(failed, &not) && not.Elsewhere != "" && not.Elsewhere != r.others.self.ID {
		if n, ok := r.others.node(not.Elsewhere); ok && n.ID != was.there.ID {
			r.others.moves.note(router, n)
			return place{there: n}, true
		}
	}
	now, err := r.locate(ctx, router)
	switch {
	case err != nil:
		return place{}, false
	case now.here != nil && was.here != nil && now.here.link == was.here.link:
		now.here.release()
		return place{}, false
	case now.here == nil && was.here == nil && now.there.ID == was.there.ID:
		return place{}, false
	}
	return now, true
}

// ask sends a request by a link. A link that takes no more requests is
// [tunnel.ErrNotSent]; one that has too much to do, or whose router ends it just
// now and has not looked at the request, is [peer.ErrBusy].
func (r *Relay) ask(ctx context.Context, h *held, q question) (*http.Response, error) {
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://router"+q.path, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	out.Header = q.head.Clone()
	out.Header.Set(tunnel.ClientHeader, q.client.String())
	resp, err := h.link.RoundTrip(out)
	if errors.Is(err, tunnel.ErrIgnored) || errors.Is(err, tunnel.ErrNotSent) && !h.ended() {
		return nil, peer.ErrBusy
	}
	return resp, err
}

// forRouter are the headers of a request that a router gets.
func forRouter(h http.Header) http.Header {
	out := http.Header{}
	for _, name := range passedOn {
		if values := h.Values(name); len(values) > 0 {
			out[name] = values
		}
	}
	return out
}

// serveOther serves a request that another relay passes on. It is for a router
// that is here, or for nobody. What the first relay counts is not counted again.
func (r *Relay) serveOther(w http.ResponseWriter, req *http.Request, c peer.Call) {
	o := r.others
	r.figures.passedHere.Add(1)
	if ok, _ := o.requests.take(c.From); !ok {
		peer.Refuse(w, peer.Busy, "")
		return
	}
	defer o.requests.release(c.From)
	body, err := readBody(w, req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest) // it did not come as it was sent
		return
	}
	began := r.cfg.Now()
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	slow := time.AfterFunc(r.cfg.Limits.Answer, cancel)
	defer slow.Stop()
	resp, outcome := r.askHere(ctx, question{router: c.Router, client: c.Client, path: req.URL.Path, head: forRouter(req.Header), body: body})
	if !slow.Stop() && outcome == peer.Ended {
		outcome = peer.Late
	}
	r.log.Debug("request of another relay", "node", c.From, "router", c.Router, "outcome", string(outcome), "duration", r.cfg.Now().Sub(began))
	if outcome == peer.NotHere {
		r.figures.notHere.Add(1)
		n, _ := r.away(req.Context(), c.Router) // if it is not known, that is the answer
		peer.Refuse(w, outcome, n.ID)
		return
	}
	if outcome != peer.Answered {
		peer.Refuse(w, outcome, "")
		return
	}
	defer resp.Body.Close()
	if !passable(resp) {
		peer.Refuse(w, peer.Odd, "")
		return
	}
	peer.Answer(w)
	r.passBack(w, resp, c.Router, cancel)
}

// askHere sends a request to a router by its link to this relay.
func (r *Relay) askHere(ctx context.Context, q question) (*http.Response, peer.Outcome) {
	for range 2 { // the second link is one that has taken the first one's place
		h := r.links.pick(q.router)
		if h == nil {
			break
		}
		resp, err := r.ask(ctx, h, q)
		h.release()
		switch {
		case err == nil:
			return resp, peer.Answered
		case errors.Is(err, peer.ErrBusy):
			return nil, peer.Busy
		case !errors.Is(err, tunnel.ErrNotSent):
			return nil, peer.Ended
		}
	}
	return nil, peer.NotHere
}

// passable reports whether an answer's status can be passed on.
func passable(resp *http.Response) bool { return resp.StatusCode >= 200 && resp.StatusCode <= 599 }
