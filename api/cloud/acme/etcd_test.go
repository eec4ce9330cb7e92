package acme

import (
	"log/slog"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd/etcdtest"
)

// TestEtcd: relays that share their records in etcd order one certificate, and
// each has it.
func TestEtcd(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.Options{})
	open := func() cloud.Store {
		d, err := etcd.Open(t.Context(), etcd.Config{Endpoints: cluster.Endpoints(), Timeout: patience / 3, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		return d
	}
	w := newWorld(t, time.Hour)
	relays, logs := make([]*Manager, 3), make([]*journal, 3)
	for i := range relays {
		w.store = open()
		relays[i], logs[i], _ = w.manager(nil)
	}
	for _, m := range relays {
		until(t, "there is a certificate", func() bool { return m.Problem() == "" })
		if !m.current().Leaf.Equal(relays[0].current().Leaf) {
			t.Error("they have different ones")
		}
	}
	w.once(1, logs...)
}
