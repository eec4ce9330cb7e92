package netlab

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"
)

// testID returns an id that no other test on this machine has.
func testID() string {
	return "t" + strings.ToLower(rand.Text()[:10])
}

// testContext ends well before the tests' own limit.
func testContext(t *testing.T) context.Context {
	t.Helper()
	return contextOf(t, 2*time.Minute)
}

// longContext is for what is tried several times.
func longContext(t *testing.T) context.Context {
	t.Helper()
	return contextOf(t, 5*time.Minute)
}

func contextOf(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// newLab makes a lab that ends with the test, and checks that nothing is left.
func newLab(t *testing.T, o Options) *Lab {
	t.Helper()
	if o.ID == "" {
		o.ID = testID()
	}
	l, err := New(testContext(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		assertGone(t, o.ID)
	})
	return l
}

// newLabWithLeases is newLab with every guest online.
func newLabWithLeases(t *testing.T, o Options) *Lab {
	t.Helper()
	l := newLab(t, o)
	if err := l.Leases(testContext(t)); err != nil {
		t.Fatalf("%v\ndnsmasq:\n%s", err, l.dnsmasq.log.last(40))
	}
	return l
}

func assertGone(t *testing.T, id string) {
	t.Helper()
	found, err := Remains(id)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
}

func TestLabIsUpWithLeases(t *testing.T) {
	begin := time.Now()
	l := newLab(t, Options{})
	made := time.Since(begin)
	if err := l.Leases(testContext(t)); err != nil {
		t.Fatalf("%v\ndnsmasq:\n%s", err, l.dnsmasq.log.last(40))
	}
	t.Logf("lab up in %v, three leases after %v", made, time.Since(begin))
	seen := map[string]bool{}
	for _, g := range l.Guests() {
		addrs, err := g.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		if len(addrs) != 2 || !addrs[0].Is4() || !addrs[1].Is6() {
			t.Errorf("%s has %v, want an IPv4 and an IPv6 address", g.Name(), addrs)
		}
		seen[fmt.Sprint(addrs)] = true
	}
	if len(seen) != 3 {
		t.Errorf("guests share addresses: %v", seen)
	}
}
