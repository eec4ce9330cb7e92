package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
)

// The formats of files with vouchers.
const (
	formatCSV  = "csv"
	formatJSON = "json"
)

const exportHelp = `Write vouchers to a file or, without --output, to the terminal: what an operator
decides about them, and nothing of their use. An import on another router makes
the same vouchers; to move a router with all that was used, see: backup.

In CSV, a text that a spreadsheet would take for a formula has an apostrophe
before it. An import takes it off again.

`

func (a *app) voucherExport() *cobra.Command {
	var (
		sel          selection
		format, path string
	)
	cmd := &cobra.Command{
		Use: "export", Short: "Write vouchers to a file, as CSV or JSON", Args: noArgs, Long: exportHelp + whereHelp,
		Example: `  vouchsafe voucher export -o vouchers.csv
  vouchsafe voucher export --format json --where "note=conference*"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			where, err := sel.parse(cmd)
			if err != nil {
				return err
			}
			if format == "" {
				format = formatCSV
				if a.json || strings.HasSuffix(strings.ToLower(path), ".json") {
					format = formatJSON
				}
			}
			if err := checkFormat(cmd, format); err != nil {
				return err
			}
			return a.with(cmd.Context(), reads, func(c *v1.Client) error {
				write := func(w io.Writer) error { return a.export(c.Vouchers(cmd.Context(), where), format, w) }
				if path == "" || path == "-" {
					return buffered(a.stdout, write)
				}
				return writeFile(path, func(f *os.File) error { return buffered(f, write) })
			})
		},
	}
	sel.add(cmd)
	cmd.Flags().StringVar(&format, "format", "", "csv or json (`name`); by the file's name if not given, or else csv")
	cmd.Flags().StringVarP(&path, "output", "o", "", "`file` to write")
	_ = cmd.MarkFlagFilename("output")
	return cmd
}

func checkFormat(cmd *cobra.Command, format string) error {
	if format != formatCSV && format != formatJSON {
		return usage(cmd, "--format %q is neither csv nor json", format)
	}
	return nil
}

func (a *app) export(vouchers iter.Seq2[v1.Voucher, error], format string, w io.Writer) error {
	bar, n := a.progress("written", 0), 0
	defer bar.end()
	rows := func(yield func(v1.ImportVoucher, error) bool) {
		for v, err := range vouchers {
			n++
			bar.at(n)
			if !yield(exported(v), err) {
				return
			}
		}
	}
	if format == formatJSON {
		return streamJSON(w, rows)
	}
	out := sheet.NewCSVWriter(w)
	for v, err := range rows {
		if err != nil {
			return err
		}
		if err := out.Write(sheet.Voucher(v)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// exported is what an export says of a voucher: what the operator decided about
// it, and nothing of its use.
func exported(v v1.Voucher) v1.ImportVoucher {
	from := ""
	if v.ValidFrom != nil {
		from = v.ValidFrom.Format(time.RFC3339)
	}
	return v1.ImportVoucher{
		Username: &v.Username, Passcode: &v.Passcode, FullName: &v.FullName, Note: &v.Note,
		ValidFor: &v.ValidFor, ValidFrom: &from, DownloadLimit: &v.DownloadLimit, UploadLimit: &v.UploadLimit, TotalLimit: &v.TotalLimit,
		Devices: &v.Devices, Disabled: &v.Disabled,
	}
}

const importHelp = `Make vouchers from a file, all or none: CSV as spreadsheets write it, or JSON as
an export does. - is what is piped in. A file of more than 5000 vouchers is first
checked as a whole, and then imported 5000 at a time, so that guests can log in
meanwhile.

The first line of a CSV file names the columns, in any order: username,
passcode, full_name, note, valid_for, valid_from, download_limit, upload_limit,
total_limit, devices, disabled. A voucher without a username or passcode gets a random one. A
column that is left out takes the settings' values or, of a voucher that is
updated, stays as it is. A limit without a unit is in MB; empty is unlimited.
Commas, semicolons or tabs may part the cells.

What was used is not imported: to move a router, see: backup.`

// importFlags are the flags of `voucher import`.
type importFlags struct {
	format, conflict string
	dryRun           bool
}

func (a *app) voucherImport() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use: "import FILE|-", Short: "Make vouchers from a file, CSV or JSON", Long: importHelp, Args: exactly("FILE"),
		Example: `  vouchsafe voucher import vouchers.csv --dry-run
  vouchsafe voucher import vouchers.csv --on-conflict update`,
		ValidArgsFunction: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch hotspot.OnConflict(flags.conflict) {
			case hotspot.ConflictFail, hotspot.ConflictSkip, hotspot.ConflictUpdate:
			default:
				return usage(cmd, "--on-conflict %q is not fail, skip or update", flags.conflict)
			}
			if flags.format != "" {
				if err := checkFormat(cmd, flags.format); err != nil {
					return err
				}
			}
			in, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			return a.with(cmd.Context(), writes, func(c *v1.Client) error {
				imp := &importer{a: a, c: c, flags: flags}
				result, err := imp.run(cmd.Context(), in)
				if err != nil {
					return inFile(args[0], err)
				}
				return a.print(result, importText(result))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.format, "format", "", "csv or json (`name`); found out if not given")
	f.StringVar(&flags.conflict, "on-conflict", string(hotspot.ConflictFail), "`what` becomes of a username that is taken: fail (nothing is imported), skip or update")
	f.BoolVar(&flags.dryRun, "dry-run", false, "check all of it, and keep nothing")
	return cmd
}

// inFile names the file.
func inFile(path string, err error) error {
	var wrong *sheet.Error
	if !errors.As(err, &wrong) {
		return err
	}
	if path == "-" {
		path = "standard input"
	}
	return fmt.Errorf("%s: %w", path, err)
}

func importText(r v1.ImportResult) string {
	made, updated, skipped := "made", "updated", "left as it was"
	if r.DryRun {
		made, updated, skipped = "would be made", "would be updated", "would be left as it is"
	}
	text := vouchers(r.Created) + " " + made
	if r.Updated > 0 {
		text += ", " + strconv.Itoa(r.Updated) + " " + updated
	}
	if r.Skipped > 0 {
		text += ", " + strconv.Itoa(r.Skipped) + " " + skipped
	}
	return text + "\n"
}
