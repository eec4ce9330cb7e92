package main

import (
	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const noSettingRemedy = "`vouchsafe settings list` shows all"

func (a *app) settingsCommand() *cobra.Command {
	return group("settings", "Show and change what an operator can set", a.settingsGet(), a.settingsSet(), a.settingsList())
}

func (a *app) settingsGet() *cobra.Command {
	return &cobra.Command{
		Use: "get KEY", Short: "Print a setting's value", Example: "  vouchsafe settings get api.post",
		Args: exactly("KEY"), ValidArgsFunction: settingKeys,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				set, err := c.Setting(cmd.Context(), args[0])
				if err != nil {
					return remedy(err, hotspot.CodeNotFound, noSettingRemedy)
				}
				return a.print(set, set.Value+"\n")
			})
		},
	}
}

func (a *app) settingsSet() *cobra.Command {
	return &cobra.Command{
		Use: "set KEY VALUE", Short: "Change a setting; it is in force at once",
		Example: "  vouchsafe settings set api.post on",
		Args:    exactly("KEY", "VALUE"),

		ValidArgsFunction: settingKeys,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), writes, func(c *v1.Client) error {
				set, err := c.SetSetting(cmd.Context(), args[0], args[1])
				if err != nil {
					return remedy(err, hotspot.CodeNotFound, noSettingRemedy)
				}
				return a.print(set, "")
			})
		},
	}
}

func (a *app) settingsList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List all settings with what they do", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				settings, err := c.Settings(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return listJSON(a.stdout, settings)
				}
				t := newTable(a.stdout)
				t.row("KEY", "VALUE", "TAKES", "WHAT IT DOES")
				for _, set := range settings {
					t.row(set.Key, shown(set.Value), set.Kind, set.Doc)
				}
				return t.flush()
			})
		},
	}
	return cmd
}

// shown is a setting's value in a table.
func shown(value string) string {
	if value == "" {
		return "(empty)"
	}
	return clip(value, 30)
}
