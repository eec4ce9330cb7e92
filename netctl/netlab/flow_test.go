package netlab

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlowsArriveAndAreCounted(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	const amount = 4 << 20
	for _, network := range []string{"tcp4", "tcp6", "udp4", "udp6"} {
		for _, upload := range []bool{false, true} {
			f := Flow{
				Guest: l.Guest(1), Network: network, Upload: upload, Bytes: amount,
				Time: patience, Stall: patience / 3,
			}
			if f.Network[:3] == "udp" {
				f.Rate, f.Stall = 20<<20, patience/9
			}
			// What a busy machine drops or delays is sent again or lost. That is none of
			// the flow's faults, and not the same each time.
			var faults []string
			for range 5 {
				if faults = flowFaults(t, l, f); len(faults) == 0 {
					break
				}
				t.Logf("%s upload=%v: %q", network, upload, faults)
			}
			for _, fault := range faults {
				t.Errorf("%s upload=%v: %s", network, upload, fault)
			}
		}
	}
}

// flowFaults runs a flow and says what is wrong about it.
func flowFaults(t *testing.T, l *Lab, f Flow) (faults []string) {
	t.Helper()
	f.Progress = new(atomic.Uint64)
	r, err := l.Send(longContext(t), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s upload=%v: %+v, %.0f MB/s", f.Network, f.Upload, r, r.Rate()/1e6)
	if r.End != EndComplete || r.Sent != f.Bytes || r.Received != f.Bytes || f.Progress.Load() != f.Bytes {
		faults = append(faults, fmt.Sprintf("%+v, want all %d bytes", r, f.Bytes))
	}
	payload, other := r.Down, r.Up
	if f.Upload {
		payload, other = other, payload
	}
	if payload <= f.Bytes || payload > f.Bytes+f.Bytes/10 {
		faults = append(faults, fmt.Sprintf("%d layer-3 bytes for %d of payload", payload, f.Bytes))
	}
	if other > f.Bytes/10 {
		faults = append(faults, fmt.Sprintf("%d bytes the other way", other))
	}
	return faults
}

// A router that takes the flow away is a result, not an error.
func TestFlowEnds(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	ctx := longContext(t)
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
			// A sender that waits for a processor looks like one that is cut off: what
			// does not come out is tried again with more time.
			var r FlowResult
			for stall := 300 * time.Millisecond; stall < time.Minute; stall *= 7 {
				if r = cutFlow(ctx, t, l, tt.rule, tt.network, tt.upload, tt.want, stall); r.End == tt.want && (r.End != EndTime || r.Received > 0) {
					break
				}
				t.Logf("with %v: %+v", stall, r)
			}
			if r.End != tt.want {
				t.Errorf("got %+v, want %s", r, tt.want)
			}
			if tt.want == EndStalled && r.Down+r.Up > 300000 {
				t.Errorf("%d + %d bytes passed a quota of 300000", r.Down, r.Up)
			}
			if most := uint64(r.Elapsed.Seconds()*(1<<20)) + 1<<16; tt.want == EndTime && (r.Received == 0 || r.Received > most) {
				t.Errorf("%d bytes in %v at 1 MB/s", r.Received, r.Elapsed)
			}
		})
	}
}

// cutFlow runs a flow through a router with a rule.
func cutFlow(ctx context.Context, t *testing.T, l *Lab, rule, network string, upload bool, want End, stall time.Duration) FlowResult {
	t.Helper()
	rules := "table inet test\ndelete table inet test\ntable inet test { chain c { type filter hook forward priority 10; " + rule + "\n}\n}\n"
	if _, err := l.Router().nft(ctx, rules, "-f", "-"); err != nil {
		t.Fatal(err)
	}
	f := Flow{Guest: l.Guest(1), Network: network, Upload: upload, Bytes: 50 << 20, Time: patience, Stall: stall}
	if want == EndTime {
		f.Bytes, f.Time, f.Stall, f.Rate = 0, 5*stall, patience, 1<<20
	}
	r, err := l.Send(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A sender keeps to its rate, and one that was held up does not make up for it if it
// is forgiven.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		p := newPace(1<<20, begun)
		for sent := 0; sent < 3<<20; {
			sent += p.take(1 << 16)
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took < 3*time.Second || took > 3100*time.Millisecond {
			t.Errorf("3 MB at 1 MB/s took %v", took)
		}
		_ = pause(t.Context(), time.Minute)
		p.take(1 << 10)
		p.forgive(time.Second)
		p.take(1 << 10)
		if left := time.Until(p.due()); left <= 0 || left > time.Second {
			t.Errorf("the next piece is due in %v", left)
		}
	})
}

func TestCountersAreThoseOfTheLink(t *testing.T) {
	l := newLabWithLeases(t, Options{Guests: 1})
	before, err := l.Guest(1).Counters()
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Send(longContext(t), Flow{Guest: l.Guest(1), Bytes: 1 << 20, Time: patience, Stall: patience})
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
	if !slices.Equal(open, []uint16{53}) {
		t.Errorf("open: %v, want 53 alone", open)
	}
}
