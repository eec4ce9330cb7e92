package daemon

import (
	"context"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// flush stores what was used, and when the keys were last used, in one
// transaction.
func (d *hotspotDaemon) flush(ctx context.Context) error {
	var along []func(hotspot.Tx) error
	write, stored := d.keys.Uses()
	if write != nil {
		along = append(along, write)
	}
	err := d.service.Flush(ctx, along...)
	if err == nil {
		stored()
	}
	return err
}

// flushDue reports whether a flush would store anything that is worth a write
// to flash.
func (d *hotspotDaemon) flushDue() bool {
	write, _ := d.keys.Uses()
	return write != nil || d.service.FlushDue()
}
