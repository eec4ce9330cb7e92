#!/usr/bin/env bash
# Stops, kills and freezes a relay of several with 2,000 routers on them, with the
# waits that routers have in real use, and takes all of etcd away for a minute.
# `make test` does it with 200, shorter waits, and etcd away for seconds. Needs
# 20,000 open files and 2 GB of memory.
. "$(dirname "$0")/lib.sh"
deps test

ulimit -n 20000 2>/dev/null || die "raise the limit of open files: ulimit -Hn 20000"
VOUCHSAFE_CLOUD_ROUTERS=${VOUCHSAFE_CLOUD_ROUTERS:-2000} \
	go test -count=1 -parallel 1 -timeout 10m -run '^Test(Leaving|Killed|Frozen)$' -v ./api/cloud |
	grep -vE '^ *time='
VOUCHSAFE_ETCD_DOWN=${VOUCHSAFE_ETCD_DOWN:-60s} \
	go test -count=1 -timeout 10m -run '^Test(Outage|Several)$/^all_down$' -v ./api/cloud/etcd ./cmd/vouchsafe-cloud |
	grep -vE '^ *time='
