#!/usr/bin/env bash
# Compiles the pages' templates: each NAME.qtpl to NAME.qtpl.go beside it.
# `scripts/templates.sh check` compiles copies and fails where what is committed
# is not the same.
. "$(dirname "$0")/lib.sh"

compile() { go tool -modfile=scripts/tools/go.mod qtc -dir="$1" -skipLineComments 2>&1 | { grep -v '^qtc: .*ompil' || true; }; }

case ${1:-} in
'') compile webui ;;
check)
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	find webui \( -name '*.qtpl' -o -name '*.qtpl.go' \) -exec cp --parents -t "$tmp" {} +
	compile "$tmp/webui"
	while read -r file; do
		cmp -s "$tmp/$file" "$file" || die "$file is not what its template makes: run scripts/templates.sh"
		[ -e "${file%.go}" ] || die "$file has no template: remove it"
	done < <(cd "$tmp" && find webui -name '*.qtpl.go')
	;;
*) die "usage: scripts/templates.sh [check]" ;;
esac
