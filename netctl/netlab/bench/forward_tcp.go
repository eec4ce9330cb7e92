package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// pieceSize is how much one connection of the rotating kind downloads.
const pieceSize = 256 << 10

// source sends to whoever connects: as many bytes as the client asks for with
// its first eight, or without end if it asks for none.
type source struct{ ln net.Listener }

func (s *source) serve() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		go serveBytes(c)
	}
}

func serveBytes(c net.Conn) {
	defer c.Close()
	var ask [8]byte
	if _, err := io.ReadFull(c, ask[:]); err != nil {
		return
	}
	left, buf := binary.BigEndian.Uint64(ask[:]), make([]byte, pieceSize)
	for endless := left == 0; endless || left > 0; left -= uint64(len(buf)) {
		if !endless {
			buf = buf[:min(left, uint64(len(buf)))]
		}
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

func (s *source) close() { _ = s.ln.Close() }

// downloads is download with longer turns where nothing passes in a short one: the
// clients may have waited for a processor for all of it.
func (t *track) downloads(ctx context.Context, far *source, clients, crowd int, rotate bool, d time.Duration) (float64, error) {
	for ; ; d *= 4 {
		rate, err := t.download(ctx, far, clients, crowd, rotate, d)
		if !errors.Is(err, errBlocked) || d > longTurn {
			return rate, err
		}
	}
}

// download returns the Gbit/s that clients get who connect from the crowd's
// addresses: each keeps one connection, or takes the next address after each
// piece.
func (t *track) download(ctx context.Context, far *source, clients, crowd int, rotate bool, d time.Duration) (float64, error) {
	var bytes, turn atomic.Int64
	begun := time.Now()
	ctx, cancel := context.WithDeadline(ctx, begun.Add(d))
	defer cancel()
	var g errgroup.Group
	for range clients {
		g.Go(func() error {
			return t.Guest(1).Do(func() error {
				buf := make([]byte, 128<<10)
				for ctx.Err() == nil {
					who, size := 0, uint64(0)
					if rotate {
						who, size = int(turn.Add(1))%crowd, pieceSize
					}
					if err := t.piece(ctx, far.ln.Addr().String(), who, size, buf, &bytes); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	err := g.Wait()
	took := time.Since(begun)
	if err == nil && bytes.Load() == 0 {
		err = errBlocked
	}
	return float64(bytes.Load()) * 8 / 1e9 / took.Seconds(), err
}

// piece downloads as one of the crowd: some bytes, whole even if the time is
// over, or without end until it is.
func (t *track) piece(ctx context.Context, to string, who int, size uint64, buf []byte, count *atomic.Int64) error {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: crowdAddr(who).AsSlice()}, Timeout: time.Minute}
	c, err := d.DialContext(context.WithoutCancel(ctx), "tcp4", to)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(binary.BigEndian.AppendUint64(nil, size)); err != nil {
		return err
	}
	if size == 0 {
		defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })()
	}
	for {
		n, err := c.Read(buf)
		count.Add(int64(n))
		if errors.Is(err, io.EOF) || size == 0 && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// giveMACs gives the packets that guest 1's kernel sends from one of the crowd's
// addresses that one's MAC, and returns how to undo it.
func (t *track) giveMACs(ctx context.Context, n int) (undo func(), err error) {
	guest := t.Guest(1).Host
	var b strings.Builder
	b.WriteString("table netdev macs {\n\tmap of {\n\t\ttype ipv4_addr : ether_addr\n\t\telements = {\n")
	for i := range n {
		fmt.Fprintf(&b, "%s : %s,\n", crowdAddr(i), crowdMAC(i))
	}
	fmt.Fprintf(&b, "}\n\t}\n\tchain out {\n\t\ttype filter hook egress device %q priority 0;\n\t\tether saddr set ip saddr map @of\n\t}\n}\n", guest.Link())
	if err := command(ctx, guest, b.String(), "nft", "-f", "-"); err != nil {
		return nil, err
	}
	return func() {
		// The context may have ended; the table goes with the lab then.
		_ = command(context.WithoutCancel(ctx), guest, "", "nft", "delete", "table", "netdev", "macs")
	}, nil
}

// fileName turns a title into a file's name.
func fileName(s string) string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(s, ",", ""), " ", "-"))
}
