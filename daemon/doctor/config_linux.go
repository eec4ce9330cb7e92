package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/daemon/config"
)

func (x *exam) configuration(context.Context) []Finding {
	switch {
	case errors.Is(x.ConfigErr, fs.ErrNotExist):
		return one(Problem, "write it, beginning with the example in docs/configuration.md, or name another with --config", "there is no %s", x.Source)
	case x.ConfigErr != nil:
		var all []Finding
		for _, fault := range config.Faults(x.ConfigErr) {
			add(&all, Problem, "correct it, then run: vouchsafe config check FILE", "%v", fault)
		}
		add(&all, Unknown, "correct the configuration, then run this again", "the guest network was not looked at: nothing says which it is")
		return all
	case x.Config.Network.Backend == config.BackendMemory:
		return one(OK, "", "%s; the memory backend lets nobody through, so the guest network was not looked at", x.Source)
	}
	return fine("%s is valid", x.Source)
}

func (x *exam) daemon(context.Context) []Finding {
	switch {
	case x.DaemonErr != nil:
		return one(Unknown, "run it as root, with sudo", "whether the daemon runs: %v", x.DaemonErr)
	case x.Daemon == nil:
		return one(Warning, "start it: on OpenWrt with /etc/init.d/vouchsafe start, with systemd with systemctl start vouchsafe; if it ends again, its log says why",
			"it does not run: nobody new is let in, and limits of guests who are in go on to hold")
	}
	var all []Finding
	for _, n := range x.Daemon.Notices {
		add(&all, Warning, "look it up in docs/operations.md", "%s", n)
	}
	return list(all, "version %s runs", x.Daemon.Version)
}

// rights are what the examiner itself may do.
type rights struct {
	root, admin bool
}

// The bits of capabilities (linux/capability.h).
const capNetAdmin = 12

// readRights reads /proc/self/status.
func readRights(s *system) rights {
	status, _ := s.text("/proc/self/status")
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			return rights{root: os.Geteuid() == 0, admin: err == nil && caps&(1<<capNetAdmin) != 0}
		}
	}
	return rights{root: os.Geteuid() == 0, admin: os.Geteuid() == 0}
}

func (x *exam) checkRights(context.Context) []Finding {
	x.rights = readRights(x.sys)
	return judgeRights(x.rights)
}

func judgeRights(r rights) []Finding {
	switch {
	case !r.root:
		return one(Unknown, "run it as root, with sudo", "this is not root: the firewall, the data directory and other programs' sockets can be looked at in part at most")
	case !r.admin:
		return one(Problem, "give the daemon the capabilities CAP_NET_ADMIN and CAP_NET_RAW; in a container, run it privileged", "root is not allowed to manage the network here")
	}
	return fine("root")
}
