package nft

import "testing"

func TestOpen(t *testing.T) {
	n := newNamespace(t)
	g := openIn(t, n, nil)
	t.Log(n.run(t, "nft", "-y", "list", "ruleset"))
	_ = g
}
