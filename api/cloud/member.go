package cloud

import (
	"context"
	"net/http"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// member serves router.<domain>: what routers that have enrolled ask of their
// relay. Their certificate is the credential.
func (r *Relay) member(w http.ResponseWriter, req *http.Request) {
	if !r.clients.take(clientKey(api.Peer(req))) {
		r.answer(w, nil, refuse(http.StatusTooManyRequests, "too many requests; slow down"))
		return
	}
	router, err := r.whose(req.Context(), req.TLS)
	if err != nil {
		r.log.Info("router refused", "peer", req.RemoteAddr, "error", err)
		r.answer(w, nil, refuse(http.StatusUnauthorized, "the certificate is not one of a router of this cloud"))
		return
	}
	rec := noteOf(w)
	rec.kind, rec.router, rec.account, rec.call = kindMember, router.ID, router.Account, clip(req.URL.Path)
	v, err := r.memberCall(req, router)
	r.answer(w, v, err)
}

// renamed leads requests for a router's new host to it, and tells it.
func (r *Relay) renamed(x Router) {
	r.missing.forget(x.Prefix)
	h := r.links.rename(x.ID, x.Prefix)
	if h == nil {
		return
	}
	go func() { // it ends with the link at the latest
		ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Limits.Answer)
		defer cancel()
		if _, _, err := r.sayHost(ctx, h); err != nil {
			h.link.Close() // it hears of it when it is back
		}
	}()
}

// sayHost tells a router its host. It hears one word after the other, each the newest
// that there is, so that the last one it hears is true.
func (r *Relay) sayHost(ctx context.Context, h *held) (tunnel.Answer, time.Duration, error) {
	h.telling.Lock()
	defer h.telling.Unlock()
	return h.link.Say(ctx, tunnel.Hello{Host: r.links.now(h).Prefix + "." + r.cfg.Domain})
}

func (r *Relay) memberCall(req *http.Request, router Router) (any, error) {
	switch req.Method + " " + req.URL.Path {
	case "POST /v1/router/rotate":
		x, err := r.Rotate(req.Context(), router.Account, router.Prefix)
		if err != nil {
			return nil, err
		}
		return struct {
			Status int    `json:"status"`
			Host   string `json:"host"`
		}{http.StatusOK, x.Prefix + "." + r.cfg.Domain}, nil
	case "DELETE /v1/router":
		_, err := r.RemoveRouter(req.Context(), router.Account, router.Prefix)
		return done{Status: http.StatusOK}, err
	}
	return nil, refuse(http.StatusNotFound, "there is nothing at this path for this method")
}
