#!/usr/bin/env bash
# Plays sequences that nobody has played before against the model of the session
# rules: 50,000 in memory, a minute by the fuzzer, and a minute on the kernel if
# run as root. `make test` plays the same ones each time, so that it fails for
# the change at hand only.
. "$(dirname "$0")/lib.sh"

seed=$(date +%s%N)
printf 'seed %s\n' "$seed"
VOUCHSAFE_MODEL_SEED=$seed VOUCHSAFE_MODEL_RUNS=${VOUCHSAFE_MODEL_RUNS:-50000} go test -count=1 -timeout 20m -run '^TestModel$' -v ./hotspot
go test -run '^$' -fuzz '^FuzzModel$' -fuzztime "${VOUCHSAFE_MODEL_FUZZ:-60s}" ./hotspot
if [ "$(id -u)" -eq 0 ]; then
	VOUCHSAFE_MODEL_SEED=$seed VOUCHSAFE_MODEL_TIME=${VOUCHSAFE_MODEL_TIME:-60s} go test -count=1 -timeout 10m -run '^TestModel$' -v ./netctl/nft
fi
