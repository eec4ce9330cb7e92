package hotspot_test

import (
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestEmailOverAndOver: a device cannot get more time by thinking of another
// address, but may change a mistyped one, and another device has its own.
func TestEmailOverAndOver(t *testing.T) {
	h := newHouse(t)
	h.set("login.email", "on")
	in := func(d hotspot.Host, address string) error {
		_, err := h.Login(t.Context(), d, hotspot.Claim{Method: hotspot.MethodEmail, Login: address, User: hotspot.User{Method: hotspot.MethodEmail, Key: address}})
		return err
	}
	phone, tablet := h.device(1), h.device(2)
	for _, address := range []string{"anna@exmaple.com", "anna@example.com"} {
		if err := in(phone, address); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.Pass(time.Hour)
	h.poll()
	for _, address := range []string{"anna@example.com", "bert@example.com", "carl@example.com"} {
		if e := h.refused(in(phone, address), hotspot.CodeTimeUsed); !e.When.Equal(start.Add(24 * time.Hour)) {
			t.Errorf("%s: the next period at %v", address, e.When)
		}
	}
	if all, err := h.Users(t.Context(), hotspot.MethodEmail, 0, 10); err != nil || len(all) != 2 {
		t.Errorf("%d users, %v", len(all), err)
	}
	if err := in(tablet, "bert@example.com"); err != nil {
		t.Errorf("another device: %v", err)
	}
	if err := h.Logout(t.Context(), phone.MAC); err != nil {
		t.Fatal(err)
	}
	h.refused(in(phone, "bert@example.com"), hotspot.CodeTimeUsed)
	h.clock.Pass(23 * time.Hour)
	if err := in(phone, "carl@example.com"); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

// TestEmail: an address is a person with one period of free access, on whatever
// device, which known devices go on with.
func TestEmail(t *testing.T) {
	h := newHouse(t)
	h.set("login.email", "on")
	in := func(d hotspot.Host, consent bool) error {
		_, err := h.Login(t.Context(), d, hotspot.Claim{Method: hotspot.MethodEmail, Login: "anna@example.com",
			User: hotspot.User{Method: hotspot.MethodEmail, Key: "anna@example.com", Name: "Anna", Comments: [3]string{"12"}, Marketing: consent}})
		return err
	}
	phone, tablet := h.device(1), h.device(2)
	if err := in(phone, true); err != nil {
		t.Fatal(err)
	}
	h.clock.Pass(10 * time.Minute)
	if err := in(tablet, false); err != nil {
		t.Fatal(err)
	}
	all, err := h.Users(t.Context(), hotspot.MethodEmail, 0, 10)
	if err != nil || len(all) != 1 || all[0].Key != "anna@example.com" || all[0].Visits != 2 || all[0].MAC != tablet.MAC ||
		all[0].Comments[0] != "12" || all[0].Marketing || all[0].Verified {
		t.Errorf("users %+v, %v", all, err)
	}
	h.clock.Pass(31 * time.Minute)
	h.poll() // both were quiet for too long
	if _, ok, err := h.Return(t.Context(), phone); !ok || err != nil {
		t.Errorf("a known device must ask: %v", err)
	}
	h.clock.Pass(31 * time.Minute)
	h.poll()
	h.wantWhy(phone, hotspot.CodeTimeUsed)
	if _, ok, _ := h.Return(t.Context(), tablet); ok {
		t.Error("back after the period")
	}
	h.refused(in(tablet, false), hotspot.CodeTimeUsed)
	h.clock.Pass(24 * time.Hour)
	if err := in(tablet, false); err != nil {
		t.Errorf("the next day: %v", err)
	}
	h.clock.Pass(31 * time.Minute)
	h.poll()
	h.set("login.email", "off")
	if _, ok, _ := h.Return(t.Context(), tablet); ok {
		t.Error("back although the method is off")
	}
}
