// Package hotspot holds the rules of the guest network: who may pass, for how
// long and how much.
//
// It does no I/O and starts no goroutine. What it needs from outside comes
// through four ports: [Store] keeps what must outlive a power cut, [Gate]
// enforces in the kernel (or wherever packets are decided), [Hosts] knows
// which devices are on the guest network, and [Clock] reads the time.
// [Service] ties them together; every surface (portal, API, command line)
// calls it, so that each rule exists once.
//
// Directions are the guest's: Down is what the guest receives (RouterOS's
// bytes-out), Up is what the guest sends (bytes-in). Amounts are layer-3
// bytes; a megabyte is 2^20 bytes.
package hotspot
