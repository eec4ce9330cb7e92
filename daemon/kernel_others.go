//go:build !linux

package daemon

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

var errLinuxOnly = errors.New("the nftables backend needs Linux; try --backend memory")

func (d *hotspotDaemon) kernelNetwork(context.Context) (gate, watcher, error) {
	return nil, nil, errLinuxOnly
}

func listenConfig(netip.Addr, string) net.ListenConfig { return net.ListenConfig{} }
