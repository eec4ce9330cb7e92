package hotspot

import "errors"

// refuseNext says why a device may not begin to use another address: the period
// of the one that it gave last is over, and the next may not begin yet. An
// address costs nothing to think of, so that without this nobody's free time
// would end.
func refuseNext(tx Tx, e *entry) error {
	d, err := tx.Device(e.host.MAC)
	if errors.Is(err, ErrNotFound) || err == nil && d.Account.Method != MethodEmail {
		return nil
	}
	if err != nil {
		return err
	}
	last, err := tx.User(MethodEmail, d.Account.ID)
	if errors.Is(err, ErrNotFound) || err == nil && last.Key == e.claim.User.Key {
		return nil
	}
	if err != nil {
		return err
	}
	if refusal := last.renew(e.at, e.set); refusal != nil {
		return refusal
	}
	return nil
}
