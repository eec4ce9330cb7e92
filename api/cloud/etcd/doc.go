// Package etcd keeps the records of many relays in etcd, and knows which of them
// each router is connected to.
//
// # Records
//
// [DB] is a cloud.Store. A record is a key below "record/", its revision is
// etcd's; a transaction is one of etcd's, with a comparison for each condition.
// What was asked of etcd and not answered is cloud.ErrUncertain and is never
// asked again by itself; what did not get as far is cloud.ErrUnreachable.
//
// Records that every request needs are kept in memory as well. A watch takes out
// of there what others have changed. While etcd cannot be reached, what is in
// memory stays in force.
//
// # Registry
//
// A relay that has joined has a key "node/<id>" that ends a few seconds after the
// relay does (it has a lease), and the key "at/<router>" with its id for each of
// its routers. Those have none: a hundred thousand keys that end with one lease
// hold up everything else for seconds. They count only as long as their relay's
// key is there, and are removed a few at a time some minutes after it is gone.
//
// Each write of a router's key is made on condition that the key is as it was
// known to be when it was decided upon, so that a request that was held up
// somewhere on its way changes nothing when it arrives.
package etcd
