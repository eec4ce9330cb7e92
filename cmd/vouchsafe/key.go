package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const noKeyRemedy = "`vouchsafe key list` shows all"

func (a *app) keyCommand() *cobra.Command {
	cmd := group("key", "Manage the keys of the API",
		a.keyShow(), a.keyRegenerate(), a.keyList(), a.keyCreate(), a.keyRename(), a.keyRevoke())
	cmd.Long = `Manage the keys of the API. There is one device key, which may do everything.
Give each integration an API key of its own instead: it does only what its
scopes say, and is revoked without harm to the others.

A KEY is named by its label or its id.`
	return cmd
}

// printKey prints a key alone on its line, for use in scripts.
func (a *app) printKey(key string) error {
	return a.print(map[string]string{"key": key}, key+"\n")
}

func (a *app) keyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [KEY]", Short: "Print the device key, or an API key that was made viewable",
		Args: atMost("KEY"), ValidArgsFunction: a.completeOne(keyLabels),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), writes, func(c *v1.Client) error {
				text, err := "", error(nil)
				if len(args) == 0 {
					text, err = c.DeviceKey(cmd.Context())
				} else {
					var k v1.APIKey
					if k, err = findKey(cmd.Context(), c, args[0]); err == nil {
						text, err = c.ViewAPIKey(cmd.Context(), k.ID)
					}
				}
				if err != nil {
					return err
				}
				return a.printKey(text)
			})
		},
	}
}

func (a *app) keyRegenerate() *cobra.Command {
	return &cobra.Command{
		Use: "regenerate", Short: "Replace the device key and print the new one; the old one is refused at once", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), writes, func(c *v1.Client) error {
				text, err := c.RegenerateKey(cmd.Context())
				if err != nil {
					return err
				}
				return a.printKey(text)
			})
		},
	}
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the API keys: what they may do, and when they were last used", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				keys, err := c.APIKeys(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return listJSON(a.stdout, keys)
				}
				t := newTable(a.stdout)
				t.row("ID", "LABEL", "KEY", "SCOPES", "CREATED", "BY", "EXPIRES", "LAST USED", "FROM")
				for _, k := range keys {
					ends := clockTime(k.Expires, "never")
					if k.Expired {
						ends = "expired"
					}
					t.row(k.ID, k.Label, k.Prefix+"…", scopeText(k), clockTime(k.Created, ""), k.CreatedBy,
						ends, clockTime(k.LastUsed, "never"), k.LastUsedFrom)
				}
				return t.flush()
			})
		},
	}
}

func scopeText(k v1.APIKey) string {
	texts := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		texts[i] = string(s)
	}
	return strings.Join(texts, ",")
}

func (a *app) keyCreate() *cobra.Command {
	var (
		n      v1.NewAPIKey
		scopes []string
	)
	cmd := &cobra.Command{
		Use: "create LABEL", Short: "Make an API key and print it",
		Long: `Make an API key and print it. It is shown this once: only its hash is kept,
unless it is made viewable.`,
		Example: `  vouchsafe key create "Till at the bar" --expires "One Year"
  vouchsafe key create hotel --scopes vouchers --expires never`,
		Args: exactly("LABEL"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			n.Label, n.Scopes = args[0], nil
			for _, s := range scopes {
				n.Scopes = append(n.Scopes, v1.Scope(s))
			}
			return a.with(cmd.Context(), writes, func(c *v1.Client) error {
				made, err := c.CreateAPIKey(cmd.Context(), n)
				if err != nil {
					return remedy(err, hotspot.CodeNameTaken, "choose another, or revoke that key first")
				}
				return a.print(made, made.Secret+"\n")
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&n.Expires, "expires", "", "`when`: One Day, One Week, One Month, Three Months, Six Months, One Year, Never, or a number of days up to 365; One Month if not given")
	f.StringSliceVar(&scopes, "scopes", nil, "what it may do, a `list` of vouchers, users, live, keys and settings; vouchers,users,live if not given")
	f.BoolVar(&n.Viewable, "viewable", false, "keep it encrypted, so that `vouchsafe key show` can print it again")
	return cmd
}

func (a *app) keyRename() *cobra.Command {
	return &cobra.Command{
		Use: "rename KEY LABEL", Short: "Give an API key another label",
		Args: exactly("KEY", "LABEL"), ValidArgsFunction: a.completeOne(keyLabels),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKey(cmd, args[0], func(c *v1.Client, k v1.APIKey) error {
				renamed, err := c.RenameAPIKey(cmd.Context(), k.ID, args[1])
				if err != nil {
					return err
				}
				return a.print(renamed, "")
			})
		},
	}
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke KEY", Short: "Remove an API key; it and its access tokens are refused at once",
		Args: exactly("KEY"), ValidArgsFunction: a.completeOne(keyLabels),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKey(cmd, args[0], func(c *v1.Client, k v1.APIKey) error {
				if err := c.RemoveAPIKey(cmd.Context(), k.ID); err != nil {
					return err
				}
				return a.print(map[string]string{"revoked": k.Label, "id": k.ID}, "")
			})
		},
	}
}

func (a *app) tokenCommand() *cobra.Command {
	cmd := group("token", "Issue and revoke access tokens", a.tokenCreate(), a.tokenRevoke())
	cmd.Long = `Issue and revoke access tokens. A token stands for the key that it was issued
for, lasts for an hour, and ends with its key. Programs get theirs from
POST /api/token.`
	return cmd
}

func (a *app) tokenCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create [KEY]", Short: "Print an access token for an API key, or else for the device key",
		Args: atMost("KEY"), ValidArgsFunction: a.completeOne(keyLabels),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKey(cmd, oneOf(args), func(c *v1.Client, k v1.APIKey) error {
				token, err := c.CreateToken(cmd.Context(), k.ID)
				if err != nil {
					return err
				}
				return a.print(token, token.Token+"\n")
			})
		},
	}
}

func (a *app) tokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke [KEY]", Short: "Refuse every access token of an API key, or else of the device key; the key stays",
		Args: atMost("KEY"), ValidArgsFunction: a.completeOne(keyLabels),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKey(cmd, oneOf(args), func(c *v1.Client, k v1.APIKey) error {
				if err := c.EndTokens(cmd.Context(), k.ID); err != nil {
					return err
				}
				label := k.Label
				if k.ID == "" {
					label = "device key"
				}
				return a.print(map[string]string{"tokens_revoked": label}, "")
			})
		},
	}
}

// withKey runs f with the API key that a word means. No word is the device
// key, which has no id.
func (a *app) withKey(cmd *cobra.Command, word string, f func(*v1.Client, v1.APIKey) error) error {
	return a.with(cmd.Context(), writes, func(c *v1.Client) error {
		if word == "" {
			return f(c, v1.APIKey{})
		}
		k, err := findKey(cmd.Context(), c, word)
		if err != nil {
			return err
		}
		return f(c, k)
	})
}

// findKey finds an API key by its id or its label.
func findKey(ctx context.Context, c *v1.Client, word string) (v1.APIKey, error) {
	keys, err := c.APIKeys(ctx)
	if err != nil {
		return v1.APIKey{}, err
	}
	var found []v1.APIKey
	for _, k := range keys {
		if k.ID == word {
			return k, nil
		}
		if strings.EqualFold(k.Label, word) {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 0:
		return v1.APIKey{}, &remedied{&hotspot.Error{Code: hotspot.CodeNotFound, Field: "key", Text: fmt.Sprintf("no API key has the label or id %q", word)}, noKeyRemedy}
	case 1:
		return found[0], nil
	}
	return v1.APIKey{}, &remedied{hotspot.Invalid("key", "%d API keys of different operators have the label %q", len(found), word), "name the one by its id; " + noKeyRemedy}
}

func keyLabels(ctx context.Context, c *v1.Client, _ string) (labels []string) {
	keys, err := c.APIKeys(ctx)
	if err != nil {
		return nil
	}
	for _, k := range keys {
		labels = append(labels, k.Label)
	}
	return labels
}

func oneOf(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// atMost wants the named argument or none.
//
//go:noinline // or each command gets a copy of the closure
func atMost(name string) cobra.PositionalArgs {
	one := exactly(name)
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return one(cmd, args)
	}
}
