package daemon

import "context"

// flush stores what was used, and when the keys were last used, in one
// transaction.
func (d *hotspotDaemon) flush(ctx context.Context) error {
	write, stored := d.keys.Uses()
	err := d.service.Flush(ctx, write)
	if err == nil {
		stored()
	}
	return err
}

// flushDue reports whether a flush would store anything that is worth a write
// to flash.
func (d *hotspotDaemon) flushDue() bool {
	return d.service.FlushDue() || d.keys.Unstored()
}
