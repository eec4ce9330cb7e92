#!/usr/bin/env bash
# Fuzzes one target for a while, with a program that section_fuzz has built:
#
#   fuzz.sh PROGRAMS SECONDS DIRECTORY NAME
#
# It runs rounds of a number of inputs until the time is over, because at the
# end of a *time* Go's fuzzer can report its own deadline as a failure of the
# target (go.dev/issue/75804). What a round has found interesting is kept in
# Go's cache, where the next one and `go test -fuzz` begin from.
#
# An input that takes more than ten seconds ends Go's worker, also if it only waited
# for a processor (go.dev/issue/56238). So such an end counts as a finding if the input
# does the same by itself, or if it comes again and again.
. "$(dirname "$0")/lib.sh"

limit=$2 program=$(realpath "$1/${3//\//-}") dir=$3 name=$4
cache=$(go env GOCACHE)/fuzz/$(go list "./$dir")
mkdir -p "$cache"
cd "$dir"

# by_itself OUTPUT reports whether the input that a worker has died of, as OUTPUT says,
# does no harm by itself: three times in 15 s of a processor's time, however long it
# waits for one. Without an input, the kernel has killed the worker, as it does when
# memory is short.
by_itself() {
	local input
	[[ $1 == *'fuzzing process hung or terminated'* || $1 == *'fuzzing process terminated'* ]] || return 1
	input=$(sed -n 's|^ *Failing input written to \(testdata/fuzz/.*\)$|\1|p' <<<"$1" | head -n 1)
	[ -n "$input" ] || return 0
	(
		ulimit -t 15
		exec "$program" -test.run "^$name\$/^${input##*/}\$" -test.count 3 -test.timeout 5m
	) </dev/null >/dev/null 2>&1 || return 1
	rm "$input"
	rmdir -p --ignore-fail-on-non-empty "${input%/*}"
}

now() { echo "${EPOCHREALTIME//[!0-9]/}"; } # in µs
begun=$(now)
end=$((begun + limit * 1000000))
count=500 total=0 rounds=0 deaths=0
while :; do
	round=$(now)
	if ! out=$("$program" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "${count}x" \
		-test.fuzzminimizetime 200x -test.parallel 1 -test.fuzzcachedir "$cache" </dev/null 2>&1); then
		deaths=$((deaths + 1))
		if [ "$deaths" -gt 3 ] || ! by_itself "$out"; then
			printf -- '-- %s %s\n%s\n' "$dir" "$name" "$out"
			exit 1
		fi
		printf '%-28s %-18s a worker was ended, but its input does no harm by itself; once more\n' "$dir" "$name"
		continue
	fi
	after=$(now)
	total=$((total + count)) rounds=$((rounds + 1))
	left=$((end - after))
	[ "$left" -gt 0 ] || break
	# As many inputs as fit into the time that is left by this round's pace, but
	# not too many more, nor more than 4 s of them: what is found on the way can
	# be slower.
	[ "$left" -lt 4000000 ] || left=4000000
	next=$((count * (left + 200000) / (after - round + 1)))
	count=$((next > 20 * count ? 20 * count : next < 100 ? 100 : next))
done
printf '%-28s %-18s %9d inputs in %2d rounds, %5d ms\n' "$dir" "$name" "$total" "$rounds" $(((after - begun) / 1000))
