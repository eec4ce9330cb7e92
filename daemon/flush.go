package daemon

import (
	"context"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// flush stores what was used, when the keys were last used, and what became of
// webhooks, in one transaction.
func (d *hotspotDaemon) flush(ctx context.Context) error {
	write, stored := d.keys.Uses()
	along := []func(hotspot.Tx) error{write}
	told, toldStored := d.webhooks.Uses()
	if told != nil {
		along = append(along, told)
	}
	err := d.service.Flush(ctx, along...)
	if err == nil {
		stored()
		toldStored()
	}
	return err
}

// flushDue reports whether a flush would store anything that is worth a write
// to flash.
func (d *hotspotDaemon) flushDue() bool {
	return d.service.FlushDue() || d.keys.Unstored() || d.webhooks.Unstored()
}
