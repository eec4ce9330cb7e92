package netlab

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLabsSideBySide(t *testing.T) {
	a := newLabWithLeases(t, Options{Guests: 1})
	b := newLabWithLeases(t, Options{Guests: 1})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	assertGone(t, a.ID())
	if page := get(t, b.Guest(1).Host, "", "http://"+ExampleSite+"/"); !strings.Contains(page, "You are online") {
		t.Error("the second lab has suffered from the first one's end")
	}
}

func TestCommandSeesTheHost(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	out, err := l.Guest(1).Command(testContext(t), "sh", "-c", "cat /etc/resolv.conf; ls /sys/class/net").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); !strings.Contains(got, "nameserver "+RouterGuest4) || !strings.Contains(got, "eth0") || strings.Contains(got, "ifb") {
		t.Errorf("the guest sees:\n%s", got)
	}
}

// The thread that was in a namespace must not serve anybody else, and the main
// thread must never enter one: the whole process would count as living there.
func TestDoLeavesNoTrace(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	var home unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &home); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			err := l.Router().Do(func() error {
				var here unix.Stat_t
				if err := unix.Stat("/proc/thread-self/ns/net", &here); err != nil {
					return err
				}
				if here.Ino == home.Ino {
					return errors.New("not in the namespace")
				}
				if unix.Gettid() == os.Getpid() {
					return errors.New("on the main thread")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "threads left in a namespace", func() bool {
		for _, task := range tasks {
			var st unix.Stat_t
			if unix.Stat("/proc/self/task/"+task.Name()+"/ns/net", &st) == nil && st.Ino != home.Ino {
				return false
			}
		}
		return true
	})
}

func TestCloseEndsDials(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	if _, err := l.Router().nft(testContext(t), "table inet x { chain c { type filter hook input priority 0; policy drop\n}\n}\n", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := l.Guest(1).DialContext(context.Background(), "tcp", RouterGuest4+":80")
		ended <- err
	}()
	eventually(t, "the dial to have sent something", func() bool {
		out, err := l.Guest(1).Command(testContext(t), "ss", "-Htn", "state", "syn-sent").Output()
		return err == nil && len(out) > 0
	})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("connected to a closed port")
		}
	case <-time.After(90 * time.Second):
		t.Error("the dial goes on")
	}
}

func TestDoReportsAFunctionThatNeverReturns(t *testing.T) {
	l := newLab(t, Options{Guests: 1})
	err := l.Router().Do(func() error {
		leave()
		return nil
	})
	if !errors.Is(err, errLeft) {
		t.Errorf("got %v", err)
	}
}

// leave does what testing's FailNow does.
func leave() { runtime.Goexit() }
