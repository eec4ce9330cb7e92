package hotspottest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// World is a gate and the packets around it. Every device has the MAC
// 02:00:00:01:00:0N, IPv4 addresses in 192.168.100.0/24 and IPv6 addresses in
// fd77:0:0:1::/64.
type World interface {
	// Gate returns the gate, ready for use.
	Gate() hotspot.Gate
	// Restart stands for a new start of the program: it returns a gate that
	// finds what the last one left.
	Restart() hotspot.Gate
	// Reboot stands for a new start of the machine: it returns an empty gate.
	Reboot() hotspot.Gate
	// Lose empties the gate as if somebody else had deleted its rules.
	Lose()
	// Packet offers a packet of n layer-3 bytes and reports whether it passed.
	Packet(m hotspot.MAC, a netip.Addr, d hotspot.Direction, n int) bool
	// Probe is the size of a packet that tells whether packets pass; 0 if one
	// without bytes can.
	Probe() int
}

// Run holds the service against the model of the session rules: it does the
// steps to both, and returns how they first differ, or nil.
func Run(ctx context.Context, steps []Step, newWorld func(*Clock) World) error {
	h, err := newModelHouse(ctx, newWorld)
	if err != nil {
		return err
	}
	for i, s := range steps {
		if err := h.step(s); err != nil {
			return fmt.Errorf("step %d %s %w", i, s, err)
		}
		if err := h.check(); err != nil {
			return fmt.Errorf("after step %d %s %w", i, s, err)
		}
	}
	return nil
}

// modelHouse is a hotspot and the model of it.
type modelHouse struct {
	ctx   context.Context
	model *model
	svc   *hotspot.Service
	store *Store
	hosts *Hosts
	clock *Clock
	world World
	rand  *rand.ChaCha8

	ids    [modelVouchers]uint64
	names  [modelVouchers]string
	made   int
	boots  int
	round  int       // of probes
	truth  time.Time // as a clock shows that is always right
	lowest map[*mAccount]amount
}

var modelStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newModelHouse(ctx context.Context, newWorld func(*Clock) World) (*modelHouse, error) {
	h := &modelHouse{ctx: ctx, model: newModel(), store: NewStore(), hosts: &Hosts{}, clock: NewClock(modelStart),
		rand: rand.NewChaCha8([32]byte{}), truth: modelStart, lowest: map[*mAccount]amount{}}
	h.world = newWorld(h.clock)
	for d := range modelDevices {
		h.move(d, d+1)
	}
	if err := h.start(h.world.Gate()); err != nil {
		return nil, err
	}
	for key, value := range map[string]string{"login.free": "on", "free.download_limit": "0", "log.keep_days": "0", "people.keep_days": "0"} {
		if err := h.setting(key, value); err != nil {
			return nil, err
		}
	}
	// A daemon stores the time within its first minute.
	h.model.flush()
	return h, h.svc.Flush(h.ctx)
}

func (h *modelHouse) config(g hotspot.Gate) hotspot.Config {
	return hotspot.Config{Store: h.store, Gate: g, Hosts: h.hosts, Clock: h.clock,
		Rand: h.rand, Log: slog.New(slog.DiscardHandler), Zone: time.UTC}
}

// start begins a run of the program.
func (h *modelHouse) start(g hotspot.Gate) error {
	h.svc = hotspot.New(h.config(g))
	if err := h.svc.Start(h.ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	return nil
}

// seeAll tells of every device, as the watch of the network does at a start, and
// then lets the daemon go round once: addresses that were stored and changed
// hands since are sorted out by then.
func (h *modelHouse) seeAll() error {
	for d := range modelDevices {
		if err := h.seen(d); err != nil {
			return err
		}
	}
	return h.poll()
}

func (h *modelHouse) seen(device int) error {
	h.model.seen(device)
	return h.svc.HostChanged(h.ctx, modelMAC(device))
}

func modelMAC(device int) hotspot.MAC { return hotspot.MAC{2, 0, 0, 1, 0, byte(10 + device)} }

// modelAddr turns the model's number of an address into the address: from 0
// the IPv4 ones, and then each device's IPv6 one.
func modelAddr(a int) netip.Addr {
	if a < modelAddrs {
		return netip.AddrFrom4([4]byte{192, 168, 100, byte(10 + a)})
	}
	return netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 7: 1, 15: byte(10 + a - modelAddrs)})
}

// move gives a device an IPv4 address, counted from 1, besides its IPv6 one.
func (h *modelHouse) move(device, addr int) {
	for _, d := range h.model.devices {
		d.addrs = slices.DeleteFunc(slices.Clone(d.addrs), func(a int) bool { return a == addr-1 })
	}
	h.model.devices[device].addrs = []int{addr - 1, modelAddrs + device}
	h.hosts.Put(hotspot.Host{MAC: modelMAC(device), Addrs: []netip.Addr{modelAddr(addr - 1), modelAddr(modelAddrs + device)}})
}

func (h *modelHouse) host(device int) hotspot.Host {
	x, _ := h.hosts.ByMAC(modelMAC(device))
	return x
}

// step does one step to the model and to the service.
func (h *modelHouse) step(s Step) error {
	switch s.Do {
	case ActMake:
		return h.makeVoucher(s)
	case ActLogin:
		want := h.model.login(s.Device, s.Voucher)
		id := h.ids[s.Voucher]
		if h.model.vouchers[s.Voucher] == nil {
			id = 1 << 40
		}
		_, err := h.svc.Login(h.ctx, h.host(s.Device), hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: id, Login: h.names[s.Voucher]})
		return sameCode(want, err)
	case ActFree:
		key := modelMAC(s.Device).String()
		want := h.model.loginFree(s.Device)
		_, err := h.svc.Login(h.ctx, h.host(s.Device), hotspot.Claim{Method: hotspot.MethodFree, Login: key,
			User: hotspot.User{Method: hotspot.MethodFree, Key: key}})
		return sameCode(want, err)
	case ActLogout:
		h.leave(s.Device, hotspot.EndLogout)
		return h.svc.Logout(h.ctx, modelMAC(s.Device))
	case ActKick:
		want := hotspot.CodeNotFound
		if h.leave(s.Device, hotspot.EndKicked) {
			want = ""
		}
		return sameCode(want, h.svc.Kick(h.ctx, modelMAC(s.Device)))
	case ActBlock:
		h.leave(s.Device, hotspot.EndBlocked)
		h.model.devices[s.Device].blocked = true
		_, err := h.svc.Block(h.ctx, modelMAC(s.Device), "")
		return err
	case ActUnblock:
		want := h.model.unblock(s.Device)
		return sameCode(want, h.svc.Unblock(h.ctx, modelMAC(s.Device)))
	case ActSeen:
		if s.Addr > 0 {
			h.move(s.Device, s.Addr)
		}
		return h.seen(s.Device)
	case ActTraffic:
		used, err := h.traffic(s)
		if err != nil || used.account == nil {
			return err
		}
		h.model.deplete(used)
		return h.report(used)
	case ActEdit:
		return h.edit(s)
	case ActRemove:
		h.model.expire()
		want := h.model.remove(s.Voucher)
		return sameCode(want, h.svc.RemoveVoucher(h.ctx, h.nameOf(s.Voucher)))
	case ActSet:
		return h.setting(s.Key, s.Value)
	}
	return h.stepTime(s)
}

// stepTime does the steps that are about time and power.
func (h *modelHouse) stepTime(s Step) error {
	switch s.Do {
	case ActPass:
		// The daemon reads the counters all the time.
		if err := h.svc.Poll(h.ctx); err != nil {
			return err
		}
		h.machine(s.For)
		h.model.pass(s.For)
		if err := h.checkDead(); err != nil {
			return err
		}
		h.model.expire()
		return h.poll()
	case ActJump:
		h.clock.Set(h.clock.Read().Wall.Add(s.Off), h.clock.Read().Synced)
		if s.Off == 0 {
			h.clock.Set(h.truth, h.clock.Read().Synced)
		}
		h.tellTime()
		return h.poll()
	case ActSync:
		h.clock.Set(h.truth.Add(s.Off), true)
		h.tellTime()
		return h.poll()
	case ActPoll:
		return h.poll()
	case ActFlush:
		h.model.flush()
		return h.svc.Flush(h.ctx)
	case ActCrash:
		return h.crash(s)
	case ActReboot:
		return h.reboot(s)
	case ActLose:
		return h.lose()
	}
	return fmt.Errorf("there is no such step")
}

func direction(up bool) int {
	if up {
		return 1
	}
	return 0
}

func directionOf(up bool) hotspot.Direction {
	if up {
		return hotspot.Up
	}
	return hotspot.Down
}

func sameCode(want hotspot.Code, err error) error {
	got := hotspot.Code("")
	if err != nil {
		got = hotspot.CodeOf(err)
	}
	if got != want {
		return fmt.Errorf("is answered with %q (%v), want %q", got, err, want)
	}
	return nil
}

// poll is what the daemon does all the time.
func (h *modelHouse) poll() error { return h.svc.Poll(h.ctx) }

// tellTime tells the model what the clock shows.
func (h *modelHouse) tellTime() {
	r := h.clock.Read()
	h.model.clock(r.Wall.Sub(modelStart), r.Synced)
}

// machine lets time go by on the machine.
func (h *modelHouse) machine(d time.Duration) {
	h.clock.Pass(d)
	h.truth = h.truth.Add(d)
}

func (h *modelHouse) leave(device int, why hotspot.Reason) bool {
	s := h.model.devices[device].session
	if s != nil {
		h.model.end(s, why)
	}
	return s != nil
}

func (h *modelHouse) nameOf(slot int) string {
	if h.model.vouchers[slot] == nil && h.names[slot] == "" {
		return "nobody"
	}
	return h.names[slot]
}
