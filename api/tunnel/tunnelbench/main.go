// Command tunnelbench compares the tunnel with a direct HTTPS connection and with
// a tunnel of yamux and HTTP/1.1, which is the yardstick: small JSON POSTs over
// 1, 16 and 64 connections, all on this machine, in turns. It prints a table.
//
//	go run ./api/tunnel/tunnelbench
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel/tunnelbench/ways"
)

func main() {
	rounds := flag.Int("rounds", 15, "turns of each way")
	each := flag.Duration("each", 700*time.Millisecond, "how long a turn takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := compare(ctx, *rounds, *each)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tunnelbench:", err)
		os.Exit(1)
	}
}

// compare measures and prints.
func compare(ctx context.Context, rounds int, each time.Duration) error {
	rows, err := ways.Compare(ctx, rounds, each)
	if err != nil {
		return err
	}
	fmt.Printf("%s/%s, %d processors, %s, %d turns of %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), rounds, each)
	fmt.Println("| connections | way | requests/s | × direct | × yamux | p50 | × yamux |")
	fmt.Println("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
	for _, r := range rows {
		fmt.Printf("| %d | %s | %.0f | %.2f | %.2f | %s | %.2f |\n", r.Connections, r.Way, r.Rate, r.PerDirect, r.PerYamux, r.Median.Round(time.Microsecond), r.MedianPerYamux)
	}
	return nil
}
