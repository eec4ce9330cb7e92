package netlab

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

func TestFlowsArriveAndAreCounted(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	const amount = 4 << 20
	for _, network := range []string{"tcp4", "tcp6", "udp4", "udp6"} {
		for _, upload := range []bool{false, true} {
			progress := new(atomic.Uint64)
			f := Flow{
				Guest: l.Guest(1), Network: network, Upload: upload, Bytes: amount,
				Stall: 10 * time.Second, Progress: progress,
			}
			if f.Network[:3] == "udp" {
				f.Rate = 20 << 20
			}
			r, err := l.Send(testContext(t), f)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s upload=%v: %+v, %.0f MB/s", network, upload, r, r.Rate()/1e6)
			if r.End != EndComplete || r.Sent != amount || r.Received != amount || progress.Load() != amount {
				t.Errorf("%s upload=%v: %+v, want all %d bytes", network, upload, r, amount)
			}
			payload, other := r.Down, r.Up
			if upload {
				payload, other = other, payload
			}
			if payload <= amount || payload > amount+amount/10 {
				t.Errorf("%s upload=%v: %d layer-3 bytes for %d of payload", network, upload, payload, amount)
			}
			if other > amount/10 {
				t.Errorf("%s upload=%v: %d bytes the other way", network, upload, other)
			}
		}
	}
}

// A router that takes the flow away is a result, not an error.
func TestFlowEnds(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	ctx := testContext(t)
	for _, tt := range []struct {
		name, rule, network string
		upload              bool
		want                End
	}{
		{"refused", "tcp flags syn ip saddr 192.168.0.0/24 reject with tcp reset", "tcp4", false, EndRefused},
		{"refused", "meta l4proto udp drop", "udp4", false, EndRefused},
		{"refused", "meta l4proto udp reject", "udp6", true, EndRefused},
		{"stalled", "quota over 300000 bytes drop", "tcp4", false, EndStalled},
		{"stalled", "quota over 300000 bytes drop", "tcp6", true, EndStalled},
		{"stalled", "quota over 300000 bytes drop", "udp4", true, EndStalled},
		{"reset", "meta l4proto tcp quota over 300000 bytes reject with tcp reset", "tcp4", true, EndReset},
		{"time", "accept", "tcp4", false, EndTime},
	} {
		t.Run(tt.name+" "+tt.network, func(t *testing.T) {
			rules := "table inet test\ndelete table inet test\ntable inet test { chain c { type filter hook forward priority 10; " + tt.rule + "\n}\n}\n"
			if _, err := l.Router().nft(ctx, rules, "-f", "-"); err != nil {
				t.Fatal(err)
			}
			f := Flow{
				Guest: l.Guest(1), Network: tt.network, Upload: tt.upload,
				Bytes: 50 << 20, Time: 3 * time.Second, Stall: 300 * time.Millisecond,
			}
			if tt.want == EndTime {
				f.Bytes, f.Time, f.Stall, f.Rate = 0, 3*time.Second, 3*time.Second, 1<<20
			}
			r, err := l.Send(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			if r.End != tt.want {
				t.Errorf("got %+v, want %s", r, tt.want)
			}
			if tt.want == EndStalled && r.Down+r.Up > 300000 {
				t.Errorf("%d + %d bytes passed a quota of 300000", r.Down, r.Up)
			}
			if tt.want == EndTime && (r.Received < 1<<20 || r.Received > 4<<20) {
				t.Errorf("%d bytes in %v at 1 MB/s", r.Received, r.Elapsed)
			}
		})
	}
}

func TestCountersAreThoseOfTheLink(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	before, err := l.Guest(1).Counters()
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Send(testContext(t), Flow{Guest: l.Guest(1), Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	after, err := l.Guest(1).Counters()
	if err != nil {
		t.Fatal(err)
	}
	got := after.RxLayer3() - before.RxLayer3()
	// Neighbour discovery and the like come on top.
	if got < r.Down || got > r.Down+10_000 {
		t.Errorf("the link received %d layer-3 bytes, the flow's counter says %d", got, r.Down)
	}
	if after.TxLayer3()-before.TxLayer3() < r.Up {
		t.Errorf("the link sent fewer bytes than arrived")
	}
}

func TestScanFindsOpenPorts(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	open, err := l.Guest(1).ScanTCP(testContext(t), netip.MustParseAddr(RouterGuest6), 1, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if len(open) != 1 || open[0] != 53 {
		t.Errorf("open: %v, want 53 alone", open)
	}
}
