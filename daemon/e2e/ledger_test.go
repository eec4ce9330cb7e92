package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// account is what the ledger knows of a voucher's fields; the zero value is a
// voucher that is not there.
type account struct {
	id       uint64
	passcode string
	fullname string
	limit    uint64 // MB down
}

// entry is a voucher as its only writer knows it.
type entry struct {
	may      []account // what it may be: one, or two while a change is not acknowledged
	down, up uint64    // as seen last; usage never runs backwards
}

// ledger notes what was acknowledged, for comparison after a crash.
type ledger struct {
	mu       sync.Mutex // guards all below
	vouchers map[string]*entry
	// Bytes of the datagrams that were sent on a voucher and that arrived.
	sent, arrived map[string]uint64

	acked, done, undone int // changes acknowledged; in flight at a kill, and found done or not
}

func newLedger() *ledger {
	return &ledger{vouchers: map[string]*entry{}, sent: map[string]uint64{}, arrived: map[string]uint64{}}
}

// begin notes that a voucher may become something else from here on.
func (l *ledger) begin(name string, to account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.vouchers[name]
	if e == nil {
		e = &entry{may: []account{{}}}
		l.vouchers[name] = e
	}
	e.may = append(e.may[:1:1], to)
}

// ack notes that the change was acknowledged.
func (l *ledger) ack(name string, to account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vouchers[name].may = []account{to}
	l.acked++
}

// acknowledged is how many changes were.
func (l *ledger) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

// is returns what a voucher is, where that is certain.
func (l *ledger) is(name string) account {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.vouchers[name]; e != nil {
		return e.may[0]
	}
	return account{}
}

// names lists the vouchers of a writer that are there for certain.
func (l *ledger) names(prefix string) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, e := range l.vouchers {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix && len(e.may) == 1 && e.may[0] != (account{}) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (l *ledger) count(of map[string]uint64, name string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of[name] += uint64(n)
}

// same compares what was asked for with what is there. The id of a creation
// that nobody acknowledged is not known.
func (a account) same(b account) bool {
	if a.id == 0 && a != (account{}) && b != (account{}) {
		a.id = b.id
	}
	return a == b
}

// compare holds the ledger against the router's list of vouchers.
func (l *ledger) compare(t *testing.T, rows []any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	there := map[string]map[string]any{}
	for _, r := range rows {
		row := r.(map[string]any)
		name := row["username"].(string)
		if there[name] != nil || l.vouchers[name] == nil {
			t.Errorf("%s is there twice, or was never made", name)
		}
		there[name] = row
	}
	for name, e := range l.vouchers {
		is := accountOf(there[name])
		i := slices.IndexFunc(e.may, func(a account) bool { return a.same(is) })
		if i < 0 {
			t.Errorf("%s is %+v, want one of %+v", name, is, e.may)
			continue
		}
		switch {
		case len(e.may) == 1:
		case i == 0:
			l.undone++
		default:
			l.done++
		}
		e.may = []account{is}
		if is == (account{}) {
			e.down, e.up = 0, 0
			continue
		}
		l.compareUsage(t, name, e, there[name])
	}
}

func (l *ledger) compareUsage(t *testing.T, name string, e *entry, row map[string]any) {
	t.Helper()
	down, up := uint64(row["download_used"].(float64)), uint64(row["upload_used"].(float64))
	if down < e.down || up < e.up {
		t.Errorf("%s: usage ran backwards from %d and %d to %d and %d", name, e.down, e.up, down, up)
	}
	if up < l.arrived[name] || up > l.sent[name] {
		t.Errorf("%s: %d bytes of upload counted, %d were sent and %d arrived", name, up, l.sent[name], l.arrived[name])
	}
	e.down, e.up = down, up
}

// accountOf reads a row of the API's list of vouchers.
func accountOf(row map[string]any) account {
	if row == nil {
		return account{}
	}
	return account{id: uint64(row["id"].(float64)), passcode: fmt.Sprint(row["password"]),
		fullname: fmt.Sprint(row["fullname"]), limit: uint64(row["download_limit"].(float64))}
}
