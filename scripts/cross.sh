#!/usr/bin/env bash
# Builds the program for every kind of router, prints the sizes, and fails where
# one is over the budget of a 16 MB flash. PCs (amd64) have none.
. "$(dirname "$0")/lib.sh"

# GOARCH, its variant, and the budgets: 15 MB as they are, 4 MB under xz. A MB is
# 2^20 bytes, as everywhere here.
raw_budget=$((15 << 20))
xz_budget=$((4 << 20))
targets='
mips   GOMIPS=softfloat
mipsle GOMIPS=softfloat
arm    GOARM=5
arm    GOARM=7
arm64  GOARM64=v8.0
amd64  GOAMD64=v1
'

mkdir -p build
failed=0
printf '%-24s %14s %14s\n' target bytes 'under xz'
while read -r arch variant; do
	[ -n "$arch" ] || continue
	build_flags "$arch"
	out=build/vouchsafe-linux-$arch-${variant#*=}
	env CGO_ENABLED=0 GOOS=linux GOARCH="$arch" "$variant" \
		go build "${BUILD_FLAGS[@]}" -o "$out" ./cmd/vouchsafe
	raw=$(stat -c %s "$out")
	packed=$(xz -6 --threads=1 --stdout "$out" | wc -c)
	printf '%-24s %14d %14d\n' "$arch ${variant#*=}" "$raw" "$packed"
	if [ "$arch" != amd64 ] && { [ "$raw" -gt "$raw_budget" ] || [ "$packed" -gt "$xz_budget" ]; }; then
		say "error: linux/$arch is over the budget of $raw_budget bytes, $xz_budget under xz"
		failed=1
	fi
done <<<"$targets"

# The relay runs on servers: no budget, but one file that needs nothing else.
for arch in amd64 arm64; do
	build_flags "$arch"
	out=build/vouchsafe-cloud-linux-$arch
	env CGO_ENABLED=0 GOOS=linux GOARCH="$arch" go build "${BUILD_FLAGS[@]}" -o "$out" ./cmd/vouchsafe-cloud
	printf '%-24s %14d\n' "cloud $arch" "$(stat -c %s "$out")"
done

# A reachable call of a method by its name (reflect's MethodByName; templates of
# the standard library) makes the linker keep every exported method there is.
build_flags mipsle
keepers=$(env CGO_ENABLED=0 GOOS=linux GOARCH=mipsle GOMIPS=softfloat \
	go build "${BUILD_FLAGS[@]}" -ldflags '-s -w -dumpdep' -o /dev/null ./cmd/vouchsafe 2>&1 |
	grep -E '^[^>]* -> [^ ]+ <ReflectMethod>' || true)
if [ -n "$keepers" ]; then
	say "error: methods are called by name, so that none can be left out; who leads to it:"
	say "$(head -n 5 <<<"$keepers")"
	failed=1
fi
exit "$failed"
