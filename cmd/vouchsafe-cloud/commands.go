package main

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// commands is the command line.
func commands() *cobra.Command {
	root := &cobra.Command{
		Use: "vouchsafe-cloud", Short: "A relay for Vouchsafe routers", Version: version,
		SilenceUsage: true, SilenceErrors: true,
		Long: "A relay that makes routers reachable at https://<prefix>.<domain>/api/ though nobody can\n" +
			"connect to them, and the accounts that own them. All commands but serve and records copy work\n" +
			"beside a running relay and without one.",
	}
	var at place
	at.flags(root.PersistentFlags())
	root.AddCommand(serveCommand(&at), accountCommand(&at), licenseCommand(&at), routerCommand(&at), recordsCommand(&at))
	return root
}

func accountCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "account", Short: "Accounts, which own routers"}
	var name string
	create := &cobra.Command{Use: "create", Short: "Make an account and print its first token, which is not shown again", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var made cloud.NewAccount
			if err := ask(cmd.Context(), *at, http.MethodPost, "/accounts", map[string]string{"name": name}, &made); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "account %s (%s), token: %s\n", made.Account.ID, made.Account.Name, made.Token)
			return err
		}}
	create.Flags().StringVar(&name, "name", "", "whose account it is")
	must(create.MarkFlagRequired("name"))
	list := &cobra.Command{Use: "list", Short: "List the accounts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []cloud.Account
			if err := ask(cmd.Context(), *at, http.MethodGet, "/accounts", nil, &all); err != nil {
				return err
			}
			rows := [][]string{{"ACCOUNT", "NAME", "ROUTERS", "LIMIT", "MADE"}}
			for _, a := range all {
				rows = append(rows, []string{a.ID, a.Name, fmt.Sprint(a.Usage), fmt.Sprint(a.Limit(time.Now())), a.Created.Format(time.DateOnly)})
			}
			return table(cmd.OutOrStdout(), rows)
		}}
	c.AddCommand(create, list, tokenCommand(at))
	return c
}

func tokenCommand(at *place) *cobra.Command {
	var account, name string
	var days int
	c := &cobra.Command{Use: "token", Short: "Make another token for an account and print it; it is not shown again", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var made struct{ Token, Name string }
			body := map[string]any{"name": name, "expires": days}
			if err := ask(cmd.Context(), *at, http.MethodPost, accountPath(account)+"/tokens", body, &made); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "token %s: %s\n", made.Name, made.Token)
			return err
		}}
	c.Flags().StringVar(&account, "account", "", "which account")
	c.Flags().StringVar(&name, "name", "", "what the token is for: a-z, 0-9, - and .")
	c.Flags().IntVar(&days, "days", 365, "for how many days, up to 365; -1 for ever")
	must(c.MarkFlagRequired("account"), c.MarkFlagRequired("name"))
	return c
}

func licenseCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "license", Short: "Licences, which say how many routers an account may have"}
	var limit, days int
	issue := &cobra.Command{Use: "issue", Short: "Sign a licence and print it", Args: cobra.NoArgs,
		Long: "Sign a licence with the key in the data directory, or with --etcd with that of all relays, and\n" +
			"print it. The key is made on first use. Whoever has it can issue licences: keep a copy of\n" +
			"license.key in a safe place.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, missing := os.Stat(filepath.Join(at.data, licenseFile))
			key, err := signingKey(cmd.Context(), *at)
			if err != nil {
				return err
			}
			if missing != nil && !at.shared() {
				fmt.Fprintf(cmd.ErrOrStderr(), "made the key %s: only a relay with --data %s accepts its licences\n", filepath.Join(at.data, licenseFile), at.data)
			}
			var until time.Time
			switch {
			case days > 0:
				until = time.Now().AddDate(0, 0, days)
			case days != -1:
				return fmt.Errorf("--days %d: 1 or more, or -1 for ever", days)
			}
			text, err := cloud.IssueLicense(key, limit, until)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			return err
		}}
	issue.Flags().IntVar(&limit, "limit", 1, "how many routers")
	issue.Flags().IntVar(&days, "days", 365, "for how many days; -1 for ever")
	var account, text string
	set := &cobra.Command{Use: "set", Short: "Put a licence into force for an account", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var l cloud.License
			if err := ask(cmd.Context(), *at, http.MethodPost, accountPath(account)+"/license", map[string]string{"license": text}, &l); err != nil {
				return err
			}
			until := "for ever"
			if l.Expires != -1 {
				until = "until " + time.Unix(l.Expires, 0).UTC().Format(time.RFC3339)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "licence for %d routers, %s\n", l.Limit, until)
			return err
		}}
	set.Flags().StringVar(&account, "account", "", "which account")
	set.Flags().StringVar(&text, "license", "", "the licence")
	must(set.MarkFlagRequired("account"), set.MarkFlagRequired("license"))
	c.AddCommand(issue, set)
	return c
}

func routerCommand(at *place) *cobra.Command {
	c := &cobra.Command{Use: "router", Short: "Routers of an account"}
	var account string
	c.PersistentFlags().StringVar(&account, "account", "", "which account")
	must(c.MarkPersistentFlagRequired("account"))
	claim := &cobra.Command{Use: "claim", Short: "Make a code with which one router can enrol within 15 minutes", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var made cloud.NewClaim
			if err := ask(cmd.Context(), *at, http.MethodPost, accountPath(account)+"/claims", nil, &made); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), made.Code)
			return err
		}}
	list := &cobra.Command{Use: "list", Short: "List the account's routers", Args: cobra.NoArgs,
		Long: "List the account's routers. Whether they are connected is known to a relay that runs: without --etcd, with\n" +
			"the --data of one.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []cloud.RouterSeen
			if err := ask(cmd.Context(), *at, http.MethodGet, accountPath(account)+"/routers", nil, &all); err != nil {
				return err
			}
			rows := [][]string{{"PREFIX", "NAME", "VERSION", "STATE", "LAST SEEN"}}
			for _, r := range all {
				state, seen := "not asked", "never"
				if r.Online != nil && *r.Online {
					state = "connected"
				} else if r.Online != nil {
					state = "not connected"
				}
				if !r.LastSeen.IsZero() {
					seen = r.LastSeen.UTC().Format(time.RFC3339)
				}
				rows = append(rows, []string{r.Prefix, r.Name, r.Version, state, seen})
			}
			return table(cmd.OutOrStdout(), rows)
		}}
	remove := &cobra.Command{Use: "remove PREFIX", Short: "Take a router out of the account; its certificate opens nothing any more", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r cloud.Router
			if err := ask(cmd.Context(), *at, http.MethodDelete, accountPath(account)+"/routers/"+url.PathEscape(args[0]), nil, &r); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", r.Name)
			return err
		}}
	c.AddCommand(claim, list, remove)
	return c
}

// accountPath is where an account is on the operator's side.
func accountPath(id string) string { return "/accounts/" + url.PathEscape(id) }

// must panics for mistakes in the definition of the command line.
func must(errs ...error) {
	for _, err := range errs {
		if err != nil {
			panic(err)
		}
	}
}

// table prints rows below one another. What people typed is on one line.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	return t.Flush()
}

// publicKey is what licences are checked with.
func publicKey(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// readAnswer reads what the operator's side was answered.
func readAnswer(resp *http.Response, v any) error {
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 == 3 { // to another path: an id that is nothing or dots is a part of none
		return errors.New("there is no account, or no router, of that name")
	}
	if resp.StatusCode != http.StatusOK {
		var failed struct{ Message string }
		if json.Unmarshal(b, &failed) != nil || failed.Message == "" {
			failed.Message = resp.Status
		}
		return fmt.Errorf("%s", failed.Message)
	}
	return json.Unmarshal(b, v)
}
