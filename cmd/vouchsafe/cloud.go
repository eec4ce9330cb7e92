package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const notEnrolledRemedy = "`vouchsafe cloud enrol` makes it one of an account's"

func (a *app) cloudCommand() *cobra.Command {
	return group("cloud", "The address under which the internet reaches this router's API",
		a.cloudStatus(), a.cloudEnrol(),
		a.cloudDo("on", "Turn the address on", func(ctx context.Context, c *v1.Client) (any, error) { return c.SwitchCloud(ctx, true) }),
		a.cloudDo("off", "Turn the address off; the router stays enrolled", func(ctx context.Context, c *v1.Client) (any, error) { return c.SwitchCloud(ctx, false) }),
		a.cloudDo("rotate", "Get another address; the one before leads nowhere from then on", func(ctx context.Context, c *v1.Client) (any, error) { return c.RotateCloud(ctx) }),
		a.cloudDo("leave", "Take the router out of its account", func(ctx context.Context, c *v1.Client) (any, error) { return c.LeaveCloud(ctx) }))
}

func (a *app) cloudStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Tell how the address is", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				st, err := c.Cloud(cmd.Context())
				if err != nil {
					return err
				}
				return a.print(st, cloudText(st))
			})
		},
	}
}

// cloudText tells people how the address is.
func cloudText(st v1.Cloud) string {
	if !st.Enrolled {
		return "not enrolled at a cloud; " + notEnrolledRemedy + "\n"
	}
	lines := []string{"endpoint  " + printable(st.Endpoint), "relay     " + printable(st.Domain)}
	state := "off"
	if st.On {
		state = st.Phase
		if st.Latency > 0 {
			state += fmt.Sprintf(", %s to the relay and back", max(time.Millisecond, (time.Duration(st.Latency)*time.Microsecond).Round(time.Millisecond)))
		}
	}
	lines = append(lines, "state     "+state)
	if st.Failure != "" {
		lines = append(lines, "failure   "+printable(st.Failure))
	}
	return strings.Join(lines, "\n") + "\n"
}

func (a *app) cloudEnrol() *cobra.Command {
	var e v1.CloudEnrolment
	cmd := &cobra.Command{
		Use: "enrol", Short: "Make this router one of an account's, and reachable", Args: noArgs,
		Long: "Make this router one of an account's at a relay. The claim code is made in the account; it is\n" +
			"good for 15 minutes, once.",
		Example: "  vouchsafe cloud enrol --domain cloud.example.com --code ABCD-EFGH-IJKL-MNOP --name \"Lobby\"",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				st, err := c.EnrolCloud(cmd.Context(), e)
				if err != nil {
					return remedy(err, hotspot.CodeNameTaken, "`vouchsafe cloud leave` takes it out of that account")
				}
				return a.print(st, cloudText(st))
			})
		},
	}
	cmd.Flags().StringVar(&e.Domain, "domain", "", "the cloud's name")
	cmd.Flags().StringVar(&e.Code, "code", "", "the claim code")
	cmd.Flags().StringVar(&e.Name, "name", "", "this router's name in the account")
	for _, name := range []string{"domain", "code"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // flags of ours
		}
	}
	return cmd
}

// cloudDo makes a command that changes something about the address.
func (a *app) cloudDo(name, short string, do func(ctx context.Context, c *v1.Client) (any, error)) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				v, err := do(cmd.Context(), c)
				if err != nil {
					return remedy(err, hotspot.CodeNotFound, notEnrolledRemedy)
				}
				text := ""
				switch v := v.(type) {
				case v1.Cloud:
					text = cloudText(v)
				case v1.CloudLeft:
					if !v.Told {
						text = "left; the relay could not be told: remove the router in the cloud account, too\n"
					}
				}
				return a.print(v, text)
			})
		},
	}
}
