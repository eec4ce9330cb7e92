package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

// editFlags are the values behind `voucher edit`; which of them were given,
// the flag set knows.
type editFlags struct {
	passcode, fullName, note, validFor, validFrom, extend string
	download, upload, topUpDownload, topUpUpload          uint64
	total, topUpTotal                                     uint64
	devices                                               int
	disable, enable, unbind, reset                        bool
}

func (a *app) voucherEdit() *cobra.Command {
	var (
		flags editFlags
		many  manyFlags
	)
	cmd := &cobra.Command{
		Use:   "edit USERNAME... | --where CONDITION | --all",
		Short: "Change vouchers; their guests feel it at once",
		Long: "Change the vouchers that are named, all or none, or those that are selected.\nGuests feel it at once.\n\n" +
			whereHelp,
		Example: `  vouchsafe voucher edit room7 --top-up-download 500
  vouchsafe voucher edit room7 room8 --valid-for "7 days" --devices 3
  vouchsafe voucher edit --where "note=conference*" --disable
  vouchsafe voucher edit --where status=expired --reset --dry-run`,
		DisableFlagsInUseLine: true,
		Args:                  many.args,
		ValidArgsFunction:     a.complete(voucherNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			edit, err := flags.edit(cmd)
			if err != nil {
				return err
			}
			return a.many(cmd, args, &many, bulk{
				verb: "change", done: "changed",
				named: func(c *v1.Client, names []string) error {
					return a.editBatch(cmd, c, &many, v1.EditVouchers{Usernames: names, Edit: edit})
				},
				selected: func(c *v1.Client, sel *v1.Selection, cursor string) (string, error) {
					page, err := c.EditVouchers(cmd.Context(), v1.EditVouchers{Where: sel, Cursor: cursor, Edit: edit})
					many.take(a, page.Items)
					return page.Next, err
				},
			})
		},
	}
	flags.add(cmd.Flags())
	many.add(cmd)
	return cmd
}

func (a *app) editBatch(cmd *cobra.Command, c *v1.Client, many *manyFlags, e v1.EditVouchers) error {
	page, err := c.EditVouchers(cmd.Context(), e)
	many.take(a, page.Items)
	return err
}

func (e *editFlags) add(f *pflag.FlagSet) {
	f.StringVar(&e.passcode, "passcode", "", "a new `passcode`")
	f.StringVar(&e.fullName, "fullname", "", "the `name` of whom it is for")
	f.StringVar(&e.note, "note", "", "a `note` that guests never see")
	f.StringVar(&e.validFor, "valid-for", "", "how `long` it lasts: \"6 hours\", \"1 day\", always")
	f.StringVar(&e.validFrom, "valid-from", "", "the `time` before which it is refused, in the venue's zone, or now")
	f.Uint64Var(&e.download, "download", 0, "a new download limit in `MB`; 0 for unlimited")
	f.Uint64Var(&e.upload, "upload", 0, "a new upload limit in `MB`; 0 for unlimited")
	f.Uint64Var(&e.total, "total", 0, "a new limit of download and upload together in `MB`; 0 for unlimited")
	f.Uint64Var(&e.topUpDownload, "top-up-download", 0, "add so many `MB` to the download limit")
	f.Uint64Var(&e.topUpUpload, "top-up-upload", 0, "add so many `MB` to the upload limit")
	f.Uint64Var(&e.topUpTotal, "top-up-total", 0, "add so many `MB` to the limit of both together")
	f.StringVar(&e.extend, "extend", "", "add so `long` to the validity: \"6 hours\", \"1 day\", 90m; if it is over, it ends so long from now")
	f.IntVar(&e.devices, "devices", 0, "`number` of devices that may share it; 0 for the setting voucher.devices")
	f.BoolVar(&e.disable, "disable", false, "refuse it, and end its sessions")
	f.BoolVar(&e.enable, "enable", false, "accept it again")
	f.BoolVar(&e.unbind, "unbind", false, "forget its devices, so that others may use it")
	f.BoolVar(&e.reset, "reset", false, "forget what was used, bytes and time")
}

// edit turns the flags that were given into a request.
func (e *editFlags) edit(cmd *cobra.Command) (v1.VoucherEdit, error) {
	var (
		out     v1.VoucherEdit
		err     error
		changed = cmd.Flags().Changed
	)
	if e.disable && e.enable {
		return out, usage(cmd, "--disable and --enable do not go together")
	}
	out.Passcode = given(changed("passcode"), e.passcode)
	out.FullName = given(changed("fullname"), e.fullName)
	out.Note = given(changed("note"), e.note)
	out.ValidFor = given(changed("valid-for"), e.validFor)
	if e.validFrom == "now" {
		e.validFrom = ""
	}
	out.ValidFrom = given(changed("valid-from"), e.validFrom)
	out.Devices = given(changed("devices"), e.devices)
	out.Disabled = given(e.disable || e.enable, e.disable)
	out.Extend = e.extend
	out.Unbind, out.Reset = e.unbind, e.reset

	for _, amount := range []struct {
		flag string
		mb   uint64
		set  func(bytes uint64)
	}{
		{"download", e.download, func(n uint64) { out.DownloadLimit = &n }},
		{"upload", e.upload, func(n uint64) { out.UploadLimit = &n }},
		{"top-up-download", e.topUpDownload, func(n uint64) { out.TopUpDownload = n }},
		{"top-up-upload", e.topUpUpload, func(n uint64) { out.TopUpUpload = n }},
		{"total", e.total, func(n uint64) { out.TotalLimit = &n }},
		{"top-up-total", e.topUpTotal, func(n uint64) { out.TopUpTotal = n }},
	} {
		if !changed(amount.flag) {
			continue
		}
		n, e := megabytes(cmd, amount.flag, amount.mb)
		if e != nil {
			err = e
		}
		amount.set(n)
	}
	if err == nil && out == (v1.VoucherEdit{}) {
		err = usage(cmd, "nothing to change")
	}
	return out, err
}

// given is a pointer to a value that was given, or nil.
func given[T any](ok bool, v T) *T {
	if !ok {
		return nil
	}
	return &v
}
