// Package e2e tests the whole hotspot: the real binary between a real kernel,
// a real DHCP server and real DHCP clients, in a lab of namespaces. Its tests
// need root; each makes a lab of its own and takes it down.
package e2e
