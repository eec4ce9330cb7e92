package sheet

import (
	"errors"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// column is one column of a CSV file.
type column struct {
	name  string
	read  func(v *Voucher, cell string) error
	write func(v *Voucher) string
}

// columns are in the order in which they are written.
func columns() []*column {
	return []*column{
		text("username", func(v *Voucher) **string { return &v.Username }),
		text("passcode", func(v *Voucher) **string { return &v.Passcode }),
		text("full_name", func(v *Voucher) **string { return &v.FullName }),
		text("note", func(v *Voucher) **string { return &v.Note }),
		plain("valid_for", func(v *Voucher) **string { return &v.ValidFor }),
		plain("valid_from", func(v *Voucher) **string { return &v.ValidFrom }),
		amount("download_limit", func(v *Voucher) **uint64 { return &v.DownloadLimit }),
		amount("upload_limit", func(v *Voucher) **uint64 { return &v.UploadLimit }),
		amount("total_limit", func(v *Voucher) **uint64 { return &v.TotalLimit }),
		devices(),
		disabled(),
	}
}

func columnOf(name string) *column {
	for _, c := range columns() {
		if c.name == name {
			return c
		}
	}
	return nil
}

func columnNames() string {
	var names []string
	for _, c := range columns() {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// text is a column of any text. A spreadsheet must not take it for a formula.
func text(name string, at func(*Voucher) **string) *column {
	return &column{name,
		func(v *Voucher, cell string) error {
			s := unguard(cell)
			// Nobody wants the username or the passcode "".
			if s != "" || name != "username" && name != "passcode" {
				*at(v) = &s
			}
			return nil
		},
		func(v *Voucher) string { return guard(value(*at(v))) }}
}

// plain is a column of words that the API reads.
func plain(name string, at func(*Voucher) **string) *column {
	return &column{name,
		func(v *Voucher, cell string) error {
			s := strings.TrimSpace(cell)
			*at(v) = &s
			return nil
		},
		func(v *Voucher) string { return value(*at(v)) }}
}

// amount is a column of bytes.
func amount(name string, at func(*Voucher) **uint64) *column {
	return &column{name,
		func(v *Voucher, cell string) error {
			n, err := ParseAmount(cell)
			*at(v) = &n
			return err
		},
		func(v *Voucher) string { return FormatAmount(value(*at(v))) }}
}

func devices() *column {
	return &column{"devices",
		func(v *Voucher, cell string) error {
			n := 0
			if cell = strings.TrimSpace(cell); cell != "" {
				var err error
				if n, err = strconv.Atoi(cell); err != nil {
					return hotspot.Worded("%q is not a number of devices (0: the setting voucher.devices)", clip(cell))
				}
			}
			v.Devices = &n
			return nil
		},
		func(v *Voucher) string { return strconv.Itoa(value(v.Devices)) }}
}

func disabled() *column {
	return &column{"disabled",
		func(v *Voucher, cell string) error {
			off := false
			switch strings.ToLower(strings.TrimSpace(cell)) {
			case "", "no", "false", "0":
			case "yes", "true", "1":
				off = true
			default:
				return hotspot.Worded("%q is neither yes nor no", clip(cell))
			}
			v.Disabled = &off
			return nil
		},
		func(v *Voucher) string {
			if value(v.Disabled) {
				return "yes"
			}
			return "no"
		}}
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// units are the units of amounts, largest first.
var units = [...]struct {
	name string
	n    uint64
}{{"GB", hotspot.MB << 10}, {"MB", hotspot.MB}, {"kB", 1 << 10}, {"B", 1}}

// ParseAmount reads an amount; a number without a unit is in MB, as it is on
// the command line.
func ParseAmount(cell string) (uint64, error) {
	s := strings.ToLower(strings.TrimSpace(cell))
	if s == "" || s == "unlimited" {
		return 0, nil
	}
	unit := uint64(hotspot.MB)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, strings.ToLower(u.name)); ok {
			s, unit = strings.TrimSpace(rest), u.n
			break
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && n > hotspot.MaxLimitMB*hotspot.MB/unit:
		return 0, hotspot.Worded("a limit is at most %d MB", hotspot.MaxLimitMB)
	case err != nil:
		return 0, hotspot.Worded("%q is not an amount such as \"500 MB\", \"2 GB\" or unlimited", clip(cell))
	}
	return n * unit, nil
}

// FormatAmount writes an amount exactly, in its largest unit.
func FormatAmount(n uint64) string {
	if n == 0 {
		return "unlimited"
	}
	for _, u := range units {
		if n%u.n == 0 {
			return strconv.FormatUint(n/u.n, 10) + " " + u.name
		}
	}
	return ""
}

// risky begins what spreadsheets take for a formula, and what protects from it.
const risky = "=+-@\t\r'\uff1d\uff0b\uff0d\uff20"

// guard keeps a spreadsheet from taking a text for a formula: an apostrophe
// before it says that it is text.
func guard(s string) string {
	if s != "" && strings.ContainsRune(risky, firstRune(s)) {
		return "'" + s
	}
	return s
}

// unguard takes off what guard put on, and leaves an apostrophe of the text's.
func unguard(s string) string {
	rest, ok := strings.CutPrefix(s, "'")
	if ok && rest != "" && strings.ContainsRune(risky, firstRune(rest)) {
		return rest
	}
	return s
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}
