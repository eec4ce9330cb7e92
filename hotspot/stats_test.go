package hotspot_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// history asks for history up to the end of today.
func (h *house) history(from, to time.Time, by hotspot.Step) []hotspot.HistoryPoint {
	h.t.Helper()
	points, err := h.History(h.t.Context(), from, to, by)
	if err != nil {
		h.t.Fatalf("history: %v", err)
	}
	return points
}

// total sums up all that was ever counted, pending usage included.
func (h *house) total() (sum hotspot.Usage, logins uint64) {
	h.t.Helper()
	now, _ := h.Now()
	for _, p := range h.history(now.AddDate(0, 0, -300), now.AddDate(0, 0, 90), hotspot.ByDay) {
		sum, logins = sum.Add(p.Used), logins+p.Logins.All()
	}
	return sum, logins
}

// wantTotal compares what was counted with the login log.
func (h *house) wantTotal() {
	h.t.Helper()
	var sum hotspot.Usage
	rows, err := h.Logins(h.t.Context(), 0, 10000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, x := range rows {
		sum = sum.Add(x.Used)
	}
	if got, logins := h.total(); got != sum || logins != uint64(len(rows)) {
		h.t.Errorf("days have %v and %d logins, the log has %v and %d", got, logins, sum, len(rows))
	}
}

func (h *house) zone(name string) *time.Location {
	h.t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		h.t.Fatal(err)
	}
	h.SetZone(z)
	return z
}

func (h *house) kick(d hotspot.Host) {
	h.t.Helper()
	if err := h.Kick(h.t.Context(), d.MAC); err != nil {
		h.t.Fatalf("kick: %v", err)
	}
}

// TestDaysAreSessions lets guests come and go for days, with restarts and power
// cuts at any time: the sum of the days is always that of the login log.
func TestDaysAreSessions(t *testing.T) {
	h := newHouse(t)
	h.set("session.idle_timeout", "0")
	v := h.voucher(hotspot.VoucherSpec{Devices: 9, ValidFor: new(hotspot.Validity)})
	for round := range 60 {
		d := h.device(byte(1 + round%7))
		if h.Online(d.MAC) {
			h.down(d, uint64(1000*round))
			h.up(d, uint64(300*round))
		} else {
			h.login(d, v)
			h.down(d, 5000)
		}
		h.clock.Pass(73 * time.Minute)
		switch round % 6 {
		case 0:
			h.flush()
		case 1:
			h.poll()
		case 2:
			h.kick(d)
		case 3:
			h.restart()
		case 5:
			h.flush()
			h.reboot(h.clock.Read().Wall.Add(time.Hour), string(rune('a'+round)))
			h.clock.Set(h.clock.Read().Wall, true)
			h.poll()
		}
		h.poll()
		h.wantTotal()
	}
}

func TestMidnight(t *testing.T) {
	h := newHouse(t)
	rome := h.zone("Europe/Rome")
	h.clock.Set(time.Date(2026, 3, 28, 23, 50, 0, 0, rome), true)
	h.poll()
	d, v := h.device(1), h.voucher(hotspot.VoucherSpec{})
	h.login(d, v)
	h.down(d, 4000)
	h.flush()
	h.clock.Pass(20 * time.Minute) // the clocks go forward on the 29th
	h.up(d, 700)
	h.kick(d)
	h.flush()

	from := time.Date(2026, 3, 28, 0, 0, 0, 0, rome)
	days := h.history(from, from.AddDate(0, 0, 3), hotspot.ByDay)
	if len(days) != 3 || days[0].Used != (hotspot.Usage{Down: 4000}) || days[1].Used != (hotspot.Usage{Up: 700}) ||
		days[0].Logins.Of(hotspot.MethodVoucher) != 1 || days[1].Logins.All() != 0 || days[0].Peak != 1 {
		t.Errorf("got %+v", days)
	}
	if gap := days[2].Start.Sub(days[1].Start); gap != 23*time.Hour {
		t.Errorf("the 29th has %s", gap)
	}
	hours := h.history(days[1].Start, days[2].Start, hotspot.ByHour)
	if len(hours) != 23 || hours[0].Used.Up != 700 || hours[2].Start.Format("15:04") != "03:00" {
		t.Errorf("got %d hours, %+v", len(hours), hours[:3])
	}
}

// TestLongDay counts in both hours that are called two o'clock.
func TestLongDay(t *testing.T) {
	for _, name := range []string{"Europe/Rome", "Australia/Lord_Howe", "Asia/Kathmandu"} {
		h := newHouse(t)
		zone := h.zone(name)
		h.set("session.idle_timeout", "0")
		from := time.Date(2026, 10, 24, 0, 0, 0, 0, zone)
		to := time.Date(2026, 10, 27, 0, 0, 0, 0, zone)
		if name == "Australia/Lord_Howe" {
			from, to = from.AddDate(0, -6, -20), to.AddDate(0, -6, -20)
		}
		h.clock.Set(from, true)
		h.poll()
		d, v := h.device(1), h.voucher(hotspot.VoucherSpec{ValidFor: new(hotspot.Validity)})
		h.login(d, v)
		for at := from; at.Before(to); at = at.Add(30 * time.Minute) {
			h.down(d, 1000)
			h.flush()
			h.clock.Pass(30 * time.Minute)
		}
		points := h.history(from, to, hotspot.ByHour)
		var sum uint64
		for i, p := range points {
			sum += p.Used.Down
			end := to
			if i+1 < len(points) {
				end = points[i+1].Start
			}
			if want := uint64(end.Sub(p.Start)/(30*time.Minute)) * 1000; p.Used.Down != want {
				t.Errorf("%s, %s: %d bytes, want %d", name, p.Start, p.Used.Down, want)
			}
		}
		if want := uint64(to.Sub(from)/(30*time.Minute)) * 1000; sum != want {
			t.Errorf("%s: %d bytes by hour, want %d", name, sum, want)
		}
		for _, p := range h.history(from, to, hotspot.ByDay) {
			next := hotspot.DateOf(p.Start, zone) + 1
			if want := uint64(next.In(zone).Sub(p.Start)/(30*time.Minute)) * 1000; p.Used.Down != want {
				t.Errorf("%s, %s: %d bytes, want %d", name, p.Start, p.Used.Down, want)
			}
		}
	}
}

// TestHistoryMoves counts with a clock that nobody vouches for, and moves what
// was counted once the time is known.
func TestHistoryMoves(t *testing.T) {
	h := newHouse(t)
	h.flush()
	h.reboot(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "boot-2")
	d, gone := h.device(1), h.device(2)
	v := h.voucher(hotspot.VoucherSpec{Devices: 2})
	h.login(gone, v)
	h.kick(gone)
	h.login(d, v)
	h.down(d, 3000)
	h.flush()
	h.clock.Pass(2 * time.Minute)
	h.down(d, 500)
	before := h.history(start.Add(-time.Hour), start.Add(2*time.Hour), hotspot.ByHour)
	if p := before[1]; !p.Provisional || p.Used.Down != 3000 || p.Logins.All() != 2 {
		t.Errorf("before: %+v", before)
	}
	right := start.AddDate(0, 0, 20)
	h.clock.Set(right, true)
	h.poll()
	h.flush()
	after := h.history(start, right.Add(time.Hour), hotspot.ByDay)
	for _, p := range after[:20] {
		if p.Used.Down != 0 || p.Logins.All() != 0 || p.Provisional {
			t.Errorf("left behind: %+v", p)
		}
	}
	if p := after[20]; p.Used.Down != 3500 || p.Logins.All() != 2 || p.Provisional {
		t.Errorf("moved: %+v", p)
	}
	h.wantTotal()
	h.restart()
	h.flush()
	h.wantTotal()
}

// TestHistoryIsKept keeps a number of days, however the clock jumps.
func TestHistoryIsKept(t *testing.T) {
	h := newHouse(t)
	h.set("session.idle_timeout", "0")
	h.set("log.keep_days", "0")
	d, v := h.device(1), h.voucher(hotspot.VoucherSpec{ValidFor: new(hotspot.Validity)})
	h.login(d, v)
	for range 420 {
		h.down(d, 1000)
		h.flush()
		h.clock.Pass(24 * time.Hour)
		h.poll()
	}
	n, named := 0, 0
	if err := h.store.View(t.Context(), func(r hotspot.Reader) error {
		return r.ScanDays(0, math.MaxInt32, func(d *hotspot.Day) error {
			n++
			if len(d.Accounts) > 0 {
				named++
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	if n != 400 || named != 32 {
		t.Errorf("%d days are kept, %d with accounts", n, named)
	}
	h.clock.Set(h.clock.Read().Wall.AddDate(60, 0, 0), true)
	h.poll()
	h.down(d, 1)
	h.flush()
	h.clock.Set(h.clock.Read().Wall.AddDate(-60, 0, 0), true)
	h.poll()
	now, _ := h.Now()
	if p := h.history(now.AddDate(0, 0, -2), now, hotspot.ByDay); p[1].Used.Down == 0 {
		t.Errorf("a wrong clock has deleted history: %+v", p)
	}
}

// TestIdleWritesNothing: a house without guests has nothing to count.
func TestIdleWritesNothing(t *testing.T) {
	h := newHouse(t)
	h.flush()
	h.flush()
	n := 0
	if err := h.store.View(t.Context(), func(r hotspot.Reader) error {
		return r.ScanDays(0, math.MaxInt32, func(*hotspot.Day) error { n++; return nil })
	}); err != nil || n != 0 {
		t.Errorf("%d days, %v", n, err)
	}
}

func TestTopVouchers(t *testing.T) {
	h := newHouse(t)
	h.set("session.idle_timeout", "0")
	var vs []hotspot.Voucher
	for i := range 4 {
		v := h.voucher(hotspot.VoucherSpec{ValidFor: new(hotspot.Validity)})
		d := h.device(byte(i + 1))
		h.login(d, v)
		h.down(d, uint64(10000*(i+1)))
		vs = append(vs, v)
	}
	h.flush()
	h.clock.Pass(24 * time.Hour)
	h.up(h.device(1), 500)
	h.poll() // not stored yet
	if err := h.RemoveVoucher(t.Context(), vs[3].Username); err != nil {
		t.Fatal(err)
	}
	top, err := h.TopVouchers(t.Context(), 1, 10)
	if err != nil || len(top) != 1 || top[0].Username != vs[0].Username || top[0].Used != (hotspot.Usage{Up: 500}) {
		t.Errorf("today: %+v, %v", top, err)
	}
	top, err = h.TopVouchers(t.Context(), 7, 2)
	if err != nil || len(top) != 2 || top[0].ID != vs[2].ID || top[1].ID != vs[1].ID {
		t.Errorf("week: %+v, %v", top, err)
	}
	_, err = h.TopVouchers(t.Context(), 31, 2)
	h.refused(err, hotspot.CodeInvalid)
}

func TestHistoryBounds(t *testing.T) {
	h := newHouse(t)
	for _, tc := range []struct {
		from, to time.Time
		by       hotspot.Step
	}{
		{start, start, hotspot.ByHour}, {start, start.Add(-1), hotspot.ByDay}, {start, start.Add(time.Hour), "week"},
		{start, start.AddDate(0, 2, 0), hotspot.ByHour}, {start, start.AddDate(2, 0, 0), hotspot.ByDay},
		{time.Time{}, start, hotspot.ByDay},
	} {
		_, err := h.History(t.Context(), tc.from, tc.to, tc.by)
		h.refused(err, hotspot.CodeInvalid)
	}
}

func TestLive(t *testing.T) {
	h := newHouse(t)
	h.set("session.idle_timeout", "0")
	ctx, cancel := context.WithCancel(t.Context())
	ticks := h.Readings(ctx)
	a, b := h.device(1), h.device(2)
	v := h.voucher(hotspot.VoucherSpec{Devices: 2})
	h.poll()
	h.login(a, v)
	h.login(b, v)
	const period = 10 * time.Second
	for range 40 {
		h.down(a, 50_000)
		h.up(b, 20_000)
		h.clock.Pass(period)
		h.poll()
		h.poll() // too soon to say anything
	}
	st := h.Live(10)
	near := func(got, want uint64) bool { return got >= want*99/100 && got <= want*101/100 }
	if st.Online != 2 || !near(st.Rate.Down, 5000) || !near(st.Rate.Up, 2000) || len(st.Guests) != 2 ||
		st.Guests[0].MAC != a.MAC || !near(st.Guests[0].Rate.Down, 5000) || !near(st.Guests[1].Rate.Up, 2000) {
		t.Errorf("got %+v", st)
	}
	if got := h.Live(1); got.Online != 2 || len(got.Guests) != 1 {
		t.Errorf("got %+v", got)
	}
	if series := h.Series(); len(series) != 40 || series[39].Rate.Down != 5000 || series[39].Online != 2 || !series[39].Time.Equal(st.Time) {
		t.Errorf("%d points, the last %+v", len(series), series[len(series)-1])
	}
	select {
	case <-ticks:
	default:
		t.Error("nobody was told")
	}
	select {
	case <-ticks:
		t.Error("told twice of what was not looked at")
	default:
	}
	cancel()
	for range 60 {
		h.clock.Pass(period)
		h.poll()
	}
	if st := h.Live(10); st.Rate != (hotspot.Rate{}) {
		t.Errorf("silent guests have the rate %+v", st)
	}
}

// TestSeriesIsBounded fills the ring more than once, at changing speeds.
func TestSeriesIsBounded(t *testing.T) {
	h := newHouse(t)
	at := h.clock.Mono()
	for i := range 6000 {
		step := time.Second
		if i%1000 > 700 {
			step = 7 * time.Second
		}
		h.clock.Pass(step)
		h.poll()
		if i%500 != 499 {
			continue
		}
		series := h.Series()
		for j, p := range series[1:] {
			if !series[j].Time.Before(p.Time) {
				t.Fatalf("after %d readings, point %d is out of order", i, j)
			}
		}
		now, _ := h.Now()
		oldest := now.Sub(series[0].Time)
		if len(series) > 1801 || oldest > 30*time.Minute || h.clock.Mono()-at > time.Hour && oldest < 29*time.Minute {
			t.Errorf("after %d readings there are %d points, the oldest %s old", i, len(series), oldest)
		}
	}
}

// TestEveryDay goes through years of days in zones that change their clocks in
// odd ways: each day and hour begins where the one before ends.
func TestEveryDay(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"Africa/Cairo", "Asia/Beirut", "America/Sao_Paulo", "Europe/Lisbon", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"} {
		zone := h.zone(name)
		for year := 2009; year < 2027; year++ {
			from := time.Date(year, 1, 1, 0, 0, 0, 0, zone)
			to := time.Date(year+1, 1, 1, 0, 0, 0, 0, zone)
			days := h.history(from, to, hotspot.ByDay)
			for i, d := range days {
				date := hotspot.DateOf(d.Start, zone)
				if i > 0 && (date <= hotspot.DateOf(days[i-1].Start, zone) || hotspot.DateOf(d.Start.Add(-1), zone) >= date) {
					t.Errorf("%s: the day %s begins at %s", name, date, d.Start)
				}
			}
			if n := len(days); n < 364 || n > 366 {
				t.Errorf("%s: %d has %d days", name, year, n)
			}
			for at := from; at.Before(to); at = at.AddDate(0, 0, 30) {
				hours := h.history(at, at.AddDate(0, 0, 30), hotspot.ByHour)
				for i := range hours[1:] {
					if gap := hours[i+1].Start.Sub(hours[i].Start); gap <= 0 || gap > time.Hour {
						t.Errorf("%s: the hour after %s begins at %s", name, hours[i].Start, hours[i+1].Start)
					}
				}
			}
		}
	}
}
