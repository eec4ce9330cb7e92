// Package nft is the gate of Linux routers: nftables over netlink.
//
// One table, inet vouchsafe, holds everything. Its maps lead from a guest's
// addresses to quota and counter objects, so that the cost of a packet does
// not grow with the number of guests, and the kernel counts, limits and ends
// sessions by itself while the daemon is away. Chains are replaced as one
// transaction whenever a gate is opened; maps and objects, and with them the
// guests, survive that.
//
// The few messages that are needed are encoded here, each expression beside
// the nft text that it stands for, over the sockets of mdlayher/netlink. The
// kernel must be 5.4 or newer.
package nft
