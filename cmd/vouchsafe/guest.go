package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (a *app) guestCommand() *cobra.Command {
	return group("guest", "Show and remove guests who are online", a.guestList(), a.guestKick())
}

func (a *app) guestList() *cobra.Command {
	var everyone bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the guests who are let in, in order of login", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				if everyone {
					return a.listHosts(cmd, c)
				}
				return a.listGuests(cmd, c)
			})
		},
	}
	cmd.Flags().BoolVar(&everyone, "all", false, "every device on the guest network, let in or not")
	return cmd
}

func (a *app) listGuests(cmd *cobra.Command, c *v1.Client) error {
	guests, err := c.Guests(cmd.Context())
	if err != nil {
		return err
	}
	if a.json {
		return listJSON(a.stdout, guests)
	}
	if len(guests) == 0 {
		_, err := fmt.Fprintln(a.stdout, "No guest is online. Devices waiting at the portal: vouchsafe guest list --all")
		return err
	}
	t := newTable(a.stdout)
	t.row("LOGIN", "MAC", "ADDRESS", "ONLINE", "IDLE", "DOWNLOAD", "LEFT", "UPLOAD", "LEFT", "ENDS", "NAME")
	for _, g := range guests {
		t.row(g.Login, g.MAC.String(), first(g.Addresses), length(g.Uptime), length(g.Idle),
			size(g.DownloadUsed), leftOf(less(g.DownloadLeft, g.TotalLeft)), size(g.UploadUsed), leftOf(less(g.UploadLeft, g.TotalLeft)),
			clockTime(g.Ends, "never"), clip(g.Name, 30))
	}
	return t.flush()
}

// less returns the smaller amount; nil is none.
func less(a, b *uint64) *uint64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

func (a *app) listHosts(cmd *cobra.Command, c *v1.Client) error {
	hosts, err := c.Hosts(cmd.Context())
	if err != nil {
		return err
	}
	if a.json {
		return listJSON(a.stdout, hosts)
	}
	if len(hosts) == 0 {
		_, err := fmt.Fprintln(a.stdout, "No device is on the guest network.")
		return err
	}
	t := newTable(a.stdout)
	t.row("MAC", "ADDRESS", "LOGIN", "SEEN FOR", "LAST HEARD", "NAME")
	for _, h := range hosts {
		login := "not let in"
		if h.Online {
			login = h.Login
		}
		t.row(h.MAC.String(), first(h.Addresses), login, length(h.Age), length(h.Idle)+" ago", clip(h.Name, 30))
	}
	return t.flush()
}

// first is the first address and how many more there are.
func first(addrs []string) string {
	switch len(addrs) {
	case 0:
		return "-"
	case 1:
		return addrs[0]
	}
	return fmt.Sprintf("%s +%d", addrs[0], len(addrs)-1)
}

func (a *app) guestKick() *cobra.Command {
	cmd := a.onMAC("kick MAC", "End a guest's session; it has to log in again", guestMACs,
		func(ctx context.Context, c *v1.Client, mac hotspot.MAC) error {
			if err := c.Kick(ctx, mac); err != nil {
				return remedy(err, hotspot.CodeNotFound, "`vouchsafe guest list` shows who is online")
			}
			return a.print(map[string]hotspot.MAC{"kicked": mac}, "")
		})
	cmd.Example = "  vouchsafe guest kick 02:00:5E:10:00:01"
	return cmd
}
