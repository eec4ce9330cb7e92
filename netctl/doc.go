// Package netctl works out what a gate must change: it compares what a gate
// holds with the passes it is told to hold, and names the objects that the
// gate keeps. It does no I/O. The backends (netctl/nft, netctl/memory) carry
// out what it decides and pass the contract suite in netctl/gatetest.
package netctl
