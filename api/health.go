package api

import (
	"context"
	"slices"
	"sync"
	"time"
)

// healthEvery is how long findings are good for. Nobody who asks more often makes
// the router look more often; while nobody asks, it does not look at all.
const healthEvery = time.Minute

// HealthWatch remembers the findings of the last look.
type HealthWatch struct {
	look func(context.Context) []Finding

	mu    sync.Mutex // guards all below; held while looking, so that one does
	facts []Finding
	at    time.Time
}

// NewHealthWatch returns a watch of what look finds.
func NewHealthWatch(look func(context.Context) []Finding) *HealthWatch {
	return &HealthWatch{look: look}
}

// Facts returns the findings and their age. They are found anew if they are old.
func (h *HealthWatch) Facts(ctx context.Context) ([]Finding, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.at.IsZero() || now.Sub(h.at) >= healthEvery {
		// Whoever asks next gets what is found now, so a caller who hangs up
		// must not cut it short.
		h.facts, h.at = h.look(context.WithoutCancel(ctx)), now
	}
	return slices.Clone(h.facts), now.Sub(h.at)
}
