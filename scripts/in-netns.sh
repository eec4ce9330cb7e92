#!/bin/sh
# Runs a test program as root in network and mount namespaces of its own, so
# that whatever it leaves behind goes with them and the machine's own network
# is never touched. `go test -exec` calls it with the program and arguments.
set -eu
# shellcheck disable=SC2016 # the inner shell expands
set -- unshare --net --mount sh -c 'mount -t tmpfs tmpfs /run/netns 2>/dev/null || true; ip link set lo up; exec "$@"' sh "$@"
if [ "$(id -u)" != 0 ]; then
	# What root builds must not end up, owned by root, in the user's cache.
	set -- sudo -E env "PATH=$PATH" "GOCACHE=${TMPDIR:-/tmp}/vouchsafe-root-go-build" "$@"
fi
exec "$@"
