package main

import (
	"context"
	"fmt"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel/tunnelbench/ways"
)

// small measures small requests beside the yardstick.
func (b *bench) small(ctx context.Context, s *section) error {
	s.title = "Small JSON POSTs"
	s.how = `Clients, what passes requests on, and the router are one process on this machine; the tunnel is
compared with a direct HTTPS connection and with a tunnel of yamux and HTTP/1.1, which is the yardstick, in turns.
frp and chisel would be better known: they cannot be had as modules here. ` + "`go run ./api/tunnel/tunnelbench`" + ` does the same alone.`
	rows, err := ways.Compare(ctx, pick(b, 15, 2), pick(b, 700*time.Millisecond, 30*time.Millisecond))
	if err != nil {
		return err
	}
	table := "| connections | way | requests/s | × direct | × yamux | p50 | × yamux |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: |\n"
	for _, r := range rows {
		table += fmt.Sprintf("| %d | %s | %.0f | %.2f | %.2f | %s | %.2f |\n", r.Connections, r.Way, r.Rate, r.PerDirect, r.PerYamux, r.Median.Round(time.Microsecond), r.MedianPerYamux)
		if !r.Tunnel() {
			continue
		}
		s.add(fmt.Sprintf("small POSTs, %d connections, throughput", r.Connections), fmt.Sprintf("%.2f of yamux", r.PerYamux), fmt.Sprintf("%.2f of direct HTTPS", r.PerDirect), "≥ 0.9 of yamux", judged(r.PerYamux >= 0.9))
		s.add(fmt.Sprintf("small POSTs, %d connections, median", r.Connections), fmt.Sprintf("%.2f of yamux", r.MedianPerYamux), r.Median.Round(time.Microsecond).String(), "≤ 1.1 of yamux", judged(r.MedianPerYamux <= 1.1))
	}
	s.note("%s", table)
	return nil
}
