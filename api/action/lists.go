package action

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// pageRows is how many rows are read from the service at a time.
	pageRows = 256
	// maxRows is the largest limit that a client may ask for.
	maxRows = 10000
	// flushBytes is how much of an answer is gathered before it is sent.
	flushBytes = 16 << 10
)

// list is a list of rows, read page by page so that memory does not grow with
// it.
type list[T any] struct {
	name string // of the member that holds the rows
	// fetch returns up to limit rows that come after the cursor, and no row
	// only at the end.
	fetch func(ctx context.Context, cursor uint64, limit int) ([]T, error)
	// next returns the cursor after a row.
	next func(cursor uint64, v *T) uint64
	row  func(r *row, v *T)
}

func listVouchers(c *call) error {
	return write(c, list[hotspot.VoucherView]{
		name:  "users",
		fetch: c.Vouchers,
		next:  func(_ uint64, v *hotspot.VoucherView) uint64 { return v.ID },
		row:   voucherRow,
	})
}

func listUsers(m hotspot.Method, row func(*row, *hotspot.User)) func(*call) error {
	return func(c *call) error {
		return write(c, list[hotspot.User]{
			name: "users",
			fetch: func(ctx context.Context, after uint64, limit int) ([]hotspot.User, error) {
				return c.Users(ctx, m, after, limit)
			},
			next: func(_ uint64, u *hotspot.User) uint64 { return u.ID },
			row:  row,
		})
	}
}

// listLogins goes from the newest to the oldest, so its cursor is the id below
// which rows are wanted.
func listLogins(c *call) error {
	return write(c, list[hotspot.Session]{
		name: "logins",
		fetch: func(ctx context.Context, before uint64, limit int) ([]hotspot.Session, error) {
			if before == 1 { // nothing is below; 0 would mean the newest
				return nil, nil
			}
			return c.Logins(ctx, before, limit)
		},
		next: func(_ uint64, s *hotspot.Session) uint64 { return s.ID },
		row:  loginRow,
	})
}

func listGuests(c *call) error {
	return write(c, list[hotspot.Guest]{
		name:  "data",
		fetch: whole(c.Guests),
		next:  func(n uint64, _ *hotspot.Guest) uint64 { return n + 1 },
		row:   guestRow,
	})
}

func listHosts(c *call) error {
	return write(c, list[hotspot.GuestHost]{
		name:  "data",
		fetch: whole(c.GuestHosts),
		next:  func(n uint64, _ *hotspot.GuestHost) uint64 { return n + 1 },
		row:   hostRow,
	})
}

// whole makes pages of a list that the service gives in one piece. Its rows
// have no id: the cursor counts them.
func whole[T any](all func(context.Context) ([]T, error)) func(context.Context, uint64, int) ([]T, error) {
	var rows []T
	read := false
	return func(ctx context.Context, skip uint64, limit int) ([]T, error) {
		if !read {
			var err error
			if rows, err = all(ctx); err != nil {
				return nil, err
			}
			read = true
		}
		rest := rows[min(skip, uint64(len(rows))):]
		return rest[:min(limit, len(rest))], nil
	}
}

// write answers with a list. Before the first page is there, an error is
// returned and can still be answered. Afterwards the connection is cut: half a
// list must not look like a whole one.
func write[T any](c *call, l list[T]) error {
	cursor, left, err := c.window()
	if err != nil {
		return err
	}
	page, err := l.fetch(c.ctx, cursor, min(left, pageRows))
	if err != nil {
		return err
	}
	api.SetJSONHeaders(c.w.Header())
	c.w.WriteHeader(http.StatusOK)
	out := &row{b: append(make([]byte, 0, flushBytes+flushBytes/4), `{"`+l.name+`":[`...), zone: c.Zone()}
	deadline := http.NewResponseController(c.w)
	for first := true; len(page) > 0; {
		// A long list may take longer than other answers, as long as it moves.
		// Where there is no deadline to move, none is needed.
		_ = deadline.SetWriteDeadline(time.Now().Add(api.WriteTimeout))
		for i := range page {
			if !first {
				out.b = append(out.b, ',')
			}
			first = false
			out.begin()
			l.row(out, &page[i])
			out.end()
			cursor = l.next(cursor, &page[i])
			if len(out.b) >= flushBytes {
				c.send(out)
			}
		}
		if left -= len(page); left <= 0 {
			break
		}
		before := cursor
		if page, err = l.fetch(c.ctx, cursor, min(left, pageRows)); err != nil {
			c.abort(err)
		}
		if len(page) > 0 && l.next(cursor, &page[0]) == before {
			c.abort(errors.New("the service repeats a page"))
		}
	}
	out.b = append(out.b, "]}\n"...)
	c.send(out)
	return nil
}

// window reads which part of a list is wanted; by default all.
func (c *call) window() (cursor uint64, rows int, err error) {
	n, ok, err := c.params.countOf("limit", 1, maxRows)
	if err != nil {
		return 0, 0, err
	}
	rows = math.MaxInt32
	if ok {
		rows = int(n)
	}
	cursor, _, err = c.params.countOf("after_id", 0, math.MaxUint64)
	return cursor, rows, err
}

func (c *call) send(out *row) {
	if _, err := c.w.Write(out.b); err != nil {
		c.abort(fmt.Errorf("sending a list: %w", err))
	}
	out.b = out.b[:0]
}

// abort cuts the connection in the middle of an answer.
func (c *call) abort(err error) {
	level := slog.LevelError
	if c.ctx.Err() != nil { // the client hung up
		level = slog.LevelDebug
	}
	c.log.Log(c.ctx, level, "a list was cut off", slog.Any("error", err))
	panic(http.ErrAbortHandler)
}
