package hotspot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// SetSetting changes one setting, durably, in force at once.
func (s *Service) SetSetting(ctx context.Context, key, value string) error {
	return s.SetSettings(ctx, map[string]string{key: value})
}

// SetSettings changes several settings in one transaction: all of them, or
// none. They are in force at once. The error tells of every value that is
// refused, as [Settings.With] does.
func (s *Service) SetSettings(ctx context.Context, values map[string]string) error {
	s.settingsMu.Lock()
	defer s.settingsMu.Unlock()
	before, m := s.Settings(), s.moment()
	after, err := before.With(values)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(values))
	err = s.cfg.Store.Update(ctx, func(tx Tx) error {
		for _, name := range names {
			k, err := settingKey(name)
			if err != nil {
				return err
			}
			was, is := k.get(&before), k.get(&after)
			if err := tx.PutSetting(name, is); err != nil {
				return err
			}
			if was == is {
				continue
			}
			change := Change{name, was, is}
			if k.Secret {
				change = Change{Field: name}
			}
			row := s.audit(ctx, m, AuditSettingChanged, name, change)
			if err := tx.PutAudit(&row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store settings %q: %w", names, err)
	}
	s.settings.Store(&after)
	for _, name := range names {
		if k, err := settingKey(name); err == nil {
			s.log.Info("setting changed", "key", name, "value", k.shown(&after))
		}
	}
	return nil
}

// shown is the value as the log may have it.
func (k SettingKey) shown(s *Settings) string {
	if k.Secret {
		return "(secret)"
	}
	return k.get(s)
}

// With returns the settings with other values for some keys. Those that are
// refused stay as they were, and each has an [Error] among the joined ones that
// are returned; its field is the key.
func (s Settings) With(values map[string]string) (Settings, error) {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		k, err := settingKey(name)
		if err == nil {
			if err = k.set(&s, values[name]); err != nil {
				err = Invalid(name, "%s", err)
			}
		}
		errs = append(errs, err)
	}
	return s, errors.Join(errs...)
}

// Value returns one of the settings as text; "" if there is no such key.
func (s Settings) Value(key string) string {
	k, err := settingKey(key)
	if err != nil {
		return ""
	}
	return k.get(&s)
}
