package main

import (
	"strconv"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (a *app) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Say how the daemon fares", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				st, err := c.Status(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return printJSON(a.stdout, st)
				}
				return a.printStatus(st)
			})
		},
	}
	return cmd
}

func (a *app) printStatus(st v1.Status) error {
	t := newTable(a.stdout)
	if st.Running {
		t.row("Daemon", "running for "+length(st.Uptime))
	} else {
		t.row("Daemon", "not running; start it with: vouchsafe daemon --config FILE")
	}
	t.row("Version", st.Version)
	if st.Backend != "" {
		t.row("Backend", st.Backend)
	}
	t.row("Time", clockTime(st.Time, "-")+" "+st.Zone)
	if !st.ClockBelieved {
		t.row("Clock", "not believed yet: times are counted from the last one known, and valid-from is not judged, until NTP or `vouchsafe clock synced` vouches for it")
	}
	t.row("Guests online", strconv.Itoa(st.GuestsOnline))
	if st.Vouchers != nil {
		t.row("Vouchers", strconv.FormatUint(*st.Vouchers, 10))
	}
	if st.Certificate != "" {
		t.row("Certificate", "SHA-256 "+st.Certificate)
	}
	for _, n := range st.Notices {
		t.row("Notice", n)
	}
	return t.flush()
}

func (a *app) clockCommand() *cobra.Command {
	return group("clock", "Tell the daemon about the system's clock", &cobra.Command{
		Use: "synced", Short: "Tell the daemon that the system's clock is right",
		Long: `Tell the daemon that the system's clock is right. Call it from what sets the
clock, such as OpenWrt's /etc/hotplug.d/ntp, or after setting it by hand.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				if err := c.ClockSynced(cmd.Context()); err != nil {
					return remedy(err, hotspot.CodeUnavailable, "start it with: vouchsafe daemon --config FILE")
				}
				return a.print(map[string]bool{"synced": true}, "")
			})
		},
	})
}
