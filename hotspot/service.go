package hotspot

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"time"
)

// Config is what a [Service] is made of. No field may be nil.
type Config struct {
	Store Store
	Gate  Gate
	Hosts Hosts
	Clock Clock
	Rand  io.Reader // cryptographic; codes and names are drawn from it
	Log   *slog.Logger
	Zone  *time.Location // the venue's, for messages to guests
}

// Service applies the rules. It is safe for concurrent use.
type Service struct {
	cfg Config
}

// New returns a service; [Service.Start] must run before anything else.
func New(cfg Config) *Service { panic("wip") }

// Start takes up what an earlier run left: sessions in the store and grants in
// the gate.
func (s *Service) Start(ctx context.Context) error { panic("wip") }

// Identify returns the device on the guest network that holds an address, or
// [ErrUnknownDevice].
func (s *Service) Identify(a netip.Addr) (Host, error) { panic("wip") }

// Login lets a device in on a claim.
func (s *Service) Login(ctx context.Context, h Host, c Claim) (GuestStatus, error) { panic("wip") }

// Return lets a known device in again without the form. ok is false, without
// error, when the device must log in.
func (s *Service) Return(ctx context.Context, h Host) (st GuestStatus, ok bool, err error) {
	panic("wip")
}

// Logout ends a device's session at the guest's wish. Not being logged in is
// no error.
func (s *Service) Logout(ctx context.Context, m MAC) error { panic("wip") }

// Status tells a guest how it stands.
func (s *Service) Status(ctx context.Context, h Host) (GuestStatus, error) { panic("wip") }

// CreateVouchers makes vouchers, all or none, in one transaction.
func (s *Service) CreateVouchers(ctx context.Context, specs ...VoucherSpec) ([]Voucher, error) {
	panic("wip")
}

// EditVoucher changes a voucher by its username.
func (s *Service) EditVoucher(ctx context.Context, username string, e VoucherEdit) (VoucherView, error) {
	panic("wip")
}

// RemoveVoucher deletes a voucher and ends its sessions.
func (s *Service) RemoveVoucher(ctx context.Context, username string) error { panic("wip") }

// Voucher returns one voucher by its username.
func (s *Service) Voucher(ctx context.Context, username string) (VoucherView, error) { panic("wip") }

// Vouchers returns up to limit vouchers with ids above after, ascending.
func (s *Service) Vouchers(ctx context.Context, after uint64, limit int) ([]VoucherView, error) {
	panic("wip")
}

// Users returns up to limit users of a method with ids above after, ascending.
func (s *Service) Users(ctx context.Context, m Method, after uint64, limit int) ([]User, error) {
	panic("wip")
}

// Logins returns up to limit sessions with ids below before (0: the newest),
// newest first, with current usage.
func (s *Service) Logins(ctx context.Context, before uint64, limit int) ([]Session, error) {
	panic("wip")
}

// Guests returns every guest let in, in order of login.
func (s *Service) Guests(ctx context.Context) ([]Guest, error) { panic("wip") }

// GuestHosts returns every device seen on the guest network.
func (s *Service) GuestHosts(ctx context.Context) ([]GuestHost, error) { panic("wip") }

// Kick ends a device's session; it has to log in again. A device that is not
// online is [ErrNotFound].
func (s *Service) Kick(ctx context.Context, m MAC) error { panic("wip") }

// Settings returns the settings in force.
func (s *Service) Settings() Settings { panic("wip") }

// Setting returns one setting as text.
func (s *Service) Setting(key string) (string, error) { panic("wip") }

// SetSetting changes one setting, durably, in force at once.
func (s *Service) SetSetting(ctx context.Context, key, value string) error { panic("wip") }

// Now returns the house's time, in the venue's zone, and whether it can be
// believed.
func (s *Service) Now() (t time.Time, believed bool) { panic("wip") }

// Zone is the venue's time zone.
func (s *Service) Zone() *time.Location { return s.cfg.Zone }
