#!/usr/bin/env bash
# Prints the packages that have tests, sorted by what the tests need:
#
#   root      a kernel and root's rights: they make network namespaces, which
#             shows in what they import or in the word CLONE_NEWNET
#   unit      no privileges: all others
#   portable  those of unit that drive no browser, no etcd and no certificate
#             authority, so that they can run as a program of another architecture. A file of browser tests with
#             `//go:build !race && !mips && !mipsle && !arm` does not count
. "$(dirname "$0")/lib.sh"

case ${1:-} in
root | unit | portable) ;;
*) die "usage: scripts/packages.sh root|unit|portable" ;;
esac

if [ "$1" = portable ]; then
	export GOARCH=mips GOFLAGS=-tags=race
fi
# One line a package: its directory, its path, what it and its tests import.
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}} {{.ImportPath}}
{{- range .Imports}} {{.}}{{end}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}}{{end}}' ./... |
	while read -r dir package imports; do
		[ -n "$dir" ] || continue
		needs=portable
		case "$package $imports " in
		*/netctl/netlab\ * | */vishvananda/netns\ * | */cmd/vouchsafe-lab\ *) needs=root ;;
		*/cmd/* | */scripts/* | */chromedp/* | */webui/pagetest/browser\ * | */webui/admin/paneltest\ * | */api/cloud/etcd/etcdtest\ * | */api/cloud/acme/acmetest\ *) needs=unit ;;
		esac
		if grep -qs CLONE_NEWNET "$dir"/*_test.go; then
			needs=root
		fi
		case $1,$needs in
		root,root | unit,unit | unit,portable | portable,portable) printf '%s\n' "$package" ;;
		esac
	done
