#!/usr/bin/env bash
# Prints the packages that have tests, sorted by what the tests need:
#
#   root      they make network namespaces (import netlab or netns directly)
#   unit      they need no privileges: all others
#   portable  those of unit that start no program and no browser, so that they
#             can run as a program of another architecture
. "$(dirname "$0")/lib.sh"

go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{range .Imports}} {{.}}{{end}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}}{{end}}' ./... |
	awk -v want="$1" '
	NF == 0 { next }
	{
		root = host = 0
		for (i = 2; i <= NF; i++) {
			if ($i ~ /\/netctl\/netlab$|\/vishvananda\/netns$/) root = 1
			if ($i ~ /^os\/exec$|\/chromedp$/) host = 1
		}
		if ($1 ~ /\/netctl\/netlab$|\/cmd\/vouchsafe-lab$/) root = 1
		if ($1 ~ /\/(cmd|scripts)\//) host = 1
		if (want == "root" ? root : want == "unit" ? !root : !root && !host) print $1
	}'
