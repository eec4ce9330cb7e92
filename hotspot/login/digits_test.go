package login_test

import (
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
)

// A phone with an Arabic keyboard types other digits than those on the paper.
func TestDigitsOfOtherKeyboards(t *testing.T) {
	db := vouchers{
		"k7m2qp": {ID: 1, Username: "K7M2QP", Passcode: "ABC234"},
		"١٢":     {ID: 2, Username: "١٢", Passcode: "٣"}, // made so through the API
	}
	m := login.NewVoucher(db, login.NewLimiter(time.Now))
	for code, want := range map[string]uint64{"k٧m٢qp": 1, "K۷M۲QP": 1, "K７M２QP": 1, "١٢": 2} {
		got, err := m.Claim(t.Context(), device(1), form(code, map[uint64]string{1: "abc٢۳４", 2: "٣"}[want]))
		if err != nil || got.Voucher != want {
			t.Errorf("%q: voucher %d, %v", code, got.Voucher, err)
		}
	}
	if got := hotspot.ASCIIDigits("٠١٢٣٤٥٦٧٨٩ ۰۹ ０９ a1é"); got != "0123456789 09 09 a1é" {
		t.Errorf("got %q", got)
	}
}
