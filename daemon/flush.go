package daemon

import (
	"context"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// flush stores what was used, when keys and sessions were last used, and what
// became of webhooks, in one transaction.
func (d *hotspotDaemon) flush(ctx context.Context) error {
	write, stored := d.keys.Uses()
	along := []func(hotspot.Tx) error{write}
	told, toldStored := d.webhooks.Uses()
	if told != nil {
		along = append(along, told)
	}
	seen, seenStored := d.people.Uses()
	err := d.service.Flush(ctx, append(along, seen)...)
	if err == nil {
		stored()
		toldStored()
		seenStored()
	}
	return err
}

// flushDue reports whether a flush would store anything that is worth a write
// to flash.
func (d *hotspotDaemon) flushDue() bool {
	return d.service.FlushDue() || d.keys.Unstored() || d.people.Unstored() || d.webhooks.Unstored()
}
