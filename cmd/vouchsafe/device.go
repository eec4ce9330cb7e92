package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (a *app) deviceCommand() *cobra.Command {
	return group("device", "Block devices, whatever voucher they have", a.deviceBlock(), a.deviceUnblock(), a.deviceList())
}

func (a *app) deviceBlock() *cobra.Command {
	var note string
	cmd := a.onMAC("block MAC", "Block a device: its session ends, and nothing lets it in", guestMACs,
		func(ctx context.Context, c *v1.Client, mac hotspot.MAC) error {
			b, err := c.Block(ctx, v1.NewBlock{MAC: mac.String(), Note: note})
			if err != nil {
				return err
			}
			return a.print(b, "")
		})
	cmd.Example = "  vouchsafe device block 02:00:5E:10:00:01 --note \"room 9, noise\""
	cmd.Flags().StringVar(&note, "note", "", "why, for operators; guests never see it")
	return cmd
}

func (a *app) deviceUnblock() *cobra.Command {
	return a.onMAC("unblock MAC", "Unblock a device; it may log in again", blockedMACs,
		func(ctx context.Context, c *v1.Client, mac hotspot.MAC) error {
			if err := c.Unblock(ctx, mac); err != nil {
				return remedy(err, hotspot.CodeNotFound, "`vouchsafe device list` shows which devices are blocked")
			}
			return a.print(map[string]hotspot.MAC{"unblocked": mac}, "")
		})
}

// onMAC makes a command that does something to a device.
func (a *app) onMAC(use, short string, complete lister, do func(context.Context, *v1.Client, hotspot.MAC) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly("MAC"),
		ValidArgsFunction: a.completeOne(complete),
		RunE: func(cmd *cobra.Command, args []string) error {
			mac, err := hotspot.ParseMAC(strings.TrimSpace(args[0]))
			if err != nil {
				return usage(cmd, "%v", err)
			}
			return a.with(cmd.Context(), reads, func(c *v1.Client) error { return do(cmd.Context(), c, mac) })
		},
	}
}

func (a *app) deviceList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the devices that are blocked", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				all, err := c.BlockedDevices(cmd.Context())
				if err != nil {
					return err
				}
				return a.listBlocked(all)
			})
		},
	}
}

func (a *app) listBlocked(list []v1.BlockedDevice) error {
	if a.json {
		return listJSON(a.stdout, list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "No device is blocked.")
		return err
	}
	t := newTable(a.stdout)
	t.row("MAC", "SINCE", "BY", "LOGIN", "NAME", "NOTE")
	for _, b := range list {
		t.row(b.MAC.String(), clockTime(b.Since, "-"), clip(b.By, 30), clip(b.Login, 30), clip(b.Name, 30), clip(b.Note, 50))
	}
	return t.flush()
}

func blockedMACs(ctx context.Context, c *v1.Client, _ string) (macs []string) {
	all, err := c.BlockedDevices(ctx)
	if err != nil {
		return nil
	}
	for _, b := range all[:min(len(all), completeMost)] {
		macs = append(macs, b.MAC.String()+"\t"+printable(b.Note))
	}
	return macs
}
