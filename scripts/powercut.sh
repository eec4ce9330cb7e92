#!/usr/bin/env bash
# Cuts the power of a disk under a store that is being written: ten runs of 300
# cuts each, at other moments each time. The disk remembers every write and
# flush of a real ext4 filesystem; a cut keeps what was flushed and any part of
# the rest. `make test` does one run of 150. Needs root and /dev/fuse.
. "$(dirname "$0")/lib.sh"
deps test

seed=${VOUCHSAFE_POWER_SEED:-$(date +%s)}
say "seed $seed"
VOUCHSAFE_POWER_SEED=$seed VOUCHSAFE_POWER_CUTS=${VOUCHSAFE_POWER_CUTS:-300} \
	go test -count="${VOUCHSAFE_POWER_RUNS:-10}" -timeout 30m -exec "$PWD/scripts/in-netns.sh" -run '^Test(PowerCut|FailedWritesAndPowerCut)$' -v ./daemon/e2e
