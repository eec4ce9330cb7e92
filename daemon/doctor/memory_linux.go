package doctor

import (
	"context"
	"strconv"
	"strings"
)

// memoryFacts are about the machine's memory, in bytes.
type memoryFacts struct {
	err              error
	total, available uint64
	limit            int64 // limits.memory; 0: none
	running          bool
}

func (x *exam) memory(context.Context) []Finding {
	f := memoryFacts{running: x.Daemon != nil}
	if x.ConfigErr == nil {
		f.limit = x.Config.Limits.Memory
	}
	info, err := x.sys.text("/proc/meminfo")
	f.err = err
	for line := range strings.Lines(info) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, err := strconv.ParseUint(fields[1], 10, 54)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			f.total = n << 10
		case "MemAvailable:":
			f.available = n << 10
		}
	}
	return judgeMemory(f)
}

// What the daemon needs: at least, and with guests and room for the rest.
const (
	leastMemory = 16 << 20
	goodMemory  = 32 << 20
	smallRouter = 256 << 20
)

func judgeMemory(f memoryFacts) []Finding {
	if f.err != nil || f.total == 0 {
		return one(Unknown, "", "the machine's memory could not be read")
	}
	need := uint64(goodMemory)
	if f.running {
		need = leastMemory / 2 // it has what it needs already
	}
	switch {
	case f.available < need/2:
		return one(Problem, "stop what is not needed; without memory the kernel ends programs, and the daemon may be the first", "only %s of %s memory are available", size(f.available), size(f.total))
	case f.available < need:
		return one(Warning, "stop what is not needed, or set limits.memory", "only %s of %s memory are available", size(f.available), size(f.total))
	case f.limit == 0 && f.total <= smallRouter:
		return one(Warning, "set limits.memory, to 32MiB for instance: the daemon then tidies up before it takes more", "limits.memory is not set on a machine with %s", size(f.total))
	}
	return fine("%s of %s are available", size(f.available), size(f.total))
}

func (x *exam) random(context.Context) []Finding {
	ready, err := x.sys.random()
	return judgeRandom(ready, err)
}

func judgeRandom(ready bool, err error) []Finding {
	switch {
	case err != nil:
		return one(Unknown, "", "whether random numbers are good: %v", err)
	case !ready:
		return one(Warning, "wait: it takes a minute or two after a boot; OpenWrt's urngd makes it quicker", "the kernel has not gathered enough randomness yet: passcodes wait for it")
	}
	return fine("the kernel's random numbers are good")
}
