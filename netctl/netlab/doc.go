// Package netlab is a network on one machine: namespaces, bridges, DHCP
// clients, traffic, plugs to pull. The demo, the integration tests and the
// benchmarks use it; the daemon never does.
//
// A [Lab] is this network:
//
//	upstream ── wan0 ┐                ┌ br-guest ── guest1, guest2, …
//	(the internet)   ├─── router ─────┤
//	                 ┘  (dnsmasq,     └ lan0 ────── lan
//	                     masquerade)               (the operator's computer)
//
// Each name is a network namespace, vs-<id>-<name>. The upstream answers DNS
// and HTTP as the operating systems' probe hosts do. The router forwards
// everything: what guests may do is the business of the daemon under test.
//
// Several labs may stand side by side under different ids. All that a lab
// makes is found again by its id, so that [Cleanup] can remove what a crashed
// run left behind.
//
// It needs root, and the programs that [Check] looks for.
package netlab
