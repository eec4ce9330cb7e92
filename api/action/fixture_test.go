package action_test

import (
	"context"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// page returns a page of a list that is ordered by ids ascending.
func page[T any](all []T, id func(T) uint64, after uint64, limit int) (out []T) {
	for _, v := range all {
		if id(v) > after && len(out) < limit {
			out = append(out, v)
		}
	}
	return out
}

// fixture is a service with the rows of the API's documentation, and some with
// what else may occur.
func fixture(t testing.TB) *fakeService {
	f := &fakeService{t: t, settings: on, create: echoCreate}
	f.remove = func(_ context.Context, username string) error {
		if username != "user123" {
			return hotspot.ErrNotFound
		}
		return nil
	}
	f.vouchers = func(_ context.Context, after uint64, limit int) ([]hotspot.VoucherView, error) {
		return page(fixtureVouchers(), func(v hotspot.VoucherView) uint64 { return v.ID }, after, limit), nil
	}
	f.users = func(_ context.Context, m hotspot.Method, after uint64, limit int) ([]hotspot.User, error) {
		return page(fixtureUsers(m), func(u hotspot.User) uint64 { return u.ID }, after, limit), nil
	}
	f.logins = func(_ context.Context, before uint64, limit int) (out []hotspot.Session, err error) {
		for _, s := range fixtureLogins() {
			if (before == 0 || s.ID < before) && len(out) < limit {
				out = append(out, s)
			}
		}
		return out, nil
	}
	f.guests = func(context.Context) ([]hotspot.Guest, error) { return fixtureGuests(), nil }
	f.hosts = func(context.Context) ([]hotspot.GuestHost, error) { return fixtureHosts(), nil }
	return f
}

func fixtureVouchers() []hotspot.VoucherView {
	const day = 24 * time.Hour
	return []hotspot.VoucherView{{
		Voucher: hotspot.Voucher{
			ID: 45, Username: "user1234", Passcode: "pass1234", FullName: "John Doe2",
			Created: at("2025-02-21 02:31:30"), Modified: at("2025-02-21 02:31:30"), ValidFrom: at("2025-01-17 10:00:00"),
			Allowance: hotspot.Allowance{ValidFor: hotspot.Validity(day), Limit: hotspot.Usage{Down: 1024 << 20, Up: 512 << 20}},
		},
		Status: hotspot.VoucherNew,
	}, {
		Voucher: hotspot.Voucher{
			ID: 46, Username: "user12345", Passcode: "pass12345", FullName: "John Doe3",
			Created: at("2025-02-21 02:32:12"), Modified: at("2025-02-21 02:32:12"), ValidFrom: at("2025-01-18 10:00:00"),
			Allowance: hotspot.Allowance{ValidFor: hotspot.Validity(5 * day)},
		},
		Status: hotspot.VoucherNew,
	}, {
		Voucher: hotspot.Voucher{
			ID: 47, Username: `<script>alert("1")</script>`, Passcode: `a\b"c`, FullName: "Zoë 王 \u2028",
			Created: at("2025-02-21 02:33:00"), Modified: at("2025-02-22 08:00:00"),
			FirstUse: at("2025-02-21 03:00:00"), LastUse: at("2025-02-22 07:59:59"),
			Bound: []hotspot.MAC{mac("02:00:5e:10:00:01"), mac("02:00:5e:10:00:02")},
			Allowance: hotspot.Allowance{
				ValidFor: hotspot.Validity(2 * day), Limit: hotspot.Usage{Down: 1},
				Used: hotspot.Usage{Down: 5_000_000_000, Up: 18_446_744_073_709_551_615},
			},
		},
		Status: hotspot.VoucherOnline, ExpiresAt: at("2025-02-23 03:00:00"), Online: 1,
	}}
}

func fixtureUsers(m hotspot.Method) []hotspot.User {
	first := hotspot.User{
		ID: 1, Method: m, Comments: [3]string{"John", "New York", "Male"},
		Created: at("2025-01-14 08:38:10"), LastLogin: at("2025-01-16 09:41:27"), Modified: at("2025-01-16 09:41:27"),
		MAC: mac("98:01:a7:cb:bb:00"), Visits: 7, Verified: true,
	}
	second := hotspot.User{
		ID: 2, Method: m, Comments: [3]string{"Jane", "Los Angeles", "Female"},
		Created: at("2025-02-01 10:15:30"), LastLogin: at("2025-02-05 12:25:43"), Modified: at("2025-02-05 12:25:43"),
		MAC: mac("74:d2:46:ac:ee:11"), Visits: 3, Marketing: true,
	}
	third := hotspot.User{ID: 9, Method: m, Created: at("2025-02-06 00:00:00"), Modified: at("2025-02-06 00:00:00")}
	switch m {
	case hotspot.MethodEmail:
		first.Key, second.Key, third.Key = "john.doe@gmail.com", "jane.smith@yahoo.com", "new@example.org"
	case hotspot.MethodMobile:
		first.Key, second.Key, third.Key = "15559876543", "4915112345678", "447700900123"
	case hotspot.MethodFacebook:
		first.Key, second.Key, third.Key = "10158000000000001", "10158000000000002", "10158000000000003"
		first.Name, second.Name = "John Doe", "Jane Smith"
		first.Email, second.Email = "john.doe@gmail.com", "jane.smith@yahoo.com"
	case hotspot.MethodFree:
		first.Key, second.Key, third.Key = first.MAC.String(), second.MAC.String(), "02:00:5E:10:00:09"
	}
	return []hotspot.User{first, second, third}
}

func fixtureLogins() []hotspot.Session {
	return []hotspot.Session{{
		ID: 12, Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 47}, Login: "user1234",
		MAC: mac("02:00:5e:10:00:01"), Addrs: addrs("192.168.0.200", "fd00::200"),
		Started: at("2025-02-22 07:59:59"), Used: hotspot.Usage{Down: 1056738924, Up: 87456321},
	}, {
		ID: 11, Account: hotspot.AccountID{Method: hotspot.MethodFree, ID: 1}, Login: "02:00:5E:10:00:02",
		MAC: mac("02:00:5e:10:00:02"), Addrs: addrs("fd00::201"), Started: at("2025-02-21 20:00:00"),
		Ended: at("2025-02-21 20:30:00"), Reason: hotspot.EndExpired, Used: hotspot.Usage{Down: 10, Up: 20},
	}, {
		ID: 10, Account: hotspot.AccountID{Method: hotspot.MethodMobile, ID: 1}, Login: "15559876543",
		MAC: mac("02:00:5e:10:00:03"), Started: at("2025-02-21 19:00:00"),
		Ended: at("2025-02-21 19:30:00"), Reason: hotspot.EndDownload,
	}}
}

func fixtureGuests() []hotspot.Guest {
	return []hotspot.Guest{{
		Session: hotspot.Session{
			ID: 3, Login: "user1@example.com", MAC: mac("a1:b2:c3:d4:e5:f6"), Addrs: addrs("192.168.0.200", "fd00::200"),
			Used: hotspot.Usage{Down: 1056738924, Up: 87456321},
		},
		Uptime: 9*time.Hour + 12*time.Minute + 45*time.Second, Idle: 2*time.Hour + 30*time.Minute + 10*time.Second,
	}, {
		Session: hotspot.Session{
			ID: 4, Login: "15559876543", MAC: mac("f6:e5:d4:c3:b2:a1"), Addrs: addrs("192.168.0.201"),
			Used: hotspot.Usage{Down: 2098475632, Up: 156483920},
		},
		Uptime: 12*time.Hour + 5*time.Minute + 30*time.Second, Idle: time.Hour + 15*time.Minute + 20*time.Second,
	}}
}

func fixtureHosts() []hotspot.GuestHost {
	g := fixtureGuests()[0]
	return []hotspot.GuestHost{{
		Host: hotspot.Host{
			MAC: mac("02:00:5e:10:00:07"), Addrs: addrs("192.168.0.77"), Name: `<b>"phone"</b>`,
			Age: 200 * time.Hour, Idle: 3 * time.Second,
		},
	}, {
		Host: hotspot.Host{
			MAC: g.Session.MAC, Addrs: addrs("192.168.0.200", "fd00::200"), Name: "laptop",
			Age: 10 * time.Hour, Idle: time.Second,
		},
		Guest: &g,
	}, {
		Host: hotspot.Host{MAC: mac("02:00:5e:10:00:08"), Age: time.Second},
	}}
}
