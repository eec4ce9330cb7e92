package netlab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// The test program plays these parts when it is started as a child.
const (
	roleEnv    = "NETLAB_TEST_ROLE"
	roleCrash  = "crash"  // makes a lab, says so, and waits to be killed
	roleDaemon = "daemon" // a healthy daemon
	roleBroken = "broken" // a daemon that ends at once
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case roleCrash:
		playCrash(os.Getenv("NETLAB_TEST_ID"))
	case roleDaemon:
		playDaemon()
	case roleBroken:
		fmt.Fprintln(os.Stderr, "no such key: gest.interface")
		os.Exit(2)
	default:
		os.Exit(m.Run())
	}
}

func playCrash(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	l, err := New(ctx, Options{ID: id, Guests: 2})
	if err == nil {
		err = l.Leases(ctx)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("up")
	<-ctx.Done() // killed long before
}

func playDaemon() {
	ln, err := net.Listen("tcp", RouterLAN4+":80")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("listening as", os.Getpid())
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	fmt.Println(http.Serve(ln, mux))
}
