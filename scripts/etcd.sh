#!/usr/bin/env bash
# Prints where an etcd is, of the release that scripts/tools/go.mod names. It is
# built when it is not there yet, about a minute, into the user's cache. Tests
# and benchmarks of the relay start it as a process, to be able to kill it.
. "$(dirname "$0")/lib.sh"

version=$(awk '$1 == "go.etcd.io/etcd/server/v3" && NF > 1 { print $2 }' scripts/tools/go.mod)
[ -n "$version" ] || die "scripts/tools/go.mod names no go.etcd.io/etcd/server/v3"
etcd=${XDG_CACHE_HOME:-$HOME/.cache}/vouchsafe/etcd-$version-go$(go_wanted)
if [ ! -x "$etcd" ]; then
	# Several packages' tests may come at once; the first one builds it for all.
	mkdir -p "$(dirname "$etcd")"
	exec 9>"$etcd.lock"
	flock 9
fi
if [ ! -x "$etcd" ]; then
	new=$(mktemp "$etcd.XXXXXX")
	trap 'rm -f "$new"' EXIT
	say "Building etcd $version into $etcd (once)."
	# Not for the tests' own architecture or detector: for this machine.
	env -u GOOS -u GOARCH -u GOFLAGS CGO_ENABLED=0 go build -buildvcs=false -modfile=scripts/tools/go.mod -trimpath -ldflags '-s -w' -o "$new" go.etcd.io/etcd/server/v3
	chmod +x "$new"
	mv "$new" "$etcd" # in one step
fi
printf '%s\n' "$etcd"
