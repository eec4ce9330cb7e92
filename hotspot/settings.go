package hotspot

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Settings are what an operator changes while the router runs. [SettingKeys]
// lists their keys.
type Settings struct {
	APIPost bool
	APIGet  bool

	VenueName   string
	PortalTitle string
	PortalText  string
	PortalTerms string

	LoginVoucher bool
	LoginFree    bool
	LoginEmail   bool
	LoginOrder   []Method // of the ways to log in on the login page

	Portal PortalSettings

	VoucherValidFor  Validity // preset of new vouchers
	VoucherFromStart bool     // validity runs from valid_from, not from the first login
	VoucherDevices   int      // at once, for vouchers without a number of their own
	VoucherTakeover  bool     // the newest device takes the oldest one's place
	VoucherReturn    bool     // known devices are let in without the form

	SessionIdle time.Duration // 0 = none
	SessionMax  time.Duration // 0 = none

	FreeFor    time.Duration // of one period; 0 = without end
	FreeEvery  time.Duration // a new period may begin this long after the last began
	FreeLimit  Usage         // of one period
	FreeReturn bool

	LogAge  time.Duration // 0 = keep
	LogRows int           // 0 = keep

	PeopleAge time.Duration // since they were here last; 0 = keep

	AuditAge  time.Duration // 0 = keep
	AuditRows int           // 0 = keep

	Print PrintSettings

	WebhookAway  time.Duration // a device is told of again after this long
	WebhookLocal bool          // webhooks may go to this router and its guests
}

// SettingKey describes one setting for programs and people.
type SettingKey struct {
	Key     string
	Kind    string // "on|off", "text", "duration", "MB" …
	Default string
	Doc     string
	// Secret: the value is in no log, and shown only to those who may change it.
	Secret bool
	get    func(*Settings) string
	set    func(*Settings, string) error
}

// MaxDevices is the largest number of devices that may share a voucher.
const MaxDevices = 100

// SettingKeys lists every setting, in order of key.
func SettingKeys() []SettingKey {
	keys := []SettingKey{
		flag("api.get", "off", "answer the action API's GET method", func(s *Settings) *bool { return &s.APIGet }),
		flag("api.post", "off", "answer the action API's POST method", func(s *Settings) *bool { return &s.APIPost }),
		text("venue.name", "Guest Wi-Fi", 100, "the venue's name, on every page", func(s *Settings) *string { return &s.VenueName }),
		text("portal.title", "", 100, "heading of the login page; empty: a welcome in the guest's language", func(s *Settings) *string { return &s.PortalTitle }),
		text("portal.text", "", 2000, "text below the heading", func(s *Settings) *string { return &s.PortalText }),
		text("portal.terms", "", 20000, "terms of use; guests agree to them by logging in", func(s *Settings) *string { return &s.PortalTerms }),
		flag("login.voucher", "on", "guests may log in with a voucher", func(s *Settings) *bool { return &s.LoginVoucher }),
		flag("login.free", "off", "guests may get on with a click", func(s *Settings) *bool { return &s.LoginFree }),
		validity("voucher.valid_for", "1 day", "validity of a new voucher that names none", func(s *Settings) *Validity { return &s.VoucherValidFor }),
		choice("voucher.validity_from", "first_login", "valid_from", "when a voucher's validity begins to run", func(s *Settings) *bool { return &s.VoucherFromStart }),
		number("voucher.devices", "1", 1, MaxDevices, "devices that may share a voucher that names no number", func(s *Settings) *int { return &s.VoucherDevices }),
		flag("voucher.takeover", "off", "a new device takes the place of a voucher's oldest one instead of being refused", func(s *Settings) *bool { return &s.VoucherTakeover }),
		flag("voucher.return", "on", "a known device is let in again without the form while its voucher lasts", func(s *Settings) *bool { return &s.VoucherReturn }),
		duration("session.idle_timeout", "30m", 24*time.Hour, "end a session after this long without traffic; 0 for never", func(s *Settings) *time.Duration { return &s.SessionIdle }),
		duration("session.timeout", "0s", 31*day, "end a session after this long; 0 for never", func(s *Settings) *time.Duration { return &s.SessionMax }),
		duration("free.duration", "1h", 31*day, "free time in one period; 0 for without end", func(s *Settings) *time.Duration { return &s.FreeFor }),
		duration("free.every", "24h", 31*day, "a device's next free period may begin this long after its last one began; 0 for at once", func(s *Settings) *time.Duration { return &s.FreeEvery }),
		megabytes("free.download_limit", "download in one free period, in MB; 0 for unlimited", func(s *Settings) *uint64 { return &s.FreeLimit.Down }),
		megabytes("free.upload_limit", "upload in one free period, in MB; 0 for unlimited", func(s *Settings) *uint64 { return &s.FreeLimit.Up }),
		flag("free.return", "on", "a known device is let in again without the form while its free period lasts", func(s *Settings) *bool { return &s.FreeReturn }),
		days("audit.keep_days", "730", "delete what the audit log has older than this many days; 0 for never", func(s *Settings) *time.Duration { return &s.AuditAge }),
		number("audit.keep_rows", "5000", 0, 1_000_000, "keep at most this many rows of the audit log; 0 for all", func(s *Settings) *int { return &s.AuditRows }),
		days("people.keep_days", "365", "delete users who were not here for this many days, and take them out of the login log; 0 for never", func(s *Settings) *time.Duration { return &s.PeopleAge }),
		days("log.keep_days", "365", "delete logins older than this many days; 0 for never", func(s *Settings) *time.Duration { return &s.LogAge }),
		number("log.keep_rows", "50000", 0, 10_000_000, "keep at most this many logins; 0 for all", func(s *Settings) *int { return &s.LogRows }),
	}
	keys = append(keys, portalKeys()...)
	keys = append(keys,
		duration("webhook.device_away", "12h", 31*day, "device.seen tells of a known device again after it was away this long; 0 for never", func(s *Settings) *time.Duration { return &s.WebhookAway }),
		flag("webhook.local", "off", "webhooks may be sent to this router itself and to the guest network", func(s *Settings) *bool { return &s.WebhookLocal }),
	)
	keys = append(keys, printKeys()...)
	sort.Slice(keys, func(i, j int) bool { return keys[i].Key < keys[j].Key })
	return keys
}

// DefaultSettings are those of a fresh device.
func DefaultSettings() Settings {
	var s Settings
	for _, k := range SettingKeys() {
		if err := k.set(&s, k.Default); err != nil {
			panic("default of " + k.Key + ": " + err.Error()) // a constant of this file
		}
	}
	return s
}

// loadSettings reads stored texts over the defaults. Unknown keys (of a newer
// version) and values that no longer hold are left out and returned as errors.
func loadSettings(stored map[string]string) (Settings, []error) {
	s := DefaultSettings()
	var errs []error
	for _, k := range SettingKeys() {
		v, ok := stored[k.Key]
		if !ok {
			continue
		}
		if err := k.set(&s, v); err != nil {
			errs = append(errs, fmt.Errorf("setting %s: %w", k.Key, err))
		}
	}
	return s, errs
}

func settingKey(key string) (SettingKey, error) {
	for _, k := range SettingKeys() {
		if k.Key == key {
			return k, nil
		}
	}
	return SettingKey{}, &Error{Code: CodeNotFound, Field: "key", Text: fmt.Sprintf("%q is not a setting", key)}
}

// Settings returns the settings in force.
func (s *Service) Settings() Settings { return *s.settings.Load() }

// Setting returns one setting as text.
func (s *Service) Setting(key string) (string, error) {
	k, err := settingKey(key)
	if err != nil {
		return "", err
	}
	set := s.Settings()
	return k.get(&set), nil
}

// flag makes a setting that is on or off. It and its like are not made part of
// their callers: that takes much code, in a hundred places.
//
//go:noinline
func flag(key, def, doc string, at func(*Settings) *bool) SettingKey {
	return SettingKey{Key: key, Kind: "on|off", Default: def, Doc: doc,
		get: func(s *Settings) string {
			if *at(s) {
				return "on"
			}
			return "off"
		},
		set: func(s *Settings, v string) error {
			switch v {
			case "on", "true", "1", "yes":
				*at(s) = true
			case "off", "false", "0", "no":
				*at(s) = false
			default:
				return Worded("%q is neither on nor off", v)
			}
			return nil
		}}
}

// choice is a flag whose two values have names of their own.
//
//go:noinline
func choice(key, off, on, doc string, at func(*Settings) *bool) SettingKey {
	return SettingKey{Key: key, Kind: off + "|" + on, Default: off, Doc: doc,
		get: func(s *Settings) string {
			if *at(s) {
				return on
			}
			return off
		},
		set: func(s *Settings, v string) error {
			if v != on && v != off {
				return Worded("%q is neither %s nor %s", v, off, on)
			}
			*at(s) = v == on
			return nil
		}}
}

//go:noinline
func text(key, def string, most int, doc string, at func(*Settings) *string) SettingKey {
	return SettingKey{Key: key, Kind: "text", Default: def, Doc: doc,
		get: func(s *Settings) string { return *at(s) },
		set: func(s *Settings, v string) error {
			if err := checkText(v, most); err != nil {
				return err
			}
			*at(s) = v
			return nil
		}}
}

// checkText refuses what no page or list should have to show. Line breaks are
// text here.
func checkText(v string, most int) error {
	if !utf8.ValidString(v) {
		return Worded("must be valid UTF-8")
	}
	if utf8.RuneCountInString(v) > most {
		return Worded("must be at most %d characters", most)
	}
	for _, r := range v {
		if r != '\n' && unicode.IsControl(r) {
			return Worded("must not contain control characters")
		}
	}
	return nil
}

//go:noinline
func validity(key, def, doc string, at func(*Settings) *Validity) SettingKey {
	return SettingKey{Key: key, Kind: "validity", Default: def, Doc: doc,
		get: func(s *Settings) string { return at(s).String() },
		set: func(s *Settings, v string) error {
			d, err := ParseValidity(v)
			if err == nil {
				*at(s) = d
			}
			return err
		}}
}

//go:noinline
func number(key, def string, least, most int, doc string, at func(*Settings) *int) SettingKey {
	return SettingKey{Key: key, Kind: fmt.Sprintf("%d–%d", least, most), Default: def, Doc: doc,
		get: func(s *Settings) string { return strconv.Itoa(*at(s)) },
		set: func(s *Settings, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < least || n > most {
				return Worded("%q is not a whole number from %d to %d", v, least, most)
			}
			*at(s) = n
			return nil
		}}
}

//go:noinline
func duration(key, def string, most time.Duration, doc string, at func(*Settings) *time.Duration) SettingKey {
	return SettingKey{Key: key, Kind: "duration", Default: def, Doc: doc,
		get: func(s *Settings) string { return shortDuration(*at(s)) },
		set: func(s *Settings, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d < 0 || d > most || d%time.Second != 0 {
				return Worded("%q is not a duration of whole seconds from 0s to %s, such as 90s, 30m or 12h", v, most)
			}
			*at(s) = d
			return nil
		}}
}

// shortDuration spells 30m0s as 30m.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

//go:noinline
func days(key, def, doc string, at func(*Settings) *time.Duration) SettingKey {
	return SettingKey{Key: key, Kind: "days", Default: def, Doc: doc,
		get: func(s *Settings) string { return strconv.FormatInt(int64(*at(s)/day), 10) },
		set: func(s *Settings, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 || n > 36500 {
				return Worded("%q is not a number of days from 0 to 36500", v)
			}
			*at(s) = time.Duration(n) * day
			return nil
		}}
}

//go:noinline
func megabytes(key, doc string, at func(*Settings) *uint64) SettingKey {
	return SettingKey{Key: key, Kind: "MB", Default: "0", Doc: doc,
		get: func(s *Settings) string { return strconv.FormatUint(*at(s)/MB, 10) },
		set: func(s *Settings, v string) error {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil || n > MaxLimitMB {
				return Worded("%q is not a number of MB from 0 to %d", v, MaxLimitMB)
			}
			*at(s) = n * MB
			return nil
		}}
}
