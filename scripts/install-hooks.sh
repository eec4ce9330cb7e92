#!/usr/bin/env bash
# Makes git run scripts/pre-push before each push from this checkout.
. "$(dirname "$0")/lib.sh"

hooks=$(git rev-parse --git-path hooks)
mkdir -p "$hooks"
ln -sf "$PWD/scripts/pre-push" "$hooks/pre-push"
say "Installed $hooks/pre-push. To push without it once: git push --no-verify"
