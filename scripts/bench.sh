#!/usr/bin/env bash
# Runs the Go benchmarks. Arguments go to `go test`: scripts/bench.sh -bench Open ./store
. "$(dirname "$0")/lib.sh"
deps build

if [ $# -eq 0 ]; then
	set -- -bench . ./...
fi
exec go test -run '^$' -benchmem "$@"
