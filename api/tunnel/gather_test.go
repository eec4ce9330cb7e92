package tunnel

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestGather: what is written arrives in order, and before the end.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, near := net.Pipe()
		g := gather(near)
		var want bytes.Buffer
		got := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(far) // it ends with the connection
			got <- b
		}()
		for i := range 2000 {
			p := bytes.Repeat([]byte{byte(i)}, 1+i%300)
			want.Write(p)
			if n, err := g.Write(p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if b := <-got; !bytes.Equal(b, want.Bytes()) {
			t.Errorf("%d bytes of %d arrived", len(b), want.Len())
		}
		if _, err := g.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		g.Close()
		far.Close()
	})
}

// TestGatherStalls: a peer that takes nothing fills the buffer, no more, and is
// given up.
func TestGatherStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, near := net.Pipe()
		defer far.Close()
		g := gather(near)
		begin := time.Now()
		p := make([]byte, 10<<10)
		sent := 0
		for {
			n, err := g.Write(p)
			sent += n
			if err != nil {
				break
			}
			synctest.Wait() // the first is being sent by itself before the next is written
		}
		if took := time.Since(begin); took != writeWait || sent > gatherMost+2*len(p) {
			t.Errorf("after %s and %d bytes", took, sent)
		}
		if _, err := near.Read(p); err == nil {
			t.Error("the connection is still open")
		}
		g.Close()
	})
}

// TestGatherCloses: closing waits for a peer that takes nothing, but not long,
// and lets go of those who wait for room.
func TestGatherCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, near := net.Pipe()
		defer far.Close()
		g := gather(near)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { _, _ = g.Write(make([]byte, 10<<10)) }) // some of them fail
		}
		synctest.Wait()
		begin := time.Now()
		g.Close()
		if took := time.Since(begin); took != lastWords {
			t.Errorf("closing took %s", took)
		}
		wg.Wait()
	})
}

// TestGatherIdles: a connection on which nothing is sent holds nothing for it,
// and what is sent later arrives all the same.
func TestGatherIdles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, near := net.Pipe()
		g := gather(near)
		for range 3 {
			if _, err := g.Write(bytes.Repeat([]byte("x"), 9000)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(far, make([]byte, 9000)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			g.mu.Lock()
			if g.sending || g.buf != nil || g.spare != nil {
				t.Errorf("it holds %d and %d bytes, sending: %v", cap(g.buf), cap(g.spare), g.sending)
			}
			g.mu.Unlock()
		}
		g.Close()
		far.Close()
	})
}

// ping is one as HTTP/2 has it.
func ping(mark byte) []byte {
	return []byte{0, 0, 8, pingType, 0, 0, 0, 0, 0, mark, mark, mark, mark, mark, mark, mark, mark}
}

// TestGatherPings: a ping is sent by who writes it, what others write meanwhile
// after it, and both before the end.
func TestGatherPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, near := net.Pipe() // who writes waits for who reads
		g := gather(near)
		for i := range byte(3) {
			var wg sync.WaitGroup
			wg.Go(func() {
				if n, err := g.Write(ping(i)); n != pingSize || err != nil {
					t.Error(n, err)
				}
			})
			synctest.Wait()
			more := bytes.Repeat([]byte{i}, int(i)*100) // none, the first time
			if n, err := g.Write(more); n != len(more) || err != nil {
				t.Error(n, err)
			}
			if i == 2 {
				wg.Go(func() { g.Close() })
				synctest.Wait()
			}
			got := make([]byte, pingSize+len(more))
			if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, append(ping(i), more...)) {
				t.Errorf("%v: %x", err, got)
			}
			wg.Wait()
			synctest.Wait()
			g.mu.Lock()
			if g.sending || len(g.buf) > 0 {
				t.Errorf("%d bytes are left, sending: %v", len(g.buf), g.sending)
			}
			g.mu.Unlock()
		}
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %v", err)
		}
		far.Close()
	})
}

// TestGatherPingStalls: closing does not wait for long until a peer takes a ping,
// and an earlier write's limit is not the ping's.
func TestGatherPingStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, near := net.Pipe()
		defer far.Close()
		g := gather(near)
		if _, err := g.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if _, err := far.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		synctest.Wait() // until nobody sends
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = g.Write(ping(1)) }) // the next one tells
		<-time.After(2 * writeWait)               // the bubble's clock: no waiting
		g.mu.Lock()
		if !g.sending || g.err != nil {
			t.Errorf("given up: %v", g.err)
		}
		g.mu.Unlock()
		begin := time.Now()
		g.Close()
		wg.Wait()
		if took := time.Since(begin); took != lastWords {
			t.Errorf("closing took %s", took)
		}
		if n, err := g.Write(ping(2)); n != 0 || err == nil {
			t.Error(n, err)
		}
	})
}
