package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const noOperatorRemedy = "`vouchsafe operator list` shows all"

func (a *app) operatorCommand() *cobra.Command {
	cmd := group("operator", "Manage who may sign in to the panel",
		a.operatorAdd(), a.operatorList(), a.operatorRole(), a.operatorPassword(), a.operatorTOTPOff(), a.operatorSessions(), a.operatorRemove())
	cmd.Long = `Manage who may sign in to the panel. An owner may do everything, a manager makes
and prints vouchers and sees who is online, a viewer only looks.

An OPERATOR is named by the e-mail address or the id.`
	return cmd
}

// passwordFlags are the ways to give a password.
type passwordFlags struct {
	text  string
	stdin bool
}

func (p *passwordFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.text, "password", "", "the `password`; others on this machine may see it while the command runs. Asked for if not given")
	f.BoolVar(&p.stdin, "password-stdin", false, "read the password from what is piped in")
}

func (a *app) operatorAdd() *cobra.Command {
	var (
		n    v1.NewOperator
		pass passwordFlags
	)
	cmd := &cobra.Command{
		Use: "add", Short: "Make an operator", Args: noArgs,
		Long: `Make an operator. The password has 10 characters or more; several words are
fine. It is asked for, unless it is given.`,
		Example: `  vouchsafe operator add --email anna@example.com --role owner
  vouchsafe operator add --email desk@example.com --role manager --password-stdin < file`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if n.Email == "" {
				return usage(cmd, "--email is missing")
			}
			if err := checkRole(cmd, n.Role); err != nil {
				return err
			}
			if n.Password, err = a.password(cmd, pass); err != nil {
				return err
			}
			return a.with(cmd.Context(), writes, func(c *v1.Client) error {
				made, err := c.CreateOperator(cmd.Context(), n)
				if err != nil {
					return remedy(err, hotspot.CodeNameTaken, "to change the password: vouchsafe operator password %s", n.Email)
				}
				return a.print(made, made.Email+" is "+made.Role+"\n")
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&n.Email, "email", "", "e-mail `address`, to sign in with")
	f.StringVar(&n.Name, "name", "", "the person's `name`")
	f.StringVar(&n.Role, "role", "", "owner, manager or viewer")
	pass.add(cmd)
	return cmd
}

func checkRole(cmd *cobra.Command, role string) error {
	switch role {
	case "owner", "manager", "viewer":
		return nil
	case "":
		return usage(cmd, "--role is missing: owner, manager or viewer")
	}
	return usage(cmd, "%q is not owner, manager or viewer", role)
}

func (a *app) operatorList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the operators, and when they last signed in", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				people, err := c.Operators(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return listJSON(a.stdout, people)
				}
				if len(people) == 0 {
					_, err := fmt.Fprintln(a.stdout, "Nobody may sign in yet; make an owner: vouchsafe operator add")
					return err
				}
				t := newTable(a.stdout)
				t.row("ID", "E-MAIL", "ROLE", "CODES", "SESSIONS", "LAST SIGN-IN", "FROM", "NAME")
				for _, o := range people {
					codes := "off"
					if o.TOTP {
						codes = fmt.Sprintf("on, %d left", o.Recovery)
					}
					t.row(o.ID, clip(o.Email, 40), o.Role, codes, fmt.Sprint(o.Sessions), clockTime(o.LastSeen, "never"), o.LastSeenFrom, clip(o.Name, 30))
				}
				return t.flush()
			})
		},
	}
}

func (a *app) operatorRole() *cobra.Command {
	return &cobra.Command{
		Use: "role OPERATOR ROLE", Short: "Make an operator owner, manager or viewer; it is in force at once",
		Args: exactly("OPERATOR", "ROLE"), ValidArgsFunction: a.completeOne(operatorMails),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkRole(cmd, args[1]); err != nil {
				return err
			}
			return a.withOperator(cmd, args[0], func(c *v1.Client, o v1.Operator) error {
				changed, err := c.EditOperator(cmd.Context(), o.ID, v1.OperatorEdit{Role: &args[1]})
				if err != nil {
					return err
				}
				return a.print(changed, "")
			})
		},
	}
}

func (a *app) operatorPassword() *cobra.Command {
	var pass passwordFlags
	cmd := &cobra.Command{
		Use: "password OPERATOR", Short: "Give an operator another password; all sessions and access tokens end",
		Args: exactly("OPERATOR"), ValidArgsFunction: a.completeOne(operatorMails),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOperator(cmd, args[0], func(c *v1.Client, o v1.Operator) error {
				text, err := a.password(cmd, pass)
				if err != nil {
					return err
				}
				if err := c.SetPassword(cmd.Context(), o.ID, text); err != nil {
					return err
				}
				return a.print(map[string]string{"password_changed": o.Email, "id": o.ID}, "")
			})
		},
	}
	pass.add(cmd)
	return cmd
}

func (a *app) operatorTOTPOff() *cobra.Command {
	return &cobra.Command{
		Use: "totp-off OPERATOR", Short: "Ask an operator no more for codes of an authenticator app",
		Args: exactly("OPERATOR"), ValidArgsFunction: a.completeOne(operatorMails),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOperator(cmd, args[0], func(c *v1.Client, o v1.Operator) error {
				if err := c.DropTOTP(cmd.Context(), o.ID); err != nil {
					return err
				}
				return a.print(map[string]string{"totp_off": o.Email, "id": o.ID}, "")
			})
		},
	}
}

func (a *app) operatorSessions() *cobra.Command {
	var end string
	cmd := &cobra.Command{
		Use: "sessions OPERATOR", Short: "List, or end, the browsers that an operator is signed in with",
		Example: "  vouchsafe operator sessions anna@example.com\n  vouchsafe operator sessions anna@example.com --end all",
		Args:    exactly("OPERATOR"), ValidArgsFunction: a.completeOne(operatorMails),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOperator(cmd, args[0], func(c *v1.Client, o v1.Operator) error {
				if end != "" {
					id := end
					if id == "all" {
						id = ""
					}
					n, err := c.EndSessions(cmd.Context(), o.ID, id)
					if err != nil {
						return err
					}
					return a.print(map[string]int{"ended": n}, "")
				}
				list, err := c.OperatorSessions(cmd.Context(), o.ID)
				if err != nil {
					return err
				}
				return a.printSessions(list)
			})
		},
	}
	cmd.Flags().StringVar(&end, "end", "", "end the session with this `id`, or all")
	return cmd
}

func (a *app) printSessions(list []v1.OperatorSession) error {
	if a.json {
		return listJSON(a.stdout, list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "No browser is signed in.")
		return err
	}
	t := newTable(a.stdout)
	t.row("ID", "SINCE", "LAST SEEN", "FROM", "BROWSER")
	for _, s := range list {
		t.row(s.ID, clockTime(s.Created, ""), clockTime(s.LastSeen, ""), s.From, clip(s.Agent, 60))
	}
	return t.flush()
}

func (a *app) operatorRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove OPERATOR", Short: "Remove an operator; sessions, access tokens and API keys of the operator are refused at once",
		Args: exactly("OPERATOR"), ValidArgsFunction: a.completeOne(operatorMails),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withOperator(cmd, args[0], func(c *v1.Client, o v1.Operator) error {
				if err := c.RemoveOperator(cmd.Context(), o.ID); err != nil {
					return err
				}
				return a.print(map[string]string{"removed": o.Email, "id": o.ID}, "")
			})
		},
	}
}

// withOperator runs f with the operator that a word means.
func (a *app) withOperator(cmd *cobra.Command, word string, f func(*v1.Client, v1.Operator) error) error {
	return a.with(cmd.Context(), writes, func(c *v1.Client) error {
		all, err := c.Operators(cmd.Context())
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.ID == word || strings.EqualFold(o.Email, word) {
				return f(c, o)
			}
		}
		return &remedied{&hotspot.Error{Code: hotspot.CodeNotFound, Field: "operator", Text: fmt.Sprintf("no operator has the e-mail address or id %q", word)}, noOperatorRemedy}
	})
}

func operatorMails(ctx context.Context, c *v1.Client, _ string) (mails []string) {
	all, err := c.Operators(ctx)
	if err != nil {
		return nil
	}
	for _, o := range all {
		mails = append(mails, o.Email)
	}
	return mails
}
