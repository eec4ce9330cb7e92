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
