# shellcheck shell=bash
# Sourced by test.sh: one function per section.

about() {
	case $1 in
	lint) echo "format, templates, vet, staticcheck, import rules, shell scripts" ;;
	unit) echo "tests that need no privileges" ;;
	race) echo "portable packages under the race detector" ;;
	root) echo "tests against this machine's kernel, in network namespaces" ;;
	arch) echo "portable packages as mips (big-endian), mipsle and arm programs" ;;
	fuzz) echo "every decoder of untrusted bytes, 20 s each" ;;
	cross) echo "builds for every router, with their sizes" ;;
	esac
}

# list KIND reads packages.sh into the array pkgs; finding none is a mistake.
list() {
	mapfile -t pkgs < <(scripts/packages.sh "$1")
	[ "${#pkgs[@]}" -gt 0 ] || die "no $1 packages found"
}

section_lint() {
	local unformatted
	unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l)
	[ -z "$unformatted" ] || die "run gofmt -w on:"$'\n'"$unformatted"
	scripts/templates.sh check
	go vet ./...
	go tool -modfile=scripts/tools/go.mod staticcheck ./...
	go test -count=1 ./scripts/...
	if have shellcheck; then
		git grep --untracked -lE '^#!.*(sh|rc\.common)$|^# shellcheck shell=' -- . ':!*.md' | xargs -r shellcheck -x -P SCRIPTDIR:.
	elif [ -n "${CI:-}" ]; then
		die "shellcheck is not installed"
	fi
}

# An etcd is built before the tests that want one begin to count their time.
section_unit() {
	list unit
	scripts/etcd.sh >/dev/null
	go test -count=1 -vet=off -timeout 10m "${pkgs[@]}"
}

section_race() {
	list portable
	CGO_ENABLED=1 go test -count=1 -vet=off -race -timeout 10m "${pkgs[@]}"
}

# Three at a time, in namespaces of their own: they mostly wait, for time-outs and
# for what must not arrive. The tests of daemon/e2e are jobs of their own, the longest
# first.
section_root() {
	local package dir name jobs=()
	list root
	bin=$(mktemp -d)
	trap 'rm -rf "$bin"' EXIT # of the section's own shell; hence bin is not local
	export VOUCHSAFE_UNDER_TEST=$bin/vouchsafe
	CGO_ENABLED=0 go build -o "$VOUCHSAFE_UNDER_TEST" ./cmd/vouchsafe
	for package in "${pkgs[@]}"; do
		dir=${package#"$(go list -m)/"}
		go test -c -vet=off -o "$bin/${dir//\//-}" "./$dir"
		if [ "$dir" != daemon/e2e ]; then
			jobs+=("$bin/${dir//\//-} $dir")
			continue
		fi
		for name in $(cd "$dir" && "$bin/${dir//\//-}" -test.list . | grep '^Test'); do
			jobs+=("$bin/${dir//\//-} $dir $name")
		done
	done
	local long='TestReach$|TestKillAtRandomMoments$|/nft$|TestQuotaOvershoot$'
	{
		printf '%s\n' "${jobs[@]}" | grep -E "$long"
		printf '%s\n' "${jobs[@]}" | grep -vE "$long"
	} | xargs -P $(($(nproc) + 1)) -L 1 scripts/kernel.sh
}

# programs lists the tests in files that start programs: an emulated program
# cannot start itself again.
programs() {
	git grep --untracked -l '"os/exec"' -- '*_test.go' | xargs -r grep -hoE '^func Test[A-Za-z0-9_]+' |
		sed 's/^func //' | grep -vx TestMain | paste -sd '|'
}

# An emulated processor is some twenty times slower, hence -short. The relay and
# the page of its accounts run on servers.
section_arch() {
	local target goarch gomips goarm emulator programs
	list portable
	mapfile -t pkgs < <(printf '%s\n' "${pkgs[@]}" | grep -vE '/(api/cloud(/.*)?|api/tunnel/tunnelbench(/.*)?|webui/account)$')
	programs=$(programs)
	printf 'left to the other sections, since they start programs: %s\n' "$programs"
	for target in mips:softfloat::mips mipsle:softfloat::mipsel arm::5:arm; do
		IFS=: read -r goarch gomips goarm emulator <<<"$target"
		emulator=$(command -v "qemu-$emulator-static" "qemu-$emulator" | head -n 1)
		[ -n "$emulator" ] || die "no emulator for $goarch: install qemu-user-static"
		printf -- '-- %s\n' "$goarch"
		CGO_ENABLED=0 GOOS=linux GOARCH=$goarch GOMIPS=$gomips GOARM=$goarm \
			go test -count=1 -vet=off -short -skip "^($programs)\$" -timeout 15m -exec "$emulator" "${pkgs[@]}"
	done
}

# Every target for 20 s, twelve times as many at a time as there are processors: they
# are many, and what counts is that none is left out. FuzzViews is no decoder: it
# puts texts into templates, which 5 s show.
# FuzzModel explores the rules, not a decoder: `make model` runs it.
section_fuzz() {
	local targets dir dirs
	targets=$(git grep --untracked -oE '^func Fuzz[A-Za-z0-9_]+\(f \*testing\.F\)' -- '*_test.go' |
		sed -E 's|/[^/]*:func (Fuzz[A-Za-z0-9_]+).*| \1|' | grep -v ' FuzzModel$')
	[ -n "$targets" ] || die "no fuzz targets found"
	bin=$(mktemp -d)
	trap 'rm -rf "$bin"' EXIT # of the section's own shell; hence bin is not local
	mapfile -t dirs < <(cut -d ' ' -f 1 <<<"$targets" | sort -u)
	# shellcheck disable=SC2016 # the inner shell expands
	printf '%s\n' "${dirs[@]}" | xargs -P "$(nproc)" -I '{}' sh -c 'go test -c -vet=off -fuzz . -o "$1/$(echo "$2" | tr / -)" "./$2"' sh "$bin" '{}'
	awk -v s="${VOUCHSAFE_FUZZ:-20}" '{print ($2 == "FuzzViews" && s > 5 ? 5 : s), $1, $2}' <<<"$targets" |
		xargs -P $(($(nproc) * 12)) -L 1 scripts/fuzz.sh "$bin"
}

section_cross() {
	scripts/cross.sh
	scripts/cloudcost.sh short
}
