package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// lineWidth is where the texts of flags are wrapped.
const lineWidth = 80

// help prints what a command does and takes. It stands in for cobra's
// templates, which would say "[flags]" of commands that have none of their own
// and repeat the global flags everywhere.
func help(cmd *cobra.Command, _ []string) {
	var b strings.Builder
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	b.WriteString(text + "\n\nUsage:\n  " + usageLine(cmd) + "\n")
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				fmt.Fprintf(&b, "  %-10s  %s\n", sub.Name(), sub.Short)
			}
		}
	}
	if cmd.Example != "" {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	flags := cmd.LocalFlags()
	if !cmd.HasParent() {
		section(&b, "Flags, also of every command", flags)
	} else {
		section(&b, "Flags", flags)
		b.WriteString("\nFlags of every command: " + cmd.Root().Name() + " --help\n")
	}
	fmt.Fprint(cmd.OutOrStdout(), b.String())
}

func section(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if text := flags.FlagUsagesWrapped(lineWidth); text != "" {
		b.WriteString("\n" + title + ":\n" + text)
	}
}

// usageLine is a command as it is typed.
func usageLine(cmd *cobra.Command) string {
	path := strings.TrimSuffix(cmd.CommandPath(), " "+cmd.Name())
	if !cmd.HasParent() {
		return cmd.Name() + " [flags] COMMAND"
	}
	if cmd.HasAvailableSubCommands() {
		return path + " " + cmd.Name() + " COMMAND"
	}
	line := path + " " + cmd.Use
	if cmd.HasAvailableLocalFlags() && !cmd.DisableFlagsInUseLine {
		line += " [flags]"
	}
	return line
}
