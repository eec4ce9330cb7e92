// Package bench measures the hotspot beside its own baselines.
//
// Each benchmark runs in a lab of namespaces, takes turns with what it is
// compared with (forwarding without our table, bare bbolt, a bare HTTP
// handler) so that whatever else the machine does hits both alike, and states
// medians with their spread. What is claimed is a ratio of two medians of one
// run, never a time by itself; nothing here fails because a machine is slow.
package bench
