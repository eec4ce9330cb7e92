// Command vouchsafe is the hotspot's daemon and its operator's command line.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "0.0.0-unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, systemParts(), os.Args[1:])
	stop()
	os.Exit(code)
}
