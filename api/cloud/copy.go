package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrOtherRecords says that records cannot be copied to where there are others.
var ErrOtherRecords = errors.New("there are other records already")

// ErrUnfinished says that a copy of records has not come to its end.
var ErrUnfinished = errors.New("records are being copied there, or were until that was interrupted")

// CopyConfig says what is copied.
type CopyConfig struct {
	From Store // must not be nil, and must not change meanwhile
	To   Store // must not be nil
	// Besides are records that From does not have, in order of their keys.
	Besides []Entry
	// Progress is told how many of the records are there; nil: nobody is.
	Progress func(done, all int)
}

// Copied is what Copy has done.
type Copied struct {
	Records, Written          int // Written were not there before
	Accounts, Tokens, Routers int
}

// copyingKey is the record that stands beside others as long as not all of them are
// there.
const copyingKey = "copying"

const (
	// copyPage is how many records are read at a time.
	copyPage = 200
	// copyBytes bounds the values in a transaction, unless one alone has more: etcd
	// takes 1.5 MiB.
	copyBytes = 512 << 10
)

// CheckCopied fails with ErrUnfinished if a copy into these records has not come to
// its end. Nothing but Copy must use them until it has.
func CheckCopied(ctx context.Context, s Store) error {
	e, err := s.Get(ctx, copyingKey)
	if err != nil {
		return fmt.Errorf("relay's records: %w", err)
	}
	if e.Revision != 0 {
		return ErrUnfinished
	}
	return nil
}

// Copy copies all records from one store to another, in which there must be none,
// reads them back and compares.
//
// Whenever it fails, even if it is not known what of it took place, it may be called
// again with the same records: it goes on where it was. Until it has ended well,
// CheckCopied fails for To. If To has the same records already, and no others, it
// writes nothing and succeeds. In all other cases it fails with ErrOtherRecords and
// leaves To as it is: also if To has a part of the records, and no copy was
// interrupted, since what is missing may have been removed. If somebody else writes
// the same records to To meanwhile, theirs stay, and it fails with ErrConflict.
func Copy(ctx context.Context, cfg CopyConfig) (Copied, error) {
	if err := CheckCopied(ctx, cfg.From); err != nil {
		return Copied{}, fmt.Errorf("what is to be copied: %w", err)
	}
	var missing int
	all, err := cfg.compare(ctx, func(Entry) error { missing++; return nil })
	if err != nil {
		return Copied{}, err
	}
	copying, err := cfg.To.Get(ctx, copyingKey)
	if err != nil {
		return Copied{}, err
	}
	if copying.Revision == 0 {
		if missing == 0 {
			return all, nil
		}
		if missing < all.Records {
			return Copied{}, fmt.Errorf("%w: %d of these %d, and no copy was interrupted", ErrOtherRecords, all.Records-missing, all.Records)
		}
		begin := Transaction{If: []Entry{copying}, Put: []Entry{{Key: copyingKey}}}
		if err := cfg.To.Commit(ctx, begin); err != nil {
			return Copied{}, err
		}
	}
	if err := cfg.write(ctx, missing, all.Records); err != nil {
		return Copied{}, err
	}
	all.Written = missing
	return all, cfg.finish(ctx)
}

// write writes the records that are missing.
func (cfg CopyConfig) write(ctx context.Context, missing, all int) error {
	var t Transaction
	size, done := 0, all-missing
	flush := func() error {
		if len(t.Put) == 0 {
			return nil
		}
		err := cfg.To.Commit(ctx, t)
		if done += len(t.Put); err == nil && cfg.Progress != nil {
			cfg.Progress(done, all)
		}
		t, size = Transaction{}, 0
		return err
	}
	_, err := cfg.compare(ctx, func(e Entry) error {
		if len(t.Put) == MaxChanges/2 || size+len(e.Value) > copyBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		// Only where there is none: nothing is ever written over.
		t.If = append(t.If, Entry{Key: e.Key})
		t.Put = append(t.Put, e)
		size += len(e.Value)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// finish reads back what has been written, and lets others use it.
func (cfg CopyConfig) finish(ctx context.Context) error {
	_, err := cfg.compare(ctx, func(e Entry) error {
		return fmt.Errorf("the record %s was written and is not there", e.Key)
	})
	if err != nil {
		return err
	}
	copying, err := cfg.To.Get(ctx, copyingKey)
	if err != nil || copying.Revision == 0 {
		return err
	}
	return cfg.To.Commit(ctx, Transaction{If: []Entry{copying}, Delete: []string{copyingKey}})
}

// compare goes through the records of both sides, and tells of those that are missing
// where they are to be. It fails with ErrOtherRecords at the first one that is there
// and not the same.
func (cfg CopyConfig) compare(ctx context.Context, missing func(Entry) error) (Copied, error) {
	var all Copied
	from, to := copyReader{store: cfg.From, besides: cfg.Besides}, copyReader{store: cfg.To}
	for {
		e, more, err := from.head(ctx)
		if err != nil {
			return all, err
		}
		is, there, err := to.head(ctx)
		if err != nil {
			return all, err
		}
		switch {
		case there && is.Key == copyingKey:
			to.next()
		case there && (!more || is.Key < e.Key):
			return all, fmt.Errorf("%w: %s is not one of these", ErrOtherRecords, is.Key)
		case !more:
			return all, nil
		case there && is.Key == e.Key && !bytes.Equal(is.Value, e.Value):
			return all, fmt.Errorf("%w: %s is another one there", ErrOtherRecords, e.Key)
		default:
			all.count(e.Key)
			from.next()
			if there && is.Key == e.Key {
				to.next()
			} else if err := missing(e); err != nil {
				return all, err
			}
		}
	}
}

func (c *Copied) count(key string) {
	c.Records++
	kind, _, _ := strings.Cut(key, "/")
	switch kind + "/" {
	case accountKey(""):
		c.Accounts++
	case "token/":
		c.Tokens++
	case routerKey(""):
		c.Routers++
	}
}

// copyReader reads all records of a store and those besides, in order of their keys.
type copyReader struct {
	store   Store
	besides []Entry
	page    []Entry
	after   string // the last key that was read
	over    bool   // the page is the last one
}

// head returns the record that is next, if there is one.
func (r *copyReader) head(ctx context.Context) (Entry, bool, error) {
	if len(r.page) == 0 && !r.over {
		page, err := r.store.List(ctx, "", r.after, copyPage)
		if err != nil {
			return Entry{}, false, fmt.Errorf("relay's records: %w", err)
		}
		r.page, r.over = page, len(page) == 0
		if !r.over {
			r.after = page[len(page)-1].Key
		}
	}
	switch {
	case len(r.besides) > 0 && (len(r.page) == 0 || r.besides[0].Key < r.page[0].Key):
		return r.besides[0], true, nil
	case len(r.page) == 0:
		return Entry{}, false, nil
	case len(r.besides) > 0 && r.besides[0].Key == r.page[0].Key:
		return Entry{}, false, fmt.Errorf("there are two of the record %s", r.page[0].Key)
	}
	return r.page[0], true, nil
}

// next goes to the record after the one that head returned.
func (r *copyReader) next() {
	if len(r.besides) > 0 && (len(r.page) == 0 || r.besides[0].Key < r.page[0].Key) {
		r.besides = r.besides[1:]
		return
	}
	r.page = r.page[1:]
}
