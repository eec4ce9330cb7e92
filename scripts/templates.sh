#!/usr/bin/env bash
# Compiles the pages' templates, each NAME.qtpl to NAME.qtpl.go beside it, and
# packs their texts, each lang/TAG.json to lang/TAG.json.deflate.
# `scripts/templates.sh check` compiles copies and fails where what is committed
# is not the same, or where what is packed is not the file beside it.
. "$(dirname "$0")/lib.sh"

compile() { go tool -modfile=scripts/tools/go.mod qtc -dir="$1" -skipLineComments 2>&1 | { grep -v '^qtc: .*ompil' || true; }; }

texts() { go run ./scripts/packtexts "$@"; }

case ${1:-} in
'')
	compile webui
	texts
	;;
check)
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	find webui \( -name '*.qtpl' -o -name '*.qtpl.go' \) -exec cp --parents -t "$tmp" {} +
	compile "$tmp/webui"
	while read -r file; do
		cmp -s "$tmp/$file" "$file" || die "$file is not what its template makes: run scripts/templates.sh"
		[ -e "${file%.go}" ] || die "$file has no template: remove it"
	done < <(cd "$tmp" && find webui -name '*.qtpl.go')
	texts check
	;;
*) die "usage: scripts/templates.sh [check]" ;;
esac
