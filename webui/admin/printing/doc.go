// Package printing is the panel's area for vouchers on paper: what is to be
// printed, what it will look like, the sheets and the PDF, and the settings of
// both with the venue's logo.
//
// What is printed stands in the address, so that other areas lead here with
// [Path]: ids=5,9-14 for vouchers by number, or q and status as in the list of
// vouchers. layout, cut and language stand in for the settings of the same
// names, once.
package printing
