package config_test

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// Every key is there, with what the file says of it.
func TestSets(t *testing.T) {
	c, err := config.Parse([]byte(`
data: /srv/data
zone: "+01:00"
guest: {interface: br-guest}
lan: {interface: br-lan, listen: ["0.0.0.0:80", "[::]:80"]}
network: {uplinks: [wan0, wwan0]}
accounting: {flush: 2m}
limits: {memory: 32MiB}
log: {level: warn}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"data": "/srv/data", "guest.interface": "br-guest", "guest.portal_port": "2050", "guest.addresses": "",
		"lan.listen": "0.0.0.0:80, [::]:80", "network.uplinks": "wan0, wwan0", "accounting.flush": "2m", "limits.memory": "32MiB",
		"log.level": "warn", "lan.https.redirect": "false", "network.backend": "nftables", "metrics.listen": ""}
	changed := map[string]bool{"data": true, "zone": true, "guest.interface": true, "lan.interface": true, "lan.listen": true,
		"network.uplinks": true, "accounting.flush": true, "limits.memory": true, "log.level": true}
	sets := c.Sets()
	if fields := config.Fields(); len(sets) != len(fields) {
		t.Fatalf("%d of %d keys", len(sets), len(fields))
	}
	for _, s := range sets {
		if w, ok := want[s.Path]; ok && s.Value != w {
			t.Errorf("%s: %q instead of %q", s.Path, s.Value, w)
		}
		if s.Changed != changed[s.Path] {
			t.Errorf("%s: changed is %v", s.Path, s.Changed)
		}
	}
}
