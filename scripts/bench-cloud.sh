#!/usr/bin/env bash
# Measures the tunnel and the relay and writes docs/benchmarks-cloud.md. It needs
# root, some 20 minutes, and a machine that does nothing else meanwhile.
#
#   scripts/bench-cloud.sh                   everything
#   scripts/bench-cloud.sh --only link,idle  some of it; the report goes to build/
#   scripts/bench-cloud.sh --short           only see that everything runs
. "$(dirname "$0")/lib.sh"

typed="make bench-cloud"
out=docs
if [ $# -gt 0 ]; then
	typed="scripts/bench-cloud.sh $*"
	out=build/bench
fi
deps build
build_flags "$(go env GOARCH)"

# Programs of their own, so that a build meanwhile changes nothing.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export CGO_ENABLED=0
go build "${BUILD_FLAGS[@]}" -o "$dir/" ./cmd/vouchsafe-cloud ./api/cloud/cloudbench
ulimit -Sn "$(ulimit -Hn)"
as_root "$dir/cloudbench" --relay "$dir/vouchsafe-cloud" --out "$out" --as "$typed" --of "$(version)" "$@"
# What root wrote must not be root's in a user's checkout.
[ "$(id -u)" = 0 ] || as_root chown "$(id -u):$(id -g)" "$out/benchmarks-cloud.md"
say "written: $out/benchmarks-cloud.md"
