package hotspot_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// party is a house with guests on vouchers called a, B, c …, who logged in one
// minute after the other and downloaded the less the later they came.
func party(t *testing.T, n byte) (*house, []hotspot.Host) {
	t.Helper()
	h := newHouse(t)
	var hosts []hotspot.Host
	for i := range n {
		name := string(rune('a' + i))
		if i%2 == 1 {
			name = strings.ToUpper(name)
		}
		d := h.device(i + 1)
		h.login(d, h.voucher(hotspot.VoucherSpec{Username: name, FullName: "Guest " + name, ValidFor: hours(int(n - i))}))
		h.down(d, 1000*uint64(n-i))
		hosts = append(hosts, d)
		h.clock.Pass(time.Minute)
	}
	h.poll()
	return h, hosts
}

func (h *house) found(q hotspot.GuestQuery, total int, want string) {
	h.t.Helper()
	gs, n, err := h.FindGuests(h.t.Context(), q)
	if err != nil {
		h.t.Fatal(err)
	}
	got := ""
	for _, g := range gs {
		got += g.Login
	}
	if got != want || n != total {
		h.t.Errorf("%+v: %q of %d, want %q of %d", q, got, n, want, total)
	}
}

func TestFindGuests(t *testing.T) {
	h, hosts := party(t, 5)
	h.hosts.Put(hotspot.Host{MAC: hosts[2].MAC, Addrs: hosts[2].Addrs, Name: "Zoë’s Phone"})
	for _, c := range []struct {
		q     hotspot.GuestQuery
		total int
		want  string
	}{
		{hotspot.GuestQuery{Limit: 10}, 5, "aBcDe"},
		{hotspot.GuestQuery{Limit: 2, Descending: true}, 5, "eD"},
		{hotspot.GuestQuery{Limit: 2, Offset: 4}, 5, "e"},
		{hotspot.GuestQuery{Limit: 2, Offset: 99}, 5, ""},
		{hotspot.GuestQuery{Limit: 2, Offset: -1}, 5, "aB"},
		{hotspot.GuestQuery{Limit: 5, Order: hotspot.GuestsByLogin, Descending: true}, 5, "eDcBa"},
		{hotspot.GuestQuery{Limit: 5, Order: hotspot.GuestsByUsage}, 5, "eDcBa"},
		{hotspot.GuestQuery{Limit: 5, Order: hotspot.GuestsByEnd}, 5, "eDcBa"},
		{hotspot.GuestQuery{Limit: 5, Order: hotspot.GuestsByRate}, 5, "aBcDe"}, // one reading: no rate yet
		{hotspot.GuestQuery{Limit: 5, Text: "b"}, 1, "B"},
		{hotspot.GuestQuery{Limit: 5, Text: "ZOË"}, 1, "c"},
		{hotspot.GuestQuery{Limit: 5, Text: "192.168.0.4"}, 1, "D"},
		{hotspot.GuestQuery{Limit: 5, Text: "00:05"}, 1, "e"},
		{hotspot.GuestQuery{Limit: 5, Text: "02-00-00-00-00-05"}, 1, "e"},
		{hotspot.GuestQuery{Limit: 5, Text: "nobody"}, 0, ""},
		{hotspot.GuestQuery{Limit: 5, Method: hotspot.MethodFree}, 0, ""},
	} {
		h.found(c.q, c.total, c.want)
	}
	gs, _, err := h.FindGuests(t.Context(), hotspot.GuestQuery{Limit: 1})
	if err != nil || gs[0].FullName != "Guest a" || gs[0].Used.Down != 5000 || gs[0].Allowance.Used.Down != 5000 {
		t.Errorf("%+v, %v", gs, err)
	}
	for _, q := range []hotspot.GuestQuery{{}, {Limit: 1001}, {Limit: 1, Order: "x"}, {Limit: 1, Text: "\xff"}} {
		_, _, err := h.FindGuests(t.Context(), q)
		h.refused(err, hotspot.CodeInvalid)
	}
}

func TestWaiting(t *testing.T) {
	h, hosts := party(t, 2)
	for n := byte(10); n < 15; n++ {
		h.device(n)
	}
	if err := h.Logout(t.Context(), hosts[0].MAC); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text          string
		offset, limit int
		total         int
		first         byte
	}{{"", 0, 10, 6, 1}, {"", 1, 2, 6, 10}, {"0:0E", 0, 10, 1, 14}, {"192.168.0.12", 0, 10, 1, 12}, {"PHONE", 5, 10, 6, 14}} {
		got, total, err := h.Waiting(c.text, c.offset, c.limit)
		if err != nil || total != c.total || len(got) == 0 || got[0].MAC[5] != c.first {
			t.Errorf("%+v: %v of %d, %v", c, got, total, err)
		}
	}
	_, _, err := h.Waiting("", 0, 0)
	h.refused(err, hotspot.CodeInvalid)
}

func TestDevice(t *testing.T) {
	h, hosts := party(t, 2)
	v, err := h.Device(t.Context(), hosts[0].MAC)
	if err != nil || v.Guest == nil || v.Guest.FullName != "Guest a" || v.Host == nil || v.Last == nil || v.Blocked != nil {
		t.Errorf("%+v, %v", v, err)
	}
	h.block(hosts[0], "why")
	v, err = h.Device(t.Context(), hosts[0].MAC)
	if err != nil || v.Guest != nil || v.Allowance == nil || v.Allowance.Used.Down != 2000 || v.Last == nil || v.Last.Login != "a" || v.Blocked == nil || v.Blocked.Note != "why" {
		t.Errorf("%+v, %v", v, err)
	}
	if err := h.RemoveVoucher(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if v, err = h.Device(t.Context(), hosts[0].MAC); err != nil || v.Allowance != nil || v.Last == nil {
		t.Errorf("%+v, %v", v, err)
	}
	_, err = h.Device(t.Context(), hotspot.MAC{2, 9})
	h.refused(err, hotspot.CodeNotFound)
	for range 3 {
		h.login(hosts[1], h.voucher(hotspot.VoucherSpec{}))
	}
	got, err := h.DeviceSessions(t.Context(), hosts[1].MAC, 3)
	if err != nil || len(got) != 3 || !got[0].Open() || !slices.IsSortedFunc(got, func(a, b hotspot.Session) int { return b.Started.Compare(a.Started) }) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = h.DeviceSessions(t.Context(), hosts[0].MAC, 3); err != nil || len(got) != 1 || got[0].Reason != hotspot.EndBlocked {
		t.Errorf("%+v, %v", got, err)
	}
}

func hostNamed(n int) hotspot.Host {
	return hotspot.Host{MAC: hotspot.MAC{2, 1, 0, 0, byte(n >> 8), byte(n)}, Name: fmt.Sprint("phone-", n),
		Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})}}
}

// TestFindAmongMany: one page of 10,000 guests does not take the memory of all
// of them.
func TestFindAmongMany(t *testing.T) {
	h := newHouse(t)
	const many = 10_000
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error {
		for n := range many {
			d := hostNamed(n)
			if n%100 == 0 {
				h.hosts.Put(d)
			}
			u := hotspot.User{Method: hotspot.MethodFree, Key: d.MAC.String()}
			if err := tx.PutUser(&u); err != nil {
				return err
			}
			if err := tx.PutSession(&hotspot.Session{Account: u.Account(), Login: u.Key, MAC: d.MAC, Addrs: d.Addrs, Started: start}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.restart()
	const pages = 4
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range pages {
		gs, n, err := h.FindGuests(t.Context(), hotspot.GuestQuery{Limit: 50, Order: hotspot.GuestsByLogin, Offset: 5000})
		if err != nil || n != many || len(gs) != 50 {
			t.Fatal(len(gs), n, err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / pages; got > 4<<20 {
		t.Errorf("a page takes %d bytes", got)
	}
}
