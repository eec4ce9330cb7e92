package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// clockFacts are about the wall clock.
type clockFacts struct {
	now       time.Time
	trust     config.Trust
	synced    bool
	syncedErr error
	battery   bool      // a battery-backed clock was read at boot
	believed  bool      // by the running daemon
	running   bool      // it runs
	written   time.Time // when the store was last written, by the clock of then
}

func (x *exam) clock(context.Context) []Finding {
	f := clockFacts{now: x.sys.now(), trust: config.TrustAuto, running: x.Daemon != nil}
	if x.ConfigErr == nil {
		f.trust = x.Config.Clock.Trust
		if info, err := fs.Stat(x.sys.root, within(path.Join(x.Config.Data, storeFile))); err == nil {
			f.written = info.ModTime()
		}
		if x.Config.Network.Backend == config.BackendMemory {
			f.trust = config.TrustSystem
		}
	}
	f.synced, f.syncedErr = x.sys.synced()
	f.believed = x.Daemon != nil && x.Daemon.ClockBelieved
	rtcs, _ := fs.ReadDir(x.sys.root, "sys/class/rtc")
	for _, r := range rtcs {
		f.battery = f.battery || x.sys.is("sys/class/rtc/"+r.Name()+"/hctosys", 1)
	}
	return judgeClock(f)
}

// past is a time that has passed: no right clock shows an earlier one.
var past = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func judgeClock(f clockFacts) []Finding {
	const set = "let NTP set it (on OpenWrt: /etc/init.d/sysntpd restart), or set it by hand with date, then run: vouchsafe clock synced"
	shows := f.now.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case f.now.Before(past):
		return one(Problem, set, "the clock shows %s, which is wrong: vouchers are counted from the last time that was known", shows)
	case !f.written.IsZero() && f.written.Sub(f.now) > time.Hour:
		return one(Problem, set, "the clock shows %s, and the store was written at %s: the clock went back, or was ahead then", shows, f.written.UTC().Format("2006-01-02 15:04 UTC"))
	case f.synced && f.syncedErr == nil:
		return fine("the clock is kept right by NTP: %s", shows)
	case f.believed && f.trust == config.TrustAuto:
		return fine("NTP is silent at present; the daemon was told that the clock is right: %s", shows)
	case f.trust == config.TrustSystem:
		return fine("the clock shows %s and is believed, since clock.trust is system", shows)
	case f.battery:
		return fine("a battery-backed clock has set it: %s", shows)
	case f.syncedErr != nil && !errors.Is(f.syncedErr, fs.ErrPermission):
		return one(Unknown, "", "whether the clock is kept right: %v", f.syncedErr)
	}
	return one(Warning, set+"; write clock: {trust: system} if something else keeps it right", "nobody vouches for the clock, which shows %s: until then, time is counted from the last time that was known, and valid-from is not judged", shows)
}

func (x *exam) zone(context.Context) []Finding {
	if x.ConfigErr != nil {
		return nil
	}
	return judgeZone(x.Config.Zone, x.sys.now())
}

func judgeZone(zone *time.Location, now time.Time) []Finding {
	name, offset := now.In(zone).Zone()
	if offset == 0 && (name == "UTC" || zone == time.UTC) {
		return fine("UTC; if the venue's clocks show another time, set zone")
	}
	return fine("%s: it is %s there", zone, now.In(zone).Format("15:04"))
}
