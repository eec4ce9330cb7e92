# shellcheck shell=bash
# Sourced by the scripts beside it: where things are, how to speak, which Go.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

have() { command -v "$1" >/dev/null 2>&1; }
say() { printf '%s\n' "$*" >&2; }
die() {
	say "error: $*"
	exit 1
}

# retry runs a command up to five times, with a pause in between: networks, servers
# and package managers are busy at times.
retry() {
	local pause
	for pause in 2 5 15 30; do
		"$@" && return
		say "failed, and will be tried again in $pause s: $*"
		sleep "$pause"
	done
	"$@"
}

# as_root runs a command with root's rights, asking sudo for them if need be.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif have sudo; then
		sudo "$@"
	else
		die "'$*' needs root: run as root, or install sudo"
	fi
}

# go_wanted is the version that go.mod names.
go_wanted() { awk '$1 == "go" { print $2; exit }' go.mod; }

# go_is_at_least VERSION: is the go in PATH that new?
go_is_at_least() {
	local got
	have go || return 1
	got=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
	got=${got#go}
	[ "$(printf '%s\n%s\n' "$1" "${got%%[!0-9.]*}" | sort -V | head -n 1)" = "$1" ]
}

# version is what the binaries call themselves.
version() { git describe --tags --always --dirty 2>/dev/null || echo 0.0.0-unknown; }

# recipe NAME prints what OpenWrt's recipe for the program has under a name.
recipe() { sed -n "s/^$1[:+]=//p" openwrt/vouchsafe/Makefile; }

# build_flags [GOARCH] sets BUILD_FLAGS to those of every binary we hand out: the
# compiler's are those of OpenWrt's recipe, which says why. On MIPS, -R makes the
# gaps between the segments of a program 16 KiB at most, the largest page of a
# router's kernel, where Go takes 64; kernels of other kinds may have such pages.
# shellcheck disable=SC2034 # read by the sourcing scripts
build_flags() {
	local pattern round=
	[[ ${1:-} != mips* ]] || round='-R 0x4000 '
	BUILD_FLAGS=(-trimpath -ldflags "-s -w $round-X main.version=$(version)" "-gcflags=$(recipe GO_PKG_GCFLAGS)")
	for pattern in $(recipe HOT); do
		BUILD_FLAGS+=("-gcflags=$pattern=$(recipe HOT_GCFLAGS)")
	done
}

# use_go puts a Go that is new enough first in PATH: the one there is, one in
# the usual place, or one that deps.sh fetched. Failing that, the one there is
# may fetch the right one by itself.
use_go() {
	local dir
	for dir in /usr/local/go/bin "${XDG_CACHE_HOME:-$HOME/.cache}/vouchsafe/go$(go_wanted)/bin"; do
		go_is_at_least "$(go_wanted)" && return
		[ ! -x "$dir/go" ] || PATH=$dir:$PATH
	done
	export PATH
	go_is_at_least "$(go_wanted)" || export GOTOOLCHAIN=auto
}

# deps WHAT installs what is missing; see deps.sh.
deps() {
	scripts/deps.sh "$1"
	use_go
}

use_go
