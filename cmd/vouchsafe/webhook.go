package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const noWebhookRemedy = "`vouchsafe webhook list` shows all"

func (a *app) webhookCommand() *cobra.Command {
	cmd := group("webhook", "Tell other programs of events by HTTP",
		a.webhookList(), a.webhookAdd(), a.webhookEdit(), a.webhookRemove(), a.webhookTest(), a.webhookRotate(), a.webhookLog())
	cmd.Long = `Tell other programs of events by HTTP, signed as Standard Webhooks has it. What
is sent, and how a receiver checks it, is in docs/webhooks.md.

A WEBHOOK is named by its description, its id or its URL.`
	return cmd
}

// typesHelp is about the flag that both add and edit have.
const typesHelp = "what it is told of, a `list` of guest.login, guest.logout, voucher.created, voucher.exhausted and device.seen"

func (a *app) webhookList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the webhooks: where they go, and how the last delivery went", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				hooks, err := c.Webhooks(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return listJSON(a.stdout, hooks)
				}
				t := newTable(a.stdout)
				t.row("ID", "DESCRIPTION", "URL", "TYPES", "STATE", "WAITING", "LAST")
				for i := range hooks {
					h := &hooks[i]
					t.row(h.ID, h.Description, clip(h.URL, 60), typesText(h.Types), stateText(h), strconv.Itoa(h.Waiting), lastText(h.Last))
				}
				return t.flush()
			})
		},
	}
}

func typesText(types []string) string {
	if len(types) == len(hotspot.EventTypes()) {
		return "all"
	}
	return strings.Join(types, ",")
}

func stateText(h *v1.Webhook) string {
	switch {
	case h.Stopped != "":
		return "stopped"
	case !h.Enabled:
		return "off"
	}
	return "on"
}

func lastText(d *v1.WebhookDelivery) string {
	if d == nil {
		return ""
	}
	return clockTime(d.At, "") + " " + resultText(d)
}

func resultText(d *v1.WebhookDelivery) string {
	switch {
	case d.OK:
		return "ok " + strconv.Itoa(d.Status)
	case d.Error == "":
		return "failed"
	}
	return d.Error
}

func (a *app) webhookAdd() *cobra.Command {
	var n v1.NewWebhook
	cmd := &cobra.Command{
		Use: "add URL", Short: "Make a webhook and print its secret",
		Long: `Make a webhook and print its secret, with which the receiver checks that what it
gets is from this router. The secret is shown this once.`,
		Example: `  vouchsafe webhook add https://example.com/hook --description CRM
  vouchsafe webhook add http://192.168.1.20:8080/ --types guest.login,guest.logout`,
		Args: exactly("URL"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			n.URL = args[0]
			return a.with(cmd.Context(), writes, func(c *v1.Client) error {
				made, err := c.CreateWebhook(cmd.Context(), n)
				if err != nil {
					return err
				}
				a.warn(made.Webhook)
				return a.print(made, made.Secret+"\n")
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&n.Description, "description", "", "what it is for, a `text`")
	f.StringSliceVar(&n.Types, "types", nil, typesHelp+"; all if not given")
	f.StringVar(&n.Secret, "secret", "", "the `secret`, whsec_ and the base64 of 24 to 64 bytes; random if not given")
	f.BoolVar(&n.Disabled, "disabled", false, "tell it of nothing yet")
	return cmd
}

// warn tells a person what an operator of a webhook should know.
func (a *app) warn(h v1.Webhook) {
	if h.Warning != "" && !a.json {
		fmt.Fprintln(a.stderr, "vouchsafe: "+printable(h.Warning))
	}
}

func (a *app) webhookEdit() *cobra.Command {
	var url, description, enabled string
	var types []string
	cmd := &cobra.Command{
		Use: "edit WEBHOOK", Short: "Change a webhook; what waits for it goes to its new address",
		Example: "  vouchsafe webhook edit CRM --enabled off\n  vouchsafe webhook edit CRM --types all",
		Args:    exactly("WEBHOOK"), ValidArgsFunction: a.completeOne(webhookNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			var e v1.WebhookEdit
			for flag, set := range map[string]func(){
				"url": func() { e.URL = &url }, "description": func() { e.Description = &description },
				"types": func() {
					if len(types) == 1 && types[0] == "all" {
						types = []string{}
					}
					e.Types = &types
				},
			} {
				if cmd.Flags().Changed(flag) {
					set()
				}
			}
			if on := enabled == "on"; on || enabled == "off" {
				e.Enabled = &on
			} else if cmd.Flags().Changed("enabled") {
				return usage(cmd, "--enabled is on or off, not %q", enabled)
			}
			return a.withWebhook(cmd, args[0], func(c *v1.Client, h v1.Webhook) error {
				edited, err := c.EditWebhook(cmd.Context(), h.ID, e)
				if err != nil {
					return err
				}
				a.warn(edited)
				return a.print(edited, "")
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&url, "url", "", "where it goes")
	f.StringVar(&description, "description", "", "what it is for, a `text`")
	f.StringSliceVar(&types, "types", nil, typesHelp+", or all")
	f.StringVar(&enabled, "enabled", "", "`on` or off")
	return cmd
}

func (a *app) webhookRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove WEBHOOK", Short: "Remove a webhook; nothing more is sent to it",
		Args: exactly("WEBHOOK"), ValidArgsFunction: a.completeOne(webhookNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withWebhook(cmd, args[0], func(c *v1.Client, h v1.Webhook) error {
				if err := c.RemoveWebhook(cmd.Context(), h.ID); err != nil {
					return err
				}
				return a.print(map[string]string{"removed": h.ID}, "")
			})
		},
	}
}

func (a *app) webhookTest() *cobra.Command {
	return &cobra.Command{
		Use: "test WEBHOOK", Short: "Send an event of the type test.ping, once, and tell what became of it",
		Args: exactly("WEBHOOK"), ValidArgsFunction: a.completeOne(webhookNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withWebhook(cmd, args[0], func(c *v1.Client, h v1.Webhook) error {
				d, err := c.TestWebhook(cmd.Context(), h.ID)
				if err != nil {
					return err
				}
				if !d.OK {
					return &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "the webhook did not take it: " + resultText(&d)}
				}
				return a.print(d, fmt.Sprintf("taken: %d in %d ms\n", d.Status, d.Milliseconds))
			})
		},
	}
}

func (a *app) webhookRotate() *cobra.Command {
	var secret string
	cmd := &cobra.Command{
		Use: "rotate WEBHOOK", Short: "Give a webhook a new secret and print it; for a day, the one before signs, too",
		Args: exactly("WEBHOOK"), ValidArgsFunction: a.completeOne(webhookNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withWebhook(cmd, args[0], func(c *v1.Client, h v1.Webhook) error {
				made, err := c.RotateWebhook(cmd.Context(), h.ID, secret)
				if err != nil {
					return err
				}
				return a.print(made, made.Secret+"\n")
			})
		},
	}
	cmd.Flags().StringVar(&secret, "secret", "", "the new `secret`, whsec_ and the base64 of 24 to 64 bytes; random if not given")
	return cmd
}

func (a *app) webhookLog() *cobra.Command {
	return &cobra.Command{
		Use: "log [WEBHOOK]", Short: "List the newest deliveries since the daemon started, newest first",
		Args: atMost("WEBHOOK"), ValidArgsFunction: a.completeOne(webhookNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				id := ""
				if len(args) > 0 {
					h, err := findWebhook(cmd.Context(), c, args[0])
					if err != nil {
						return err
					}
					id = h.ID
				}
				list, err := c.WebhookDeliveries(cmd.Context(), id)
				if err != nil {
					return err
				}
				if a.json {
					return listJSON(a.stdout, list)
				}
				t := newTable(a.stdout)
				t.row("AT", "WEBHOOK", "TYPE", "EVENT", "ATTEMPT", "MS", "NEXT", "RESULT")
				for i := range list {
					d := &list[i]
					t.row(clockTime(d.At, ""), d.Webhook, d.Type, d.Event, strconv.Itoa(d.Attempt),
						strconv.FormatInt(d.Milliseconds, 10), clockTime(d.Next, "-"), resultText(d))
				}
				return t.flush()
			})
		},
	}
}

// withWebhook runs f with the webhook that a word means.
func (a *app) withWebhook(cmd *cobra.Command, word string, f func(*v1.Client, v1.Webhook) error) error {
	return a.with(cmd.Context(), writes, func(c *v1.Client) error {
		h, err := findWebhook(cmd.Context(), c, word)
		if err != nil {
			return err
		}
		return f(c, h)
	})
}

// findWebhook finds a webhook by its id, its description or its URL.
func findWebhook(ctx context.Context, c *v1.Client, word string) (v1.Webhook, error) {
	hooks, err := c.Webhooks(ctx)
	if err != nil {
		return v1.Webhook{}, err
	}
	var found []v1.Webhook
	for _, h := range hooks {
		if h.ID == word {
			return h, nil
		}
		if strings.EqualFold(h.Description, word) || h.URL == word {
			found = append(found, h)
		}
	}
	switch len(found) {
	case 0:
		return v1.Webhook{}, &remedied{&hotspot.Error{Code: hotspot.CodeNotFound, Field: "webhook", Text: fmt.Sprintf("no webhook is called %q", word)}, noWebhookRemedy}
	case 1:
		return found[0], nil
	}
	return v1.Webhook{}, &remedied{hotspot.Invalid("webhook", "%d webhooks are called %q", len(found), word), "name the one by its id; " + noWebhookRemedy}
}

func webhookNames(ctx context.Context, c *v1.Client, _ string) (names []string) {
	hooks, err := c.Webhooks(ctx)
	if err != nil {
		return nil
	}
	for _, h := range hooks {
		if h.Description != "" {
			names = append(names, h.Description)
		} else {
			names = append(names, h.ID)
		}
	}
	return names
}
