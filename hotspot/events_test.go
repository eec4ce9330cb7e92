package hotspot_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// subscribe wants to be told of all types, or of some.
func (h *house) subscribe(types ...hotspot.EventType) {
	if len(types) == 0 {
		types = hotspot.EventTypes()
	}
	h.Subscribe([]hotspot.Subscription{{Endpoint: "a", Types: types}})
}

// look finds what happened by itself.
func (h *house) look() {
	h.t.Helper()
	if err := h.Look(h.t.Context()); err != nil {
		h.t.Fatalf("look: %v", err)
	}
}

// queued returns what waits.
func (h *house) queued() (out []hotspot.Event) {
	h.t.Helper()
	err := h.store.View(h.t.Context(), func(r hotspot.Reader) (err error) {
		out, err = r.Events(0, 5000)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// told empties the queue and returns the types and some members of the data.
func (h *house) told(members ...string) (out []string) {
	h.t.Helper()
	for _, e := range h.queued() {
		var data map[string]any
		if err := json.Unmarshal(e.Data, &data); err != nil {
			h.t.Fatalf("%s: %v", e.Data, err)
		}
		if strings.Contains(string(e.Data), "asscode") {
			h.t.Errorf("a passcode is sent: %s", e.Data)
		}
		text := string(e.Type)
		for _, m := range members {
			if v, ok := data[m]; ok {
				text += fmt.Sprintf(" %v", v)
			}
		}
		out = append(out, text)
		if err := h.store.Update(h.t.Context(), func(tx hotspot.Tx) error { return tx.DeleteEvent(e.Seq) }); err != nil {
			h.t.Fatal(err)
		}
	}
	return out
}

func (h *house) wantTold(what string, got []string, want ...string) {
	h.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		h.t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestEventsOfAStay(t *testing.T) {
	h := newHouse(t)
	h.subscribe()
	v := h.voucher(hotspot.VoucherSpec{Username: "anna", Passcode: "s3cret", Limit: hotspot.Usage{Down: 5000}})
	d := h.device(1)
	h.login(d, v)
	h.login(d, v) // is on already
	h.clock.Pass(90 * time.Second)
	h.down(d, 3000)
	h.flush()
	h.wantTold("beginning", h.told("count", "login", "mac"), "voucher.created 1", "guest.login anna 02:00:00:00:00:01")
	if err := h.Logout(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	h.wantTold("logout", h.told("login", "reason", "seconds", "download_used", "upload_used"), "guest.logout anna logout 90 3000 0")
	h.login(d, v)
	h.down(d, 9000)
	h.poll()
	h.flush()
	h.poll()
	h.wantTold("quota", h.told("username", "login", "reason", "download_used"),
		"guest.login anna", "voucher.exhausted anna download used up 5000", "guest.logout anna download used up 2000")
	more := hotspot.Usage{Down: 1000}
	if _, err := h.EditVoucher(t.Context(), "anna", hotspot.VoucherEdit{TopUp: &more}); err != nil {
		t.Fatal(err)
	}
	h.down(d, 9000) // it was let in again
	h.poll()
	h.wantTold("topped up", h.told("reason"), "guest.login", "voucher.exhausted download used up", "guest.logout download used up")
}

// An event is there if and only if the change is.
func TestEventsAreOfTheTransaction(t *testing.T) {
	h := newHouse(t)
	h.subscribe()
	h.store.FailUpdate = func() error { return errors.New("the disk says no") }
	if _, err := h.CreateVouchers(t.Context(), hotspot.VoucherSpec{}); err == nil {
		t.Fatal("it was made")
	}
	h.store.FailUpdate = nil
	h.wantTold("failed", h.told())
	select {
	case <-h.EventsAdded():
		t.Error("an event was announced that is not there")
	default:
	}
	before := h.store.Updates()
	h.voucher(hotspot.VoucherSpec{})
	if n := h.store.Updates() - before; n != 1 {
		t.Errorf("it took %d transactions", n)
	}
	select {
	case <-h.EventsAdded():
	default:
		t.Error("an event was not announced")
	}
	h.wantTold("made", h.told(), "voucher.created")
}

// Nobody wants to know: nothing is written for it.
func TestNoEventsWithoutSubscription(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{ValidFor: new(hotspot.Validity(time.Hour))})
	d := h.device(1)
	h.login(d, v)
	h.look()
	before := h.store.Updates()
	h.clock.Pass(2 * time.Hour)
	h.look()
	if h.store.Updates() != before {
		t.Error("a look wrote to flash")
	}
	h.poll()
	h.wantTold("all", h.told())
	h.subscribe(hotspot.EventLogout)
	h.voucher(hotspot.VoucherSpec{})
	h.wantTold("another type", h.told())
}

func TestCreatedEventOfABatch(t *testing.T) {
	h := newHouse(t)
	h.subscribe()
	specs := make([]hotspot.VoucherSpec, 300)
	for i := range specs {
		specs[i].Username = strings.Repeat(`"`, 60) + fmt.Sprint(i) // each is escaped
	}
	if _, err := h.CreateVouchers(t.Context(), specs...); err != nil {
		t.Fatal(err)
	}
	evs := h.queued()
	var data struct {
		Count    int
		Vouchers []struct{ ID uint64 }
	}
	if err := json.Unmarshal(evs[0].Data, &data); err != nil || len(evs) != 1 || data.Count != 300 || len(data.Vouchers) != 25 || data.Vouchers[0].ID != 1 {
		t.Errorf("%d events, %+v, %v", len(evs), data, err)
	}
	if n := len(evs[0].Data); n > 19_000 {
		t.Errorf("%d bytes", n)
	}
}

// A voucher's time ends once, whoever is online and whatever is restarted.
func TestExpiryIsToldOnce(t *testing.T) {
	h := newHouse(t)
	h.set("voucher.devices", "3")
	old := h.voucher(hotspot.VoucherSpec{Username: "old", ValidFor: new(hotspot.Validity(time.Hour))})
	h.login(h.device(9), old)
	h.clock.Pass(2 * time.Hour)
	h.poll()
	h.subscribe(hotspot.EventExhausted, hotspot.EventLogout)
	h.look() // from now on
	h.look()
	hour, always := new(hotspot.Validity(time.Hour)), new(hotspot.Always)
	online := h.voucher(hotspot.VoucherSpec{Username: "online", ValidFor: hour})
	away := h.voucher(hotspot.VoucherSpec{Username: "away", ValidFor: hour})
	longer := h.voucher(hotspot.VoucherSpec{Username: "longer", ValidFor: hour})
	h.voucher(hotspot.VoucherSpec{Username: "ever", ValidFor: always})
	one, two := h.device(1), h.device(2)
	h.login(one, online)
	h.login(two, online)
	for _, v := range []hotspot.Voucher{away, longer} {
		h.login(h.device(3), v)
		if err := h.Logout(t.Context(), h.device(3).MAC); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.EditVoucher(t.Context(), "longer", hotspot.VoucherEdit{ValidFor: new(hotspot.Validity(2 * time.Hour))}); err != nil {
		t.Fatal(err)
	}
	h.told()
	h.clock.Pass(59 * time.Minute)
	h.look()
	h.wantTold("early", h.told("username"))
	h.clock.Pass(time.Minute)
	h.look()
	h.poll()
	h.look()
	got := h.told("username", "reason", "login")
	slices.Sort(got)
	h.wantTold("at the end", got, "guest.logout time used up online", "guest.logout time used up online",
		"voucher.exhausted away time used up", "voucher.exhausted online time used up")
	h.restart()
	h.subscribe(hotspot.EventExhausted)
	h.look()
	h.wantTold("again after a restart", h.told("username"))
	// What ends while no daemon runs is told at the next start.
	h.clock.Pass(3 * time.Hour)
	h.restart()
	h.subscribe(hotspot.EventExhausted)
	h.look()
	h.wantTold("missed", h.told("username", "expires"), "voucher.exhausted longer 2026-03-01T16:00:00Z")
	// One that an edit ends is told at once, and an edit to the past of one that was told is not.
	if _, err := h.EditVoucher(t.Context(), "longer", hotspot.VoucherEdit{ValidFor: hour}); err != nil {
		t.Fatal(err)
	}
	h.look()
	h.wantTold("edited", h.told("username"))
}

// When the clock is set, nobody is told twice or never.
func TestExpiryMovesWithTheClock(t *testing.T) {
	for _, by := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			h := newHouse(t)
			h.subscribe(hotspot.EventExhausted)
			h.look()
			hour := new(hotspot.Validity(time.Hour))
			for _, name := range []string{"first", "second"} {
				h.login(h.device(1), h.voucher(hotspot.VoucherSpec{Username: name, ValidFor: hour}))
				h.clock.Pass(40 * time.Minute)
			}
			h.look()
			h.wantTold("before", h.told("username"), "voucher.exhausted first")
			h.clock.Set(h.clock.Read().Wall.Add(by), true)
			if err := h.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.look()
			h.wantTold("set", h.told("username"))
			h.clock.Pass(20 * time.Minute)
			h.look()
			h.look()
			h.wantTold("after", h.told("username"), "voucher.exhausted second")
		})
	}
}

// Many vouchers that end at one moment are told of in several transactions.
func TestManyExpireAtOnce(t *testing.T) {
	h := newHouse(t)
	h.set("voucher.validity_from", "valid_from")
	h.subscribe(hotspot.EventExhausted)
	h.look()
	specs := make([]hotspot.VoucherSpec, 450)
	for i := range specs {
		specs[i].ValidFor = new(hotspot.Validity(time.Hour))
	}
	if _, err := h.CreateVouchers(t.Context(), specs...); err != nil {
		t.Fatal(err)
	}
	h.clock.Pass(time.Hour)
	before := h.store.Updates()
	h.look()
	if n := h.store.Updates() - before; n != 5 {
		t.Errorf("%d transactions", n)
	}
	if got := h.told(); len(got) != 450 {
		t.Errorf("%d events", len(got))
	}
	h.look()
	h.wantTold("again", h.told())
}

// The queue is bounded; what goes is counted.
func TestQueueOfEventsIsBounded(t *testing.T) {
	h := newHouse(t)
	h.subscribe(hotspot.EventCreated)
	for range hotspot.MaxEvents + 30 {
		h.voucher(hotspot.VoucherSpec{})
	}
	evs := h.queued()
	if len(evs) != hotspot.MaxEvents || evs[0].Seq != 31 || h.EventsDropped() != 30 {
		t.Errorf("%d events from %d on, %d dropped", len(evs), evs[0].Seq, h.EventsDropped())
	}
}

func TestDeviceSeen(t *testing.T) {
	h := newHouse(t)
	d := h.device(1)
	h.subscribe(hotspot.EventSeen)
	h.look()
	h.look()
	h.wantTold("first", h.told("mac", "first", "name"), "device.seen 02:00:00:00:00:01 true phone")
	before := h.store.Updates()
	h.device(2)
	h.look()
	if h.store.Updates() != before {
		t.Error("a second write within a minute")
	}
	for range 20 { // it stays for long
		h.clock.Pass(time.Hour)
		h.look()
	}
	h.wantTold("second", h.told("mac", "first"), "device.seen 02:00:00:00:00:02 true")
	if n := h.store.Updates() - before; n > 6 {
		t.Errorf("%d writes for devices that stay", n)
	}
	h.restart()
	h.subscribe(hotspot.EventSeen)
	h.look()
	h.wantTold("after a restart", h.told("mac"))
	h.hosts.Remove(d.MAC)
	hours := func(n int) {
		for range n {
			h.clock.Pass(time.Hour)
			h.look()
		}
	}
	hours(11)
	h.device(1)
	h.look()
	h.wantTold("back soon", h.told("mac"))
	h.hosts.Remove(d.MAC)
	hours(12)
	h.device(1)
	h.look()
	h.wantTold("back late", h.told("mac", "first"), "device.seen 02:00:00:00:00:01 false")
	h.Subscribe(nil)
	h.look()
	if err := h.store.View(t.Context(), func(r hotspot.Reader) error {
		seen, err := r.Sightings()
		if len(seen) != 0 {
			t.Errorf("%d devices are remembered for nobody", len(seen))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Made-up devices fill neither memory nor flash.
func TestManyDevicesSeen(t *testing.T) {
	h := newHouse(t)
	h.subscribe(hotspot.EventSeen)
	before := h.store.Updates()
	for i := range 3000 {
		h.hosts.Put(hotspot.Host{MAC: hotspot.MAC{2, 0, 0, 1, byte(i >> 8), byte(i)}})
	}
	for range 60 {
		h.clock.Pass(time.Minute)
		h.look()
	}
	if n := h.store.Updates() - before; n > 60 {
		t.Errorf("%d writes in an hour", n)
	}
	if err := h.store.View(t.Context(), func(r hotspot.Reader) error {
		seen, err := r.Sightings()
		if len(seen) > hotspot.MaxSightings {
			t.Errorf("%d devices are remembered", len(seen))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestEventIDsSort(t *testing.T) {
	a, b := hotspot.NewEventID(start), hotspot.NewEventID(start.Add(time.Millisecond))
	if len(a) != 30 || !strings.HasPrefix(a, "evt_") || a >= b || strings.Contains(a, ".") || a == hotspot.NewEventID(start) {
		t.Error(a, b)
	}
}
