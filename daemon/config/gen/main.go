// Command gen writes docs/configuration.md from the table of keys.
//
// Run it from the repository's root: go run ./daemon/config/gen
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/vouchsafe/vouchsafe/daemon/config"
)

const (
	target = "docs/configuration.md"
	sample = "daemon/config/testdata/vouchsafe.yaml"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write() error {
	example, err := os.ReadFile(sample)
	if err != nil {
		return err
	}
	if err := os.MkdirAll("docs", 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, page(config.Fields(), example), 0o644)
}

const intro = `# Configuration

<!-- Written by go run ./daemon/config/gen from daemon/config/fields.go; do not edit. -->

The daemon reads one YAML file, named with ` + "`--config`" + `, when it starts and again on
SIGHUP (` + "`service vouchsafe reload`" + ` on OpenWrt): see [Reading it again](#reading-it-again).
` + "`vouchsafe config check`" + ` reads it without starting anything and names every fault with
its line, its column and the remedy. Keys that are not listed here are refused, and
so are YAML's anchors, aliases and tags. The file may have 64 KiB, a list 32 items.

A key that is left out, or left empty, has its default.

| key | what it takes | default |
| --- | --- | --- |
`

// page renders the documentation.
func page(fields []config.Field, example []byte) []byte {
	var b bytes.Buffer
	b.WriteString(intro)
	for _, f := range fields {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", f.Path, anchor(f.Path), f.Type, fallback(f))
	}
	b.WriteString("\n## The keys\n")
	for _, f := range fields {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s%s\n", f.Path, f.Doc, restart(f))
	}
	b.WriteString(reading)
	b.WriteString("\n## An example\n\n```yaml\n")
	b.Write(example)
	b.WriteString("```\n")
	return b.Bytes()
}

const reading = `
## Reading it again

On SIGHUP the daemon reads the file again. Guests stay online, their connections
and their counts go on, and addresses to listen on that have not changed stay
open. The log says which keys have changed. A file with a fault changes nothing:
the log and ` + "`vouchsafe status`" + ` name the fault, and the daemon goes on with what it
has. The same holds if a new address cannot be listened on. A change of a key
that needs a restart is named, too, and waits for it. What was said on the command
line goes on to count before the file.
`

// restart says that a key's change waits for a start.
func restart(f config.Field) string {
	if config.NeedsRestart(f.Path) {
		return " A change needs a restart."
	}
	return ""
}

// anchor returns the name under which a heading can be linked to.
func anchor(path string) string { return strings.ReplaceAll(path, ".", "") }

// fallback says what a key is without being written.
func fallback(f config.Field) string {
	switch {
	case f.Default == "":
		return ""
	case strings.Contains(f.Default, " "), f.Default == "none":
		return f.Default
	default:
		return "`" + f.Default + "`"
	}
}
