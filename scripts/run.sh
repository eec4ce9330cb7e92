#!/usr/bin/env bash
# The demo: a whole hotspot in network namespaces of this machine.
. "$(dirname "$0")/lib.sh"
deps run
scripts/build.sh

as_root bin/vouchsafe-lab run "$@"
