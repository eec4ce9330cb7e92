package hotspottest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Act is what a [Step] does.
type Act string

// What happens to a hotspot.
const (
	ActMake    Act = "make"    // a voucher, with For, From, Limit and Devices
	ActLogin   Act = "login"   // Device on Voucher
	ActFree    Act = "free"    // Device for nothing
	ActLogout  Act = "logout"  // Device
	ActKick    Act = "kick"    // Device
	ActBlock   Act = "block"   // Device
	ActUnblock Act = "unblock" // Device
	ActSeen    Act = "seen"    // Device is seen; with the IPv4 address Addr, if not 0
	ActTraffic Act = "traffic" // Packets of Size for Device, at its own address or at Addr
	ActEdit    Act = "edit"    // Voucher, by the first of the fields of an edit that is set
	ActRemove  Act = "remove"  // Voucher
	ActPass    Act = "pass"    // For
	ActJump    Act = "jump"    // the wall clock is set wrong by Off
	ActSync    Act = "sync"    // NTP sets the clock, wrong by Off
	ActPoll    Act = "poll"    // the daemon reads the counters
	ActFlush   Act = "flush"   // the daemon stores usage
	ActCrash   Act = "crash"   // kill -9; meanwhile Packets pass, or time (For), or the command line edits; a new start
	ActReboot  Act = "reboot"  // a power cut For some time; the clock comes up wrong by Off
	ActLose    Act = "lose"    // somebody deletes the gate's rules
	ActSet     Act = "set"     // setting Key to Value
)

// Step is one thing that happens. Fields that an act does not name are not
// read. A list of steps is a whole test: printed, it can be replayed.
type Step struct {
	Do      Act
	Device  int
	Voucher int
	Addr    int
	Up      bool
	Packets int
	Size    int
	For     time.Duration
	Off     time.Duration
	From    time.Duration // of a voucher: it is valid from then on, counted from now
	Devices int
	Limit   hotspot.Usage
	Total   uint64 // the limit of both directions together
	TopUp   hotspot.Usage
	// TopUpTotal goes with TopUp.
	TopUpTotal uint64
	Switch     string // of an edit: on, off, unbind, reset, limit, topup, time or devices
	Key        string
	Value      string
}

// String prints a step as it is written in Go.
func (s Step) String() string {
	var b strings.Builder
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		name := v.Type().Field(i).Name
		switch x := f.Interface().(type) {
		case Act:
			fmt.Fprintf(&b, "%s: %q", name, string(x))
		case time.Duration:
			fmt.Fprintf(&b, "%s: %d * time.Second", name, x/time.Second)
		default:
			fmt.Fprintf(&b, "%s: %#v", name, x)
		}
	}
	return "{" + b.String() + "},"
}

// PrintSteps prints steps as the lines of a Go slice.
func PrintSteps(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString("\t" + s.String() + "\n")
	}
	return b.String()
}

// years is how far a clock is set wrong.
const years = 365 * 24 * time.Hour

// RandomSteps makes n steps at random. Most are about who logged in last, and
// on what: random steps about everybody seldom meet.
func RandomSteps(r *rand.Rand, n int) []Step {
	steps := []Step{
		randomLimits(r, Step{Do: ActMake, For: randomSpan(r), Devices: r.IntN(3)}),
		{Do: ActMake, Voucher: 1, For: 5 * time.Hour},
	}
	if r.IntN(4) == 0 {
		steps = append([]Step{{Do: ActSet, Key: "voucher.validity_from", Value: "valid_from"}}, steps...)
	}
	last := Step{}
	for len(steps) < n {
		s := randomStep(r)
		switch s.Do {
		case ActLogin:
			s.Voucher = pick(r, s.Voucher, last.Voucher)
			last = s
		case ActFree:
			last.Device = s.Device
		case ActTraffic, ActCrash, ActSeen, ActLogout, ActBlock, ActUnblock:
			s.Device = pick(r, s.Device, last.Device, last.Device, last.Device)
		}
		if s.Switch != "" {
			s.Voucher = pick(r, s.Voucher, last.Voucher, last.Voucher)
		}
		steps = append(steps, s)
	}
	return steps
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// acts, by how often they happen.
var acts = [...]Act{
	ActMake, ActLogin, ActLogin, ActLogin, ActLogin, ActLogin, ActFree, ActFree, ActLogout, ActKick, ActSeen, ActSeen, ActBlock, ActUnblock, ActUnblock,
	ActTraffic, ActTraffic, ActTraffic, ActTraffic, ActTraffic, ActTraffic, ActTraffic, ActTraffic, ActTraffic, ActEdit, ActEdit, ActEdit, ActEdit, ActRemove,
	ActPass, ActPass, ActPass, ActJump, ActJump, ActSync, ActPoll, ActFlush, ActFlush, ActCrash, ActCrash, ActReboot, ActLose, ActSet,
}

func randomStep(r *rand.Rand) Step {
	s := Step{Do: pick(r, acts[:]...)}
	switch s.Do {
	case ActMake:
		s.Voucher, s.Devices = r.IntN(modelVouchers), r.IntN(3)
		s.For = randomSpan(r)
		s = randomLimits(r, s)
		s.From = pick(r, 0, 0, 0, -time.Hour, 3*time.Hour)
	case ActLogin:
		s.Device, s.Voucher = r.IntN(modelDevices), r.IntN(modelVouchers)
	case ActFree, ActLogout, ActKick, ActBlock, ActUnblock:
		s.Device = r.IntN(modelDevices)
	case ActSeen:
		s.Device, s.Addr = r.IntN(modelDevices), pick(r, 0, 0, 1+r.IntN(modelAddrs))
	case ActTraffic:
		randomTraffic(r, &s)
	case ActEdit:
		randomEdit(r, &s)
	case ActRemove:
		s.Voucher = r.IntN(modelVouchers)
	case ActPass:
		s.For = pick(r, time.Second, time.Minute, 20*time.Minute, 31*time.Minute, time.Minute, time.Hour, pick(r, 5*time.Hour, 25*time.Hour))
	case ActJump, ActSync:
		s.Off = randomOff(r)
	case ActCrash:
		switch r.IntN(4) {
		case 3:
			randomEdit(r, &s)
		case 0:
			randomTraffic(r, &s)
		case 1:
			s.For = pick(r, time.Second, 31*time.Minute, 2*time.Hour)
		}
	case ActReboot:
		s.For, s.Off = pick(r, 0, time.Minute, 2*time.Hour, 30*time.Hour), pick(r, 0, -56*years, randomOff(r))
	case ActSet:
		s.Key, s.Value = randomSetting(r)
	}
	return s
}

func randomTraffic(r *rand.Rand, s *Step) {
	s.Device, s.Up = r.IntN(modelDevices), r.IntN(2) == 0
	s.Packets, s.Size = 1+r.IntN(4), pick(r, 100, 1000, 1400)
	if r.IntN(8) == 0 {
		s.Addr = 1 + r.IntN(modelAddrs)
	}
}

// edits are the ways to edit a voucher.
var edits = [...]string{"on", "off", "unbind", "reset", "limit", "limit", "topup", "time", "devices"}

func randomEdit(r *rand.Rand, s *Step) {
	s.Voucher, s.Switch = r.IntN(modelVouchers), pick(r, edits[:]...)
	switch s.Switch {
	case "limit":
		*s = randomLimits(r, *s)
	case "topup":
		s.TopUp = hotspot.Usage{Down: uint64(r.IntN(4000)), Up: uint64(r.IntN(4000))}
		s.TopUpTotal = uint64(r.IntN(6000))
	case "time":
		s.For = randomSpan(r)
	case "devices":
		s.Devices = r.IntN(4)
	}
}

// randomLimits gives a step limits: of each direction, of both together, or all.
func randomLimits(r *rand.Rand, s Step) Step {
	s.Limit = hotspot.Usage{Down: pick(r, 0, 3000, 5500, uint64(r.IntN(12000))), Up: pick(r, 0, 0, 4000, uint64(r.IntN(12000)))}
	switch r.IntN(4) {
	case 0:
		s.Limit, s.Total = hotspot.Usage{}, pick(r, 4500, 1+uint64(r.IntN(12000)))
	case 1:
		s.Total = max(s.Limit.Down, s.Limit.Up) + uint64(r.IntN(4000))
	}
	return s
}

func randomSpan(r *rand.Rand) time.Duration {
	return pick(r, 0, time.Hour, 2*time.Hour, 10*time.Hour, 24*time.Hour, 30*24*time.Hour)
}

func randomOff(r *rand.Rand) time.Duration {
	return pick(r, 0, 10*years, -10*years, 3*time.Hour, -3*time.Hour, 2*years)
}

func randomSetting(r *rand.Rand) (key, value string) {
	key = pick(r, "voucher.takeover", "voucher.devices", "voucher.return", "session.idle_timeout", "session.timeout",
		"free.return", "free.duration", "free.every")
	switch key {
	case "voucher.devices":
		return key, pick(r, "1", "2", "3")
	case "free.duration":
		return key, pick(r, "0s", "20m", "1h")
	case "free.every":
		return key, pick(r, "0s", "30m", "24h")
	case "session.idle_timeout":
		return key, pick(r, "0s", "30m", "2h")
	case "session.timeout":
		return key, pick(r, "0s", "1h30m", "5m")
	}
	return key, pick(r, "on", "off")
}
