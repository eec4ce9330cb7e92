package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// aboutWho says what a person is named by.
const aboutWho = `WHO is an e-mail address, a telephone number, the MAC of a device, or a user as
method and id, such as free-12.`

// onPerson is a command about one person.
func (a *app) onPerson(name, short, long string, u use, f func(cmd *cobra.Command, c *v1.Client, who string) error) *cobra.Command {
	return &cobra.Command{
		Use: name + " WHO", Short: short, Long: long + "\n\n" + aboutWho, Args: exactly("WHO"),
		Example: "  vouchsafe user " + name + " anna@example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := hotspot.ParseWho(args[0])
			if err != nil {
				return usage(cmd, "%q is not an e-mail address, a telephone number, a MAC, or a user such as free-12", args[0])
			}
			return a.with(cmd.Context(), u, func(c *v1.Client) error { return f(cmd, c, w.String()) })
		},
	}
}

func (a *app) userShow() *cobra.Command {
	return a.onPerson("show", "Tell what is known of a person", "Tell what is known of a person: users, devices, vouchers, and how much there is.", reads,
		func(cmd *cobra.Command, c *v1.Client, who string) error {
			p, err := c.Person(cmd.Context(), who)
			if err != nil {
				return err
			}
			return a.printPerson(p)
		})
}

func (a *app) userExport() *cobra.Command {
	return a.onPerson("export", "Write all that is known of a person as JSON", "Write all that is known of a person as JSON, each login included: what to give to whoever asks for it.", reads,
		func(cmd *cobra.Command, c *v1.Client, who string) error {
			return c.ExportPerson(cmd.Context(), who, a.stdout)
		})
}

func (a *app) userDelete() *cobra.Command {
	var yes, dry bool
	cmd := a.onPerson("delete", "Delete a person everywhere",
		`Delete a person everywhere: users, what is remembered of their devices, bindings
of vouchers, and events that wait for webhooks; sessions end. Logins stay, without
anything that identifies anybody. Backups and snapshots from before are not changed.

If it was cut short, do it again.`, writes,
		func(cmd *cobra.Command, c *v1.Client, who string) error {
			p, err := c.Person(cmd.Context(), who)
			if err != nil {
				return err
			}
			if dry {
				return a.printPerson(p)
			}
			err = a.confirm(cmd, yes, "%d users, %d devices and what identifies somebody in %d logins will be deleted for good.", len(p.Users), len(p.Devices), p.Logins)
			if err != nil {
				return err
			}
			if p, err = c.ErasePerson(cmd.Context(), who); err != nil {
				return err
			}
			return a.print(p, fmt.Sprintf("Deleted: %d users, %d devices; %d logins name nobody any more.\n", len(p.Users), len(p.Devices), p.Logins))
		})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "only show what is known of the person")
	return cmd
}

func (a *app) printPerson(p v1.Person) error {
	if a.json {
		return printJSON(a.stdout, p)
	}
	t := newTable(a.stdout)
	users := func(name string, list []v1.User) {
		for _, u := range list {
			t.row(name, u.Method+"-"+strconv.FormatUint(u.ID, 10), clip(u.Key, 60), clip(u.Name, 40))
		}
	}
	users("User", p.Users)
	for _, d := range p.Devices {
		state := ""
		switch {
		case d.Blocked != nil:
			state = "blocked"
		case d.Online:
			state = "online"
		}
		t.row("Device", d.MAC.String(), clip(d.Name, 40), state)
	}
	if len(p.Vouchers) > 0 {
		t.row("Vouchers used", clip(strings.Join(p.Vouchers, ", "), 100))
	}
	users("Same device", p.Others)
	t.row("Logins", strconv.Itoa(p.Logins))
	t.row("Logins of others", strconv.Itoa(p.Kept))
	t.row("Waiting events", strconv.Itoa(p.Events))
	t.row("Audit log", strconv.Itoa(p.Audit))
	return t.flush()
}
