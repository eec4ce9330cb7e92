#!/usr/bin/env bash
# What is done by hand for the operator's panel.
#
#   scripts/panel.sh bench     measure it; writes docs/benchmarks-panel.md
#   scripts/panel.sh pictures  take the pictures of docs/images anew
. "$(dirname "$0")/lib.sh"
deps test

case ${1:-} in
bench) go test ./daemon -count=1 -timeout 15m -run '^$' -bench '^BenchmarkPanel$' -benchtime 20x -report "$PWD/docs/benchmarks-panel.md" ;;
pictures) go test ./daemon -count=1 -run '^TestPictures$' -pictures -v ;;
*) die "usage: scripts/panel.sh bench|pictures" ;;
esac
