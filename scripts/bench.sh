#!/usr/bin/env bash
# Measures the hotspot beside its baselines and writes docs/benchmarks.md with
# its charts. It needs root and takes some ten minutes on a machine that should
# do nothing else meanwhile.
#
#   scripts/bench.sh                     everything
#   scripts/bench.sh --only login,batch  some of it; the report goes to build/
#   scripts/bench.sh short               only see that everything runs (for CI)
#   scripts/bench.sh go -bench . ./...   the Go benchmarks
. "$(dirname "$0")/lib.sh"

typed="make bench"
out=docs
case ${1:-} in
go)
	shift
	deps build
	exec go test -run '^$' -benchmem "$@"
	;;
short)
	shift
	set -- --short "$@"
	typed="make bench-short"
	out=build/bench
	;;
?*)
	typed="scripts/bench.sh $*"
	out=build/bench
	;;
esac
deps test
build_flags "$(go env GOARCH)"

# Programs of their own, so that a build meanwhile changes nothing. The upgrade
# is to the same code under another version.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export CGO_ENABLED=0
go build "${BUILD_FLAGS[@]}" -o "$dir/" ./cmd/vouchsafe ./cmd/vouchsafe-lab
go build "${BUILD_FLAGS[@]}" -ldflags "-s -w -X main.version=$(version)+next" -o "$dir/vouchsafe-next" ./cmd/vouchsafe
as_root "$dir/vouchsafe-lab" bench --next "$dir/vouchsafe-next" --out "$out" --as "$typed" --of "$(version)" "$@"
# What root wrote must not be root's in a user's checkout.
[ "$(id -u)" = 0 ] || as_root chown -R "$(id -u):$(id -g)" "$out/benchmarks.md" "$out/benchmarks"
say "written: $out/benchmarks.md"
