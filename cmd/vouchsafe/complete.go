package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Whoever presses the tab key waits no longer than this, and reads no more.
const (
	completeWithin = 2 * time.Second
	completeMost   = 100
)

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish", Short: "Print a script that completes commands in a shell",
		Long: `Print a script with which a shell completes commands, flags, usernames of
vouchers and the keys of settings.

  bash  vouchsafe completion bash > /etc/bash_completion.d/vouchsafe
  zsh   vouchsafe completion zsh > "${fpath[1]}/_vouchsafe"
  fish  vouchsafe completion fish > ~/.config/fish/completions/vouchsafe.fish

Completion asks a running daemon only.`,
		Args:      exactly("SHELL"),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(a.stdout)
			case "fish":
				return cmd.Root().GenFishCompletion(a.stdout, true)
			}
			return usage(cmd, "%q is not bash, zsh or fish", args[0])
		},
	}
}

// lister asks a daemon for what could be meant by the beginning of a word.
type lister func(ctx context.Context, c *v1.Client, word string) []string

// complete completes any number of arguments by what a running daemon knows. A
// store is never opened for it.
//
//go:noinline // or each command gets a copy of the closure
func (a *app) complete(list lister) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
		defer cancel()
		p, err := a.locate()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if running, err := answers(ctx, p.socket); err != nil || !running {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(ctx, v1.NewClient(v1.DialUnix(p.socket)), word), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeOne completes the first argument only.
//
//go:noinline // or each command gets a copy of the closure
func (a *app) completeOne(list lister) cobra.CompletionFunc {
	any := a.complete(list)
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return any(cmd, args, word)
	}
}

func voucherNames(ctx context.Context, c *v1.Client, word string) (names []string) {
	for v, err := range limited(c.Vouchers(ctx, v1.Selection{Username: word + "*"}), completeMost) {
		if err != nil {
			return names
		}
		names = append(names, v.Username)
	}
	return names
}

func guestMACs(ctx context.Context, c *v1.Client, _ string) (macs []string) {
	guests, err := c.Guests(ctx)
	if err != nil {
		return nil
	}
	for _, g := range guests[:min(len(guests), completeMost)] {
		macs = append(macs, g.MAC.String()+"\t"+printable(g.Login))
	}
	return macs
}

// settingKeys completes the key of a setting.
func settingKeys(_ *cobra.Command, args []string, _ string) (keys []string, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		for _, k := range hotspot.SettingKeys() {
			keys = append(keys, k.Key+"\t"+k.Doc)
		}
	}
	return keys, cobra.ShellCompDirectiveNoFileComp
}

// oneFile completes the name of a file.
func oneFile(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}
