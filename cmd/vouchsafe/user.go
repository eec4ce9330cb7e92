package main

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// userMethods are the login methods that know users.
func userMethods() []string {
	return []string{string(hotspot.MethodFree), string(hotspot.MethodEmail), string(hotspot.MethodMobile), string(hotspot.MethodFacebook)}
}

func (a *app) userCommand() *cobra.Command {
	var method string
	list := &cobra.Command{
		Use: "list", Short: "List who logged in by other means than a voucher, oldest first", Args: noArgs,
		Example: "  vouchsafe user list --method email",
		RunE: func(cmd *cobra.Command, _ []string) error {
			methods := userMethods()
			if method != "" {
				if !slices.Contains(methods, method) {
					return usage(cmd, "--method %q is not one of %s", method, strings.Join(methods, ", "))
				}
				methods = []string{method}
			}
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				return a.printUsers(func(yield func(v1.User, error) bool) {
					for _, m := range methods {
						for u, err := range c.Users(cmd.Context(), m) {
							if !yield(u, err) {
								return
							}
						}
					}
				})
			})
		},
	}
	list.Flags().StringVar(&method, "method", "", "only those of one `method`: "+strings.Join(userMethods(), ", "))
	return group("user", "Show and delete who logged in by other means than a voucher", list, a.userShow(), a.userExport(), a.userDelete())
}

func (a *app) printUsers(users iter.Seq2[v1.User, error]) error {
	columns := []string{"METHOD", "USER", "MAC", "VISITS", "LAST LOGIN", "DOWNLOAD", "UPLOAD", "NAME"}
	n, err := printList(a, users, columns, func(u v1.User) []string {
		return []string{u.Method, clip(u.Key, 60), u.MAC.String(), strconv.FormatUint(u.Visits, 10), clockTime(u.LastLogin, "never"),
			size(u.DownloadUsed), size(u.UploadUsed), clip(u.Name, 40)}
	})
	return a.orNone(n, err, "Nobody logged in by other means than a voucher.")
}
