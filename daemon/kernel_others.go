//go:build !linux

package daemon

import (
	"errors"
	"net"
	"net/netip"
)

var errLinuxOnly = errors.New("the nftables backend needs Linux; try --backend memory")

func (d *hotspotDaemon) kernelNetwork() (gate, watcher, error) { return nil, nil, errLinuxOnly }

func listenConfig(netip.Addr, string) net.ListenConfig { return net.ListenConfig{} }
