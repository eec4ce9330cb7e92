package main

import (
	"iter"
	"strconv"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (a *app) voucherCommand() *cobra.Command {
	return group("voucher", "Make, show, change, remove, export and import vouchers",
		a.voucherCreate(), a.voucherList(), a.voucherShow(), a.voucherEdit(), a.voucherRemove(),
		a.voucherExport(), a.voucherImport())
}

const noVoucherRemedy = "`vouchsafe voucher list` shows all"

func (a *app) voucherCreate() *cobra.Command {
	var (
		spec            v1.NewVouchers
		down, up, total uint64
	)
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make one voucher or many",
		Long: `Make vouchers and print the username and passcode of each, one per line.
What is not given is drawn at random or taken from the settings.
With --count, either all are made or none.`,
		Example: `  vouchsafe voucher create
  vouchsafe voucher create --count 20 --valid-for "2 days" --download 1024 --note "conference"
  vouchsafe voucher create --username room7 --valid-for always --devices 4`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if spec.Count < 1 || spec.Count > v1.MaxBatch {
				return usage(cmd, "--count must be from 1 to %d", v1.MaxBatch)
			}
			var err error
			if spec.DownloadLimit, err = megabytes(cmd, "download", down); err != nil {
				return err
			}
			if spec.UploadLimit, err = megabytes(cmd, "upload", up); err != nil {
				return err
			}
			if spec.TotalLimit, err = megabytes(cmd, "total", total); err != nil {
				return err
			}
			return a.with(cmd.Context(), writes, func(c *v1.Client) error {
				made, err := c.CreateVouchers(cmd.Context(), spec)
				if err != nil {
					return remedy(err, hotspot.CodeUsernameTaken, "choose another, or leave --username out for a random one")
				}
				return a.printMade(made)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&spec.Username, "username", "", "the voucher's `name`; random if not given")
	f.StringVar(&spec.Prefix, "prefix", "", "`text` that random usernames begin with")
	f.StringVar(&spec.Passcode, "passcode", "", "its `passcode`; random if not given")
	f.StringVar(&spec.FullName, "fullname", "", "the `name` of whom it is for; random if not given")
	f.StringVar(&spec.Note, "note", "", "a `note` that guests never see")
	f.StringVar(&spec.ValidFor, "valid-for", "", "how `long` it lasts: \"6 hours\", \"1 day\", \"30 days\", always; the setting voucher.valid_for if not given")
	f.StringVar(&spec.ValidFrom, "valid-from", "", "the `time` before which it is refused, in the venue's zone: \"2026-01-31 18:00\"")
	f.Uint64Var(&down, "download", 0, "download limit in `MB`; unlimited if not given")
	f.Uint64Var(&up, "upload", 0, "upload limit in `MB`; unlimited if not given")
	f.Uint64Var(&total, "total", 0, "limit of download and upload together in `MB`; unlimited if not given")
	f.IntVar(&spec.Devices, "devices", 0, "`number` of devices that may share it; the setting voucher.devices if not given")
	f.IntVar(&spec.Count, "count", 1, "`number` of vouchers to make")
	return cmd
}

func (a *app) printMade(made []v1.Voucher) error {
	if a.json {
		return listJSON(a.stdout, made)
	}
	t := newTable(a.stdout)
	for _, v := range made {
		t.row(v.Username, v.Passcode)
	}
	return t.flush()
}

// megabytes checks a flag's amount and returns it in bytes.
func megabytes(cmd *cobra.Command, flag string, n uint64) (uint64, error) {
	if n > hotspot.MaxLimitMB {
		return 0, usage(cmd, "--%s must be from 0 (unlimited) to %d MB", flag, hotspot.MaxLimitMB)
	}
	return n * hotspot.MB, nil
}

func (a *app) voucherList() *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use: "list", Short: "List vouchers, oldest first", Args: noArgs,
		Long: "List vouchers, oldest first: all of them, or those that are selected.\n\n" + whereHelp,
		Example: `  vouchsafe voucher list
  vouchsafe voucher list --where status=expired,used-up --where created-before=2026-01-31`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			where, err := sel.parse(cmd)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				n, err := a.printVouchers(c.Vouchers(cmd.Context(), where))
				none := "No vouchers yet. Make one: vouchsafe voucher create"
				if sel.given() {
					none = "No voucher is selected. All of them: vouchsafe voucher list"
				}
				return a.orNone(n, err, none)
			})
		},
	}
	sel.add(cmd)
	return cmd
}

// printVouchers prints a list and returns how long it is.
func (a *app) printVouchers(vouchers iter.Seq2[v1.Voucher, error]) (n int, err error) {
	columns := []string{"USERNAME", "PASSCODE", "STATUS", "VALID FOR", "EXPIRES", "DOWNLOAD", "UPLOAD", "TOGETHER", "NOTE"}
	return printList(a, vouchers, columns, func(v v1.Voucher) []string {
		return []string{v.Username, v.Passcode, v.Status, v.ValidFor, expires(v),
			usedOf(v.DownloadUsed, v.DownloadLimit), usedOf(v.UploadUsed, v.UploadLimit), together(v), clip(v.Note, 40)}
	})
}

// together tells what a voucher has used of its limit of both directions.
func together(v v1.Voucher) string {
	if v.TotalLimit == 0 {
		return "-"
	}
	return usedOf(v.DownloadUsed+v.UploadUsed, v.TotalLimit)
}

func expires(v v1.Voucher) string {
	if v.ValidFor == hotspot.Always.String() {
		return "never"
	}
	return clockTime(v.ExpiresAt, "-")
}

func (a *app) voucherShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show USERNAME", Short: "Show one voucher", Args: exactly("USERNAME"),
		ValidArgsFunction: a.completeOne(voucherNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				v, err := c.Voucher(cmd.Context(), args[0])
				if err != nil {
					return remedy(err, hotspot.CodeNotFound, noVoucherRemedy)
				}
				if a.json {
					return printJSON(a.stdout, v)
				}
				return a.printVoucher(v)
			})
		},
	}
	return cmd
}

func (a *app) printVoucher(v v1.Voucher) error {
	t := newTable(a.stdout)
	t.row("Username", v.Username)
	t.row("Passcode", v.Passcode)
	t.row("Full name", v.FullName)
	t.row("Status", v.Status)
	t.row("Valid for", v.ValidFor)
	if v.ValidFrom != nil {
		t.row("Valid from", clockTime(v.ValidFrom, ""))
	}
	t.row("Expires", expires(v))
	t.row("Download", usedOf(v.DownloadUsed, v.DownloadLimit))
	t.row("Upload", usedOf(v.UploadUsed, v.UploadLimit))
	if v.TotalLimit > 0 {
		t.row("Together", together(v))
	}
	devices := "as set by voucher.devices"
	if v.Devices > 0 {
		devices = strconv.Itoa(v.Devices)
	}
	t.row("Devices", devices)
	for _, mac := range v.Bound {
		t.row("Bound to", mac.String())
	}
	t.row("Online now", strconv.Itoa(v.Online))
	t.row("First login", clockTime(v.FirstUse, "never"))
	t.row("Last login", clockTime(v.LastUse, "never"))
	t.row("Created", clockTime(v.Created, "-"))
	if v.Note != "" {
		t.row("Note", v.Note)
	}
	return t.flush()
}
