// Package daemon wires the parts into a running hotspot. It is the only place
// that knows them all; each long-lived job is a task under one errgroup, and
// the first that fails ends the daemon, while guests stay online: the kernel
// goes on without it.
package daemon
