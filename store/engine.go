package store

import "context"

// bucket numbers a kind of key. The numbers are in snapshots, and will be in
// journals: never change one, never use one again.
type bucket uint8

// What a store holds. The buckets below bktIndexes are the truth; the indexes
// follow from them and can be built again.
const (
	bktMeta bucket = iota + 1
	bktVouchers
	bktUsers
	bktSessions
	bktDevices
	bktSettings
	bktSecrets
	bktClock
	bktAudit
	bktEvents
	bktSightings
	bktDays
	bktBlocked

	bktUsernames    bucket = iota + 19 // folded username → voucher id, but for the newest: see names.go
	bktVoucherMACs                     // MAC and voucher id → nothing
	bktUserKeys                        // method and key → user id
	bktOpenSessions                    // session id → nothing

	bktIndexes = bktUsernames
)

// recordBuckets lists the buckets that hold the truth, ascending.
func recordBuckets() []bucket {
	return []bucket{bktMeta, bktVouchers, bktUsers, bktSessions, bktDevices, bktSettings, bktSecrets, bktClock, bktAudit, bktEvents, bktSightings, bktDays, bktBlocked}
}

// indexBuckets lists the buckets that follow from the others, ascending.
func indexBuckets() []bucket {
	return []bucket{bktUsernames, bktVoucherMACs, bktUserKeys, bktOpenSessions}
}

func allBuckets() []bucket { return append(recordBuckets(), indexBuckets()...) }

// String is the bucket's name in a bbolt file and in messages; "" for a
// number that is not a bucket.
func (b bucket) String() string {
	switch b {
	case bktMeta:
		return "meta"
	case bktVouchers:
		return "vouchers"
	case bktUsers:
		return "users"
	case bktSessions:
		return "sessions"
	case bktDevices:
		return "devices"
	case bktSettings:
		return "settings"
	case bktSecrets:
		return "secrets"
	case bktClock:
		return "clock"
	case bktAudit:
		return "audit"
	case bktEvents:
		return "events"
	case bktSightings:
		return "sightings"
	case bktDays:
		return "days"
	case bktBlocked:
		return "blocked"
	case bktUsernames:
		return "usernames"
	case bktVoucherMACs:
		return "voucher-macs"
	case bktUserKeys:
		return "user-keys"
	case bktOpenSessions:
		return "open-sessions"
	}
	return ""
}

// op is one write. A nil value deletes the key; an empty one does not.
type op struct {
	bucket     bucket
	key, value []byte // not changed by anybody from here on
}

// reader reads one consistent state. Slices that it returns are valid until
// the next write or the end of the transaction, and are never changed.
type reader interface {
	// get returns nil for what is not there.
	get(b bucket, key []byte) ([]byte, error)
	// cursor walks a bucket in order of keys.
	cursor(b bucket) cursor
}

// cursor walks over keys; a nil key is the end. A bucket must not be written
// while a cursor walks it.
type cursor interface {
	first() (key, value []byte, err error)
	last() (key, value []byte, err error)
	// seek goes to a key or to the first one after it.
	seek(key []byte) (k, value []byte, err error)
	next() (key, value []byte, err error)
	prev() (key, value []byte, err error)
}

// writer is the one write transaction that there can be at a time. Its apply
// is the choke point of the store: nothing is written in any other way.
type writer interface {
	reader
	// apply takes the next op of the transaction. It is seen by this
	// writer's reads at once and by nobody else before commit.
	apply(op) error
	// applied counts the ops so far.
	applied() int
	// state names the committed state that the transaction began with, and
	// the one that its commit makes. No number ever stands for two states.
	state() (base, self uint64)
	// commit makes the ops durable, all or none. On an error none of them is
	// there, now and after a power cut, as far as the disk lets one know.
	commit() error
	rollback()
}

// engine keeps keys and values. There is one, direct: a bbolt file on a
// filesystem that can be mapped.
//
// A second one, for flash filesystems that cannot (JFFS2), has its place
// here: a journal. It has a direct engine on a file in RAM, not synced, as
// the live view, and its writer wraps that one's:
//
//   - begin starts a transaction of the live view.
//   - apply appends the op to the transaction's record (bucket number, key,
//     value) and hands it on. The order of ops is the order of the record.
//   - commit appends the record with its checksum to the journal on flash,
//     syncs it, then commits the live view. If the journal fails, the live
//     view is rolled back and the journal cut to where it was.
//   - open loads the newest snapshot, then applies the journal's whole
//     records, in order, through the same apply.
//   - compact writes a snapshot (the format that there is already, see
//     writeSnapshot) and empties the journal.
//
// Above the engine nothing changes: transactions, group commit, indexes,
// migrations and snapshots only use this interface.
type engine interface {
	// view runs f on one consistent state.
	view(f func(reader) error) error
	// begin starts a write transaction. The caller makes sure that there is
	// only one at a time, and ends it with commit or rollback.
	begin() (writer, error)
	// compact gives space back that is not used. No write transaction may be
	// open; views go on.
	compact(ctx context.Context) error
	stats() engineStats
	// check looks for damage in how the keys are kept, not in what they mean.
	check() error
	close() error
}

// engineStats are an engine's figures.
type engineStats struct {
	size uint64 // bytes of the file
	free uint64 // of them not used
}
