#!/usr/bin/env bash
# Installs what building (build), the demo (run) or the tests (test) need, and
# touches nothing when it is all there. Knows Debian and its relatives.
. "$(dirname "$0")/lib.sh"

# A command on the left is missing: the package on the right brings it.
build_needs='
git git
'
run_needs="$build_needs"'
ip iproute2
nft nftables
dnsmasq dnsmasq-base
udhcpc udhcpc
'
test_needs="$run_needs"'
gcc gcc
conntrack conntrack
chromium chromium
curl curl
pdftotext poppler-utils
qpdf qpdf
qemu-mips-static qemu-user-static
shellcheck shellcheck
xz xz-utils
unshare util-linux
mount mount
mkfs.ext4 e2fsprogs
'

# missing NEEDS prints the packages whose command is not there.
missing() {
	local command package
	while read -r command package; do
		[ -n "$command" ] || continue
		have "$command" || [ -x "/usr/sbin/$command" ] || printf '%s\n' "$package"
	done <<<"$1" | sort -u
}

install_packages() {
	say "Installing missing packages: $*"
	have apt-get || die "install these (or their like) with your package manager, then try again: $*"
	# Another one may be at work, such as a machine's own upgrade.
	retry as_root apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update -qq
	retry as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
		install -y -qq --no-install-recommends "$@" >&2
}

# The libraries that a C compiler needs have no command of their own.
libc_headers() {
	[ "$1" != test ] || [ -e /usr/include/stdio.h ] || echo libc6-dev
}

# ensure_go: go.mod names the Go release that we need. A Go that is older and
# knows toolchains (1.21 on) fetches it by itself through the module proxy;
# one that is older still only downloads it, and we unpack it.
ensure_go() {
	local wanted
	wanted=$(go_wanted)
	go_is_at_least "$wanted" && return
	if ! have go; then
		say "Go is not installed. Installing Debian's golang-go; it then fetches Go $wanted through the module proxy."
		install_packages golang-go ca-certificates
	fi
	if go_is_at_least 1.21; then
		retry env GOTOOLCHAIN=auto go version >/dev/null || die "Go $wanted could not be fetched: is the module proxy in reach? (go env GOPROXY)"
		return
	fi
	fetch_go "$wanted"
}

# fetch_go VERSION downloads a Go release as a module, whose checksum the old
# go command verifies, and copies it into the user's cache.
fetch_go() {
	local dest tmp dir
	dest=${XDG_CACHE_HOME:-$HOME/.cache}/vouchsafe/go$1
	[ ! -x "$dest/bin/go" ] || return 0
	say "$(go version) is too old: fetching Go $1 through the module proxy into $dest (once)."
	tmp=$(mktemp -d)
	dir=$(cd "$tmp" && GOFLAGS='' go mod download -json "golang.org/toolchain@v0.0.1-go$1.$(go env GOOS)-$(go env GOARCH)" |
		sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p') || true
	[ -d "$dir" ] || die "Go $1 could not be fetched; install it from https://go.dev/dl/ and put it in PATH"
	cp -R "$dir" "$tmp/go"
	chmod -R u+w "$tmp/go"
	chmod +x "$tmp"/go/bin/* "$tmp"/go/pkg/tool/*/* 2>/dev/null || true
	# A module's zip cannot hold go.mod files, so a toolchain's are disguised.
	find "$tmp/go" -name _go.mod -execdir mv {} go.mod \;
	mkdir -p "$(dirname "$dest")"
	rm -rf "$dest"
	mv "$tmp/go" "$dest"
	rm -rf "$tmp"
}

# axe-core finds faults of pages for those who see or move otherwise. It is another
# project's, so it is not in this one: the tests take it from the user's cache.
# daemon/panelpages_test.go names the same version.
axe_version=4.10.3
axe_sha512=5e6edba515e70d25f6604d9815f064d859c5d1ea7ab661bbc4f87c88779ef0c21cae0abbeb636471ef39e9d62d2582e4b88a1866f19f4ecfcf6d986275e4dc12

# ensure_axe fetches it from the registry of npm packages, once. Without it, the
# tests that need it fail in CI, and say so elsewhere.
ensure_axe() {
	local dest tmp
	dest=${XDG_CACHE_HOME:-$HOME/.cache}/vouchsafe/axe-core-$axe_version.js
	[ ! -e "$dest" ] || return 0
	tmp=$(mktemp -d)
	if retry curl -sSf --max-time 60 -o "$tmp/axe.tgz" "https://registry.npmjs.org/axe-core/-/axe-core-$axe_version.tgz" &&
		echo "$axe_sha512  $tmp/axe.tgz" | sha512sum --check --quiet; then
		tar -xzf "$tmp/axe.tgz" -C "$tmp" package/axe.min.js
		mkdir -p "$(dirname "$dest")"
		mv "$tmp/package/axe.min.js" "$dest"
	else
		say "axe-core $axe_version could not be fetched: pages are tried without it"
	fi
	rm -rf "$tmp"
}

what=${1:-build}
case $what in
build) needs=$build_needs ;;
run) needs=$run_needs ;;
test) needs=$test_needs ;;
*) die "usage: scripts/deps.sh build|run|test" ;;
esac
mapfile -t packages < <(missing "$needs"; libc_headers "$what")
if [ "${#packages[@]}" -gt 0 ]; then
	install_packages "${packages[@]}" ca-certificates
fi
ensure_go
[ "$what" != test ] || ensure_axe
