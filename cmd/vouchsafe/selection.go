package main

import (
	"strings"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

// whereHelp explains selections wherever they are taken.
const whereHelp = `Select vouchers with --where. Given more than once, all must hold:
  status=STATUS[,STATUS]    new, active, online, used-up, expired, pending, disabled
  username=TEXT             case does not count; * stands for any text: "conf*"
  note=TEXT                 the same
  created-before=TIME       "2026-01-31", "2026-01-31 18:00", or so long ago: "30 days"
  created-after=TIME        the same`

// selection is the flag --where.
type selection struct {
	where []string
}

func (s *selection) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.where, "where", nil, "select by a `condition`, such as status=expired; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("where", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		out := []string{"username=", "note=", "created-before=", "created-after="}
		for _, st := range []string{"new", "active", "online", "used-up", "expired", "pending", "disabled"} {
			out = append(out, "status="+st)
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}

func (s *selection) given() bool { return len(s.where) > 0 }

// parse reads the conditions. What their values mean, the API knows.
func (s *selection) parse(cmd *cobra.Command) (v1.Selection, error) {
	var (
		sel  v1.Selection
		text = map[string]*string{"username": &sel.Username, "note": &sel.Note, "created-before": &sel.CreatedBefore, "created-after": &sel.CreatedAfter}
	)
	for _, term := range s.where {
		key, value, ok := strings.Cut(term, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch at := text[key]; {
		case !ok || value == "":
			return sel, usage(cmd, "--where %q is not a condition such as status=expired", term)
		case key == "status" && sel.Status == nil:
			sel.Status = strings.Split(value, ",")
		case key == "status" || at != nil && *at != "":
			return sel, usage(cmd, "--where %s=… is there twice", key)
		case at == nil:
			return sel, usage(cmd, "--where knows status, username, note, created-before and created-after, and not %q", key)
		default:
			*at = value
		}
	}
	return sel, nil
}
