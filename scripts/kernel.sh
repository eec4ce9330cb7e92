#!/usr/bin/env bash
# Runs a package's tests, or one of them, in namespaces of their own, with a
# program that section_root has built:
#
#   kernel.sh PROGRAM DIRECTORY [TEST]
. "$(dirname "$0")/lib.sh"

in_netns=$PWD/scripts/in-netns.sh
cd "$2"
begun=${EPOCHREALTIME//[!0-9]/} # in µs
verdict=ok
out=$("$in_netns" "$1" -test.run "^${3:-.*}\$" -test.timeout 10m 2>&1) || verdict=FAIL
# A test that is there must have run.
[[ $out != *'no tests to run'* ]] || verdict=FAIL
[ "$verdict" = ok ] || printf -- '-- %s %s\n%s\n' "$2" "${3:-}" "$out"
printf '%-5s%-28s %-28s %7d ms\n' "$verdict" "$2" "${3:-}" $(((${EPOCHREALTIME//[!0-9]/} - begun) / 1000))
[ "$verdict" = ok ]
