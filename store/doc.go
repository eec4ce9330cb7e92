// Package store keeps what must outlive a power cut: it implements
// [hotspot.Store] on a bbolt file, and is the only importer of bbolt.
//
// # From the outside in
//
// [DB] runs views and updates. Updates go through a queue that lets those that
// come at the same time share one commit, which is one sync of the flash. In a
// transaction, records are encoded and indexes kept up to date, and every
// single write leaves as an op (bucket, key, value) through one choke point:
// the engine. The engine that there is keeps ops in bbolt; see its interface
// for where a journal for JFFS2 will fit.
//
// # On the disk
//
// Keys are big-endian, so that they sort as numbers. Records are tagged
// fields with a checksum; times are in microseconds. A program skips fields
// that it does not know, so an older one can read what a newer one wrote as
// long as the schema version is the same (and drops such a field when it
// writes the record again).
//
// A new voucher takes 61 bytes as a record, one that is in use 99, a session
// with an IPv4 and an IPv6 address 86. With keys, indexes and bbolt's own, a
// voucher takes about 145 bytes of a compacted file and 280 of one that grew
// in random order, and 31 of a snapshot.
//
// A router's commit writes the pages that changed, the list of free pages and
// a meta page of a bbolt file. A failed commit leaves the state before it.
//
// Snapshots are logical, and so the same on every machine: bbolt's own files
// are not, they have the byte order of the machine that wrote them.
package store
