package netlab

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// errLeft is what a function that never returned (runtime.Goexit, as
// testing's FailNow does) leaves behind.
var errLeft = errors.New("netlab: the function ended its goroutine")

// onThread runs f on a thread of its own that is discarded afterwards, so
// that f may move it to another namespace.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go threadMain(f, done)
	return <-done
}

func threadMain(f func() error, done chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		// The main thread cannot be discarded, and the namespace that it is
		// in counts as the whole process's. While this goroutine holds it,
		// the next one gets another.
		done <- onThread(f)
		runtime.UnlockOSThread()
		return
	}
	err := errLeft
	defer func() { done <- err }()
	err = f()
}

// inNamespace runs f in a network namespace. Sockets that f opens stay there;
// goroutines that f starts do not.
func inNamespace(ns netns.NsHandle, f func() error) error {
	return onThread(func() error {
		if err := netns.Set(ns); err != nil {
			return fmt.Errorf("enter the namespace: %w", err)
		}
		return f()
	})
}
