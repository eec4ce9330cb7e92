#!/usr/bin/env bash
# Kills the daemon with kill -9 at random moments while vouchers are made,
# edited, used and removed on the kernel of this machine: 1,000 times, other
# moments each time. `make test` does it 200 times. Needs root.
. "$(dirname "$0")/lib.sh"
deps test

seed=${VOUCHSAFE_KILL_SEED:-$(date +%s)}
say "seed $seed"
VOUCHSAFE_KILL_SEED=$seed VOUCHSAFE_KILLS=${VOUCHSAFE_KILLS:-1000} \
	go test -count=1 -timeout 30m -exec "$PWD/scripts/in-netns.sh" -run '^TestKillAtRandomMoments$' -v ./daemon/e2e
