// Package v1test has a stand-in for the service behind the API, for tests of
// the API's client and of the command line. It knows just enough of the rules
// to answer plausibly.
package v1test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Service keeps vouchers and settings in memory. It is safe for concurrent
// use once its fields are set.
type Service struct {
	Time     time.Time
	Believed bool
	Guest    []hotspot.Guest
	Hosts    []hotspot.GuestHost
	// Err, when set, is what every call returns.
	Err error
	// Kicked are the devices that were kicked.
	Kicked []hotspot.MAC
	// Edits are the edits that were made, in order.
	Edits []hotspot.VoucherEdit
	// Sessions are the logins, newest first.
	Sessions []hotspot.Session
	// Known are the users of methods other than vouchers.
	Known []hotspot.User
	// Stats are the statistics.
	Stats Stats

	mu       sync.Mutex // guards what is below
	last     uint64
	vouchers map[string]hotspot.VoucherView
	settings map[string]string
	picture  *hotspot.Logo
	key      int
	named    keyList
	audit    []hotspot.AuditRow
	blocked  []hotspot.BlockedDevice
}

// NewService returns a service without vouchers, at a fixed time.
func NewService() *Service {
	s := &Service{
		Time:     time.Date(2026, 3, 4, 12, 30, 0, 0, time.FixedZone("CET", 3600)),
		Believed: true,
		vouchers: map[string]hotspot.VoucherView{},
		settings: map[string]string{},
	}
	for _, k := range hotspot.SettingKeys() {
		s.settings[k.Key] = k.Default
	}
	return s
}

// Zone implements v1.Service.
func (s *Service) Zone() *time.Location { return s.Time.Location() }

// Now implements v1.Service.
func (s *Service) Now() (time.Time, bool) { return s.Time, s.Believed }

// CreateVouchers implements v1.Service with numbered usernames.
func (s *Service) CreateVouchers(_ context.Context, specs ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return nil, s.Err
	}
	made := make([]hotspot.Voucher, 0, len(specs))
	for _, spec := range specs {
		id := s.last + uint64(len(made)) + 1
		v := hotspot.Voucher{
			ID: id, Username: cmp.Or(spec.Username, fmt.Sprintf("user%02d", id)),
			Passcode: cmp.Or(spec.Passcode, fmt.Sprintf("pass%02d", id)), FullName: cmp.Or(spec.FullName, "Quiet Heron"),
			Note: spec.Note, Created: s.Time, Modified: s.Time, ValidFrom: spec.ValidFrom, Devices: spec.Devices, Disabled: spec.Disabled,
			Allowance: hotspot.Allowance{ValidFor: hotspot.Validity(24 * time.Hour), Limit: spec.Limit, LimitTotal: spec.LimitTotal},
		}
		if spec.ValidFor != nil {
			v.ValidFor = *spec.ValidFor
		}
		if _, taken := s.vouchers[strings.ToLower(v.Username)]; taken {
			return nil, hotspot.ErrUsernameTaken
		}
		made = append(made, v)
	}
	for _, v := range made {
		s.put(hotspot.VoucherView{Voucher: v, Status: hotspot.VoucherNew})
	}
	s.last += uint64(len(made))
	return made, nil
}

// Put stores a voucher as it is.
func (s *Service) Put(v hotspot.VoucherView) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(v)
	s.last = max(s.last, v.ID)
}

func (s *Service) put(v hotspot.VoucherView) { s.vouchers[strings.ToLower(v.Username)] = v }

// Voucher implements v1.Service.
func (s *Service) Voucher(_ context.Context, username string) (hotspot.VoucherView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.vouchers[strings.ToLower(username)]
	if s.Err != nil {
		return v, s.Err
	}
	if !ok {
		return v, hotspot.ErrNotFound
	}
	return v, nil
}

// FindVouchers implements v1.Service in order of creation, upwards.
func (s *Service) FindVouchers(_ context.Context, q hotspot.VoucherQuery) ([]hotspot.VoucherView, *hotspot.VoucherPlace, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.SortedFunc(maps.Values(s.vouchers), func(a, b hotspot.VoucherView) int { return cmp.Compare(a.ID, b.ID) })
	all = slices.DeleteFunc(all, func(v hotspot.VoucherView) bool {
		return v.ID <= q.After.ID || !strings.Contains(v.Username, q.Text) || q.Match != nil && !q.Match(&v)
	})
	if len(all) <= q.Limit {
		return all, nil, s.Err
	}
	return all[:q.Limit], &hotspot.VoucherPlace{ID: all[q.Limit-1].ID}, s.Err
}

// EditVoucher implements v1.Service and records the edit.
func (s *Service) EditVoucher(ctx context.Context, username string, e hotspot.VoucherEdit) (hotspot.VoucherView, error) {
	v, err := s.Voucher(ctx, username)
	if err != nil {
		return v, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Edits = append(s.Edits, e)
	s.apply(&v, e)
	s.put(v)
	return v, nil
}

// apply edits a voucher, as far as tests look at it.
func (s *Service) apply(v *hotspot.VoucherView, e hotspot.VoucherEdit) {
	if e.Note != nil {
		v.Note = *e.Note
	}
	if e.LimitDown != nil {
		v.Limit.Down = *e.LimitDown
	}
	if e.LimitUp != nil {
		v.Limit.Up = *e.LimitUp
	}
	if e.LimitTotal != nil {
		v.LimitTotal = *e.LimitTotal
	}
	if e.Limit != nil {
		v.Limit = *e.Limit
	}
	if e.TopUp != nil {
		v.Limit = v.Limit.Add(*e.TopUp)
	}
	v.LimitTotal += e.TopUpTotal
	if e.Disabled != nil {
		v.Disabled = *e.Disabled
	}
}

// RemoveVoucher implements v1.Service.
func (s *Service) RemoveVoucher(ctx context.Context, username string) error {
	if _, err := s.Voucher(ctx, username); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.vouchers, strings.ToLower(username))
	return nil
}

// Guests implements v1.Service.
func (s *Service) Guests(context.Context) ([]hotspot.Guest, error) { return s.Guest, s.Err }

// GuestHosts implements v1.Service.
func (s *Service) GuestHosts(context.Context) ([]hotspot.GuestHost, error) { return s.Hosts, s.Err }

// Kick implements v1.Service and records the device.
func (s *Service) Kick(_ context.Context, m hotspot.MAC) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.Guest, func(g hotspot.Guest) bool { return g.MAC == m }) {
		return hotspot.ErrNotFound
	}
	s.Kicked = append(s.Kicked, m)
	return s.Err
}

// Setting implements v1.Service.
func (s *Service) Setting(key string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.settings[key]
	if !ok {
		return "", &hotspot.Error{Code: hotspot.CodeNotFound, Field: "key", Text: fmt.Sprintf("%q is not a setting", key)}
	}
	return v, s.Err
}

// SetSetting implements v1.Service; the value "bad" is refused.
func (s *Service) SetSetting(_ context.Context, key, value string) error {
	if _, err := s.Setting(key); err != nil {
		return err
	}
	if value == "bad" {
		return hotspot.Invalid(key, "%q is neither on nor off", value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings[key] = value
	return nil
}

// SetSettings implements v1.Service.
func (s *Service) SetSettings(ctx context.Context, values map[string]string) error {
	for key, value := range values {
		if err := s.SetSetting(ctx, key, value); err != nil {
			return err
		}
	}
	return nil
}

// Logo implements v1.Service.
func (s *Service) Logo() *hotspot.Logo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.picture
}

// SetLogo implements v1.Service.
func (s *Service) SetLogo(_ context.Context, file []byte) (l *hotspot.Logo, err error) {
	if len(file) > 0 {
		if l, err = hotspot.ParseLogo(file); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.picture = l
	return l, s.Err
}

// DeviceKey implements v1.Keys.
func (s *Service) DeviceKey(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("device-key-%d", s.key), s.Err
}

// Regenerate implements v1.Keys.
func (s *Service) Regenerate(ctx context.Context) (string, error) {
	s.mu.Lock()
	s.key++
	s.mu.Unlock()
	return s.DeviceKey(ctx)
}
