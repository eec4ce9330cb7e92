#!/usr/bin/env bash
# Builds every command under cmd/ into bin/.
. "$(dirname "$0")/lib.sh"
deps build

build_flags "$(go env GOARCH)"
export CGO_ENABLED=0
for dir in cmd/*/; do
	go build "${BUILD_FLAGS[@]}" -o "bin/$(basename "$dir")" "./$dir"
done
