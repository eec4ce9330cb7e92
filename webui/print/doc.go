// Package print puts vouchers on paper: sheets of labels with cut marks,
// strips for thermal printers, single cards. A [Sheet] says what is printed;
// [New] checks and plans it; the [Job] writes a page for the browser's own
// print command, or a PDF, one voucher at a time.
//
// Every place on the paper is worked out here, in whole micrometres, and both
// writers draw the same plan: the page as SVG whose coordinates are
// attributes, so that it needs no style of its own, and the PDF with the fonts
// that every reader has. Those fonts show western European letters only; for
// other texts the PDF is refused with a pointer to the browser, which can
// print to a file and has the fonts.
package print
