package netlab

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// flowCount is a counter in a host's kernel of one flow's packets, as they
// arrive: layer-3 bytes, before anything else looks at them.
type flowCount struct {
	host  *Host
	table string
}

// countFlow counts the packets that reach the host with a source or
// destination port ("sport", "dport"). What has not passed the router is its own,
// such as a reset in the other end's name, and is left out: its hop limit is whole.
func (h *Host) countFlow(ctx context.Context, proto, side string, port int) (*flowCount, error) {
	c := &flowCount{host: h, table: fmt.Sprintf("flow_%s_%d", proto, port)}
	_, err := h.nft(ctx, fmt.Sprintf(`table inet %s {
	counter seen { }
	chain arrived {
		type filter hook prerouting priority -500; policy accept;
		ip ttl 64 return
		ip6 hoplimit 64 return
		meta l4proto %s th %s %d counter name seen
	}
}
`, c.table, proto, side, port), "-f", "-")
	return c, err
}

func (c *flowCount) remove() {
	// The flow's context may have ended; the table must go anyway.
	_, _ = c.host.nft(context.Background(), "", "delete", "table", "inet", c.table)
}

// read returns what was counted so far.
func (c *flowCount) read(ctx context.Context) (bytes, packets uint64, err error) {
	out, err := c.host.nft(ctx, "", "-j", "list", "counters", "table", "inet", c.table)
	if err != nil {
		return 0, 0, err
	}
	var list struct {
		Nftables []struct {
			Counter *struct{ Bytes, Packets uint64 }
		}
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return 0, 0, fmt.Errorf("read a flow's counter: %w", err)
	}
	for _, item := range list.Nftables {
		if item.Counter != nil {
			return item.Counter.Bytes, item.Counter.Packets, nil
		}
	}
	return 0, 0, fmt.Errorf("read a flow's counter: none in %s", out)
}

// settled reads until nothing more arrives, and for no more than a second if that
// does not end.
func (c *flowCount) settled(ctx context.Context) (bytes, packets uint64, err error) {
	last, begun := ^uint64(0), time.Now()
	err = poll(ctx, 20*time.Millisecond, func() (bool, error) {
		b, p, err := c.read(ctx)
		if err != nil {
			return false, err
		}
		done := b == last || b != 0 && time.Since(begun) > time.Second
		bytes, packets, last = b, p, b
		return done, nil
	})
	return bytes, packets, err
}
