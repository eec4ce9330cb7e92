#!/usr/bin/env bash
# Measures what the cloud endpoint costs a router: bytes of the program, and memory
# of the daemon with the endpoint connected to a relay and with it off, five times
# each. Needs root, for network and mount namespaces of its own. `short` measures
# the program only, without root: CI sees by it that this still works.
. "$(dirname "$0")/lib.sh"

# memory WHAT PID prints a process's memory in kB: all, and what no file is behind.
memory() {
	awk -v what="$1" '/^VmRSS/ { all = $2 } /^RssAnon/ { own = $2 } END { printf "%-10s %12d %12d\n", what, all, own }' "/proc/$2/status"
}

# until_true COMMAND… waits a minute at most.
until_true() {
	for _ in $(seq 600); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	die "not within a minute: $*"
}

# start starts the daemon and waits until it answers.
start() {
	GOGC=50 "$dir/vouchsafe" daemon --config "$dir/router.yaml" >"$dir/router.log" 2>&1 &
	daemon=$!
	until_true "$dir/vouchsafe" cloud status --data "$dir/router"
}

stop() {
	kill "$daemon"
	wait "$daemon" || true
}

connected() { "$dir/vouchsafe" cloud status --data "$dir/router" | grep -q '^state *up'; }

# inside measures memory, in the namespaces.
inside() {
	dir=$1
	printf '127.0.0.1 localhost api.cloud.test tunnel.cloud.test\n' >"$dir/hosts"
	mount --bind "$dir/hosts" /etc/hosts
	"$dir/vouchsafe-cloud" serve --data "$dir/relay" --domain cloud.test --listen 127.0.0.1:443 --tls selfsigned >"$dir/relay.log" 2>&1 &
	relay=$!
	trap 'kill "$relay" ${daemon:+"$daemon"} 2>/dev/null || true' EXIT
	until_true test -S "$dir/relay/control.sock"
	account=$("$dir/vouchsafe-cloud" account create --data "$dir/relay" --name try | awk '{ print $2 }')
	printf 'data: %s/router\ncloud:\n  ca_file: %s/relay/selfsigned.pem\nnetwork:\n  backend: memory\nlan:\n  listen: ["127.0.0.1:8080"]\n' "$dir" "$dir" >"$dir/router.yaml"
	start
	"$dir/vouchsafe" cloud enrol --data "$dir/router" --domain cloud.test \
		--code "$("$dir/vouchsafe-cloud" router claim --data "$dir/relay" --account "$account")" >/dev/null
	printf '%-10s %12s %12s\n' endpoint 'memory, kB' 'its own, kB'
	for _ in 1 2 3 4 5; do
		for state in on off; do
			"$dir/vouchsafe" cloud "$state" --data "$dir/router" >/dev/null
			stop
			start
			[ "$state" = off ] || until_true connected
			sleep 10 # what the start needed is given back
			memory "$state" "$daemon"
		done
	done
	stop
}

if [ "${1:-}" = inside ]; then
	inside "$2"
	exit
fi

deps build
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf '{"Replace": {"%s": "%s"}}\n' "$PWD/api/endpoint/endpoint.go" "$PWD/api/endpoint/testdata/without.go" >"$dir/overlay.json"
build_flags mipsle
for overlay in '' "$dir/overlay.json"; do
	env CGO_ENABLED=0 GOOS=linux GOARCH=mipsle GOMIPS=softfloat go build "${BUILD_FLAGS[@]}" -overlay "$overlay" -o "$dir/router" ./cmd/vouchsafe
	printf 'mipsle, %s: %d bytes\n' "$([ -z "$overlay" ] && echo with the endpoint || echo without it)" "$(stat -c %s "$dir/router")"
done
rm "$dir/router"
[ "${1:-}" != short ] || exit 0
build_flags
for program in vouchsafe vouchsafe-cloud; do
	CGO_ENABLED=0 go build "${BUILD_FLAGS[@]}" -o "$dir/$program" "./cmd/$program"
done
as_root scripts/in-netns.sh "$PWD/scripts/cloudcost.sh" inside "$dir"
