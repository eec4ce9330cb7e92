package operators

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
)

const (
	// budget is about how long one hash may take.
	budget = 500 * time.Millisecond
	// MaxMemory is what one hash takes where there is enough, in KiB.
	MaxMemory = 19 << 10
	// minMemory is what it takes on the slowest machine.
	minMemory = 4 << 10
	// maxPasses bounds the work where there is more time than needed.
	maxPasses = 8

	saltSize, keySize = 16, 32
	// waiting is how many may wait for their turn to be hashed.
	waiting = 8
)

// work says how much work a hash is.
type work struct {
	memory uint32 // KiB
	passes uint32
}

// errBusy is returned when too many passwords wait to be checked.
var errBusy = errors.New("too many passwords are being checked")

var errHash = errors.New("the password's hash is damaged")

// hasher hashes passwords, one at a time.
type hasher struct {
	turn    chan struct{}
	queued  atomic.Int32
	most    uint32 // KiB
	chosen  sync.Once
	measure func(work) time.Duration // one hash of this much work takes
	present work
	done    atomic.Uint64 // passes × KiB computed, for tests
}

func newHasher(most uint32) *hasher {
	return &hasher{turn: make(chan struct{}, 1), most: most, measure: measure}
}

// measure computes a hash and tells how long it took.
func measure(w work) time.Duration {
	begin := time.Now()
	argon2.IDKey([]byte("how fast is this machine"), make([]byte, saltSize), w.passes, w.memory, 1, keySize)
	return time.Since(begin)
}

// work returns how much work new hashes are, which is measured the first time.
func (h *hasher) work() work {
	h.chosen.Do(func() { h.present = chooseWork(h.most, h.measure) })
	return h.present
}

// chooseWork fits a hash into the budget. Memory is worth more than passes: it
// is what hardware for guessing lacks.
func chooseWork(most uint32, measure func(work) time.Duration) work {
	most = max(most, minMemory)
	// Too short a sample says little.
	sample, took := work{1 << 10, 1}, time.Duration(0)
	for took = measure(sample); took < budget/25 && sample.memory < most; took = measure(sample) {
		sample.memory = min(2*sample.memory, most)
	}
	affordable := uint64(budget) * uint64(sample.memory) / uint64(max(took, 1)) // KiB × passes
	if affordable <= uint64(most) {
		return work{max(uint32(affordable)&^1023, minMemory), 1}
	}
	return work{most, uint32(min(affordable/uint64(most), maxPasses))}
}

// begin waits for a turn.
func (h *hasher) begin(ctx context.Context) error {
	if h.queued.Add(1) > waiting {
		h.queued.Add(-1)
		return errBusy
	}
	select {
	case h.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		h.queued.Add(-1)
		return ctx.Err()
	}
}

// end gives the turn on. The memory goes back to the machine at once.
func (h *hasher) end() {
	debug.FreeOSMemory()
	<-h.turn
	h.queued.Add(-1)
}

// key computes a hash. The caller has the turn.
func (h *hasher) key(password string, salt []byte, w work) []byte {
	h.done.Add(w.cost())
	return argon2.IDKey([]byte(password), salt, w.passes, w.memory, 1, keySize)
}

// target returns how much work new hashes are: as much as that of the oldest
// operator's, so that one is not told from another by time, unless this machine
// can do much more, or much less.
func (h *hasher) target(oldest string) work {
	present := h.work()
	if w, _, err := parseHash(oldest); err == nil && w.cost() < 4*present.cost() && 2*w.cost() > present.cost() {
		return w
	}
	return present
}

func (w work) cost() uint64 { return uint64(w.memory) * uint64(w.passes) }

// hash returns a PHC string of a password. The caller has the turn.
func (h *hasher) hash(password string, w work) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return formatHash(w, salt, h.key(password, salt, w))
}

// matches compares a password with a PHC string. The caller has the turn.
func (h *hasher) matches(password, hash string) bool {
	w, parts, err := parseHash(hash)
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare(h.key(password, parts.salt, w), parts.key) == 1
}

type hashParts struct{ salt, key []byte }

func formatHash(w work, salt, key []byte) string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, w.memory, w.passes, enc.EncodeToString(salt), enc.EncodeToString(key))
}

// parseHash reads what formatHash wrote. A store may come from anywhere: one
// hash must not take all the memory.
func parseHash(s string) (w work, p hashParts, err error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != "v="+strconv.Itoa(argon2.Version) {
		return w, p, errHash
	}
	n := strings.Split(f[3], ",")
	if len(n) != 3 || n[2] != "p=1" {
		return w, p, errHash
	}
	memory, ok := number(n[0], "m=", 8, 64<<10)
	passes, ok2 := number(n[1], "t=", 1, 64)
	enc := base64.RawStdEncoding.Strict()
	salt, err1 := enc.DecodeString(f[4])
	key, err2 := enc.DecodeString(f[5])
	if !ok || !ok2 || err1 != nil || err2 != nil || len(salt) != saltSize || len(key) != keySize || strings.ContainsAny(s, "\r\n") {
		return w, p, errHash
	}
	return work{memory, passes}, hashParts{salt, key}, nil
}

func number(s, prefix string, least, most uint64) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil && n >= least && n <= most && strconv.FormatUint(n, 10) == digits
}
