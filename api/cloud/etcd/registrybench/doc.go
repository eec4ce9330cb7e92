// Package registrybench plays the traffic of many relays' registry against a real
// etcd and measures it: `make bench-registry`. Its test is the same, small.
package registrybench
