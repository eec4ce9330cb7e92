// Package storetest has a disk whose power can be cut. It is for tests that
// want to know what a store, or any program, has on the disk at a moment: below
// the page cache and the filesystem, where only what was flushed is certain.
package storetest
