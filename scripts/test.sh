#!/usr/bin/env bash
# Every check there is, in sections; `scripts/test.sh lint unit` runs those
# only. A section that fails does not keep the others from running.
. "$(dirname "$0")/lib.sh"
. scripts/sections.sh

all=(lint unit race root arch fuzz cross)
if [ $# -eq 0 ]; then
	set -- "${all[@]}"
fi
for name; do
	[[ " ${all[*]} " == *" $name "* ]] || die "no section '$name'; there are: ${all[*]}"
done
if [ "$*" = lint ] || [ "$*" = unit ] || [ "$*" = "lint unit" ]; then
	deps build
else
	deps test
fi

# What modules there are to be fetched is fetched before anything needs it.
if ! { retry go list -test -deps ./... && retry go list -modfile=scripts/tools/go.mod -deps tool; } >/dev/null; then
	say "not all modules are here: what needs them will fail"
fi

results=()
failed=0
for name; do
	printf '\n== %s: %s\n' "$name" "$(about "$name")"
	begun=$SECONDS
	# A section runs in a shell of its own with -e, which `if` would switch off.
	set +e
	(set -e; "section_$name")
	code=$?
	set -e
	verdict=ok
	if [ "$code" -ne 0 ]; then
		verdict=FAILED
		failed=1
	fi
	results+=("$(printf '%-6s %5d s  %s' "$name" $((SECONDS - begun)) "$verdict")")
done

printf '\n== summary\n'
printf '%s\n' "${results[@]}"
exit "$failed"
