package etcd

import (
	"encoding/json"
	"errors"
	"net"
	"strings"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Keys of the registry. They lie side by side, so that one watch tells of both in
// the order in which they happen.
const (
	atPart   = "at/"
	nodePart = "node/"
	liveEnd  = "node0" // after all of them
)

// Bounds of what stands in the registry.
const (
	maxID     = 64  // bytes of a relay's id
	maxRouter = 128 // bytes of a router's id
	maxPeer   = 261 // bytes: a name, a colon and a port
	maxNode   = 1024
)

// plain reports whether an id has between 1 and most of the characters a-z, A-Z,
// 0-9, - _ and .
func plain(id string, most int) bool {
	if id == "" || len(id) > most {
		return false
	}
	return !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
	})
}

// checkNode reports what is wrong with a relay that wants to join.
func checkNode(n cloud.Node) error {
	if !plain(n.ID, maxID) {
		return errors.New("a relay's id has 1 to 64 of a-z, A-Z, 0-9, dot, dash and underscore")
	}
	if _, port, err := net.SplitHostPort(n.Peer); err != nil || port == "" || len(n.Peer) > maxPeer {
		return errors.New("where other relays reach this one is written host:port")
	}
	return nil
}

// readNode reads what a relay has written of itself.
func readNode(id string, value []byte) (cloud.Node, bool) {
	var n cloud.Node
	if len(value) > maxNode || json.Unmarshal(value, &n) != nil || n.ID != id || checkNode(n) != nil {
		return cloud.Node{}, false
	}
	return n, true
}
