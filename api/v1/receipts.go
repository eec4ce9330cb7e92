package v1

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Bounds of what is kept to answer requests again. The oldest go first; the
// newest is always kept.
const (
	receiptLife  = 24 * time.Hour
	maxReceipts  = 1000
	maxAllBytes  = 1 << 20   // of flash
	maxOneBytes  = 768 << 10 // a record of the store holds no more
	receiptStore = "api.receipt/"
)

// Receipts are the answers to requests that carried an Idempotency-Key, kept in
// the store with what they made. It is safe for concurrent use.
type Receipts struct {
	store hotspot.Store
	now   func() (t time.Time, believed bool)

	mu     sync.Mutex // guards all below; held during I/O while loading only
	loaded bool
	kept   map[receiptName]*receiptMeta
	busy   map[receiptName][sha256.Size]byte // requests in progress, and what they ask
}

// receiptName stands for a caller and the key that it sent.
type receiptName [16]byte

// receiptMeta is what memory holds of a receipt.
type receiptMeta struct {
	created time.Time
	// provisional: created was read from a clock that could not be believed.
	provisional bool
	asked       [sha256.Size]byte // hash of the request
	size        int
}

// NewReceipts returns the receipts of a store. now tells the house's time, as
// hotspot.Service does.
func NewReceipts(store hotspot.Store, now func() (t time.Time, believed bool)) *Receipts {
	return &Receipts{store: store, now: now, kept: map[receiptName]*receiptMeta{}, busy: map[receiptName][sha256.Size]byte{}}
}

func (n receiptName) secret() string { return receiptStore + hex.EncodeToString(n[:]) }

// The problems with an Idempotency-Key.
var (
	errReceiptBusy  = errors.New("a request with this Idempotency-Key is being carried out; ask again when it is done")
	errReceiptOther = errors.New("the Idempotency-Key was sent with another request already; each request needs its own")
)

// claim is a request with an Idempotency-Key that is being carried out.
type claim struct {
	*Receipts
	name  receiptName
	asked [sha256.Size]byte
	// answer writes what was made as the answer to be given again.
	answer func(made any) ([]byte, error)
	wrote  bool          // the transaction got as far as the receipt
	gone   []receiptName // receipts that it deletes
}

// begin looks a request up. It returns the stored answer if the request was
// carried out before; else the caller carries it out under the claim, and then
// calls end.
func (rs *Receipts) begin(ctx context.Context, name receiptName, asked [sha256.Size]byte) (c *claim, stored *receipt, err error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if err := rs.load(ctx); err != nil {
		return nil, nil, err
	}
	if other, busy := rs.busy[name]; busy {
		if other != asked {
			return nil, nil, errReceiptOther
		}
		return nil, nil, errReceiptBusy
	}
	if m := rs.kept[name]; m != nil && !rs.expired(m) {
		if m.asked != asked {
			return nil, nil, errReceiptOther
		}
		rec, found, err := rs.read(ctx, name)
		if found || err != nil {
			return nil, rec, err
		}
	}
	rs.busy[name] = asked
	return &claim{Receipts: rs, name: name, asked: asked}, nil, nil
}

// load reads what the store holds, once.
func (rs *Receipts) load(ctx context.Context) error {
	if rs.loaded {
		return nil
	}
	var all map[string][]byte
	err := rs.store.View(ctx, func(r hotspot.Reader) (err error) {
		all, err = r.Secrets(receiptStore)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the receipts: %w", err)
	}
	for secret, b := range all {
		name, err := hex.DecodeString(strings.TrimPrefix(secret, receiptStore))
		rec, ok := parseReceipt(b)
		if err != nil || len(name) != len(receiptName{}) || !ok {
			continue // it answers nobody, and is overwritten if its key comes again
		}
		rs.kept[receiptName(name)] = rec.meta()
	}
	rs.loaded = true
	return nil
}

// expired: a receipt from before the clock was believed counts from then on.
func (rs *Receipts) expired(m *receiptMeta) bool {
	now, believed := rs.now()
	if m.provisional && believed {
		m.created, m.provisional = now, false
	}
	return now.Sub(m.created) >= receiptLife
}

// read reads a receipt; found is false if there is none that can be read.
func (rs *Receipts) read(ctx context.Context, name receiptName) (rec *receipt, found bool, err error) {
	var value []byte
	err = rs.store.View(ctx, func(r hotspot.Reader) (err error) {
		value, err = r.Secret(name.secret())
		return err
	})
	if errors.Is(err, hotspot.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read a receipt: %w", err)
	}
	rec, found = parseReceipt(value)
	return rec, found, nil
}

// put writes the receipt in the transaction of the creation, and deletes those
// that must go. It is a [hotspot.Receipt].
func (c *claim) put(tx hotspot.Tx, made any) error {
	body, err := c.answer(made)
	if err != nil {
		return err
	}
	now, believed := c.now()
	value, err := receipt{created: now, provisional: !believed, asked: c.asked, body: body}.encode()
	if err != nil {
		return err
	}
	if len(value) > maxOneBytes {
		return hotspot.Invalid("", "the answer is too large to be kept for the Idempotency-Key: ask for less at once")
	}
	c.gone = c.old(c.name, len(value))
	for _, name := range c.gone {
		if err := tx.DeleteSecret(name.secret()); err != nil {
			return err
		}
	}
	c.wrote = true
	return tx.PutSecret(c.name.secret(), value)
}

// end notes that a request is not in progress any more. What became of it, the
// store knows: an error can come after the creation was stored.
func (c *claim) end(ctx context.Context) {
	var rec *receipt
	found := false
	if c.wrote {
		rec, found, _ = c.read(context.WithoutCancel(ctx), c.name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, c.name)
	if !found {
		return
	}
	for _, name := range c.gone {
		delete(c.kept, name)
	}
	c.kept[c.name] = rec.meta()
}

// old lists the receipts that must go when one more comes.
func (rs *Receipts) old(fresh receiptName, size int) (gone []receiptName) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	stay := make(map[receiptName]*receiptMeta, len(rs.kept))
	for name, m := range rs.kept {
		switch {
		case name == fresh:
		case rs.expired(m):
			gone = append(gone, name)
		default:
			stay[name] = m
			size += m.size
		}
	}
	for len(stay) >= maxReceipts || len(stay) > 0 && size > maxAllBytes {
		var oldest receiptName
		for name, m := range stay {
			if o := stay[oldest]; o == nil || m.created.Before(o.created) {
				oldest = name
			}
		}
		size -= stay[oldest].size
		delete(stay, oldest)
		gone = append(gone, oldest)
	}
	return gone
}
