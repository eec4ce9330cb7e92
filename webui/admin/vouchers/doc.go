// Package vouchers is the panel's area for vouchers: the list with its search,
// one voucher, making them, changing many at once, and files of them.
//
// What is looked at stands in the address: q is a text, status a state, sort a
// column (with a minus: the last first), ids=5,9-14 are vouchers by number, and
// after or before the place where a page begins or ends. Other areas lead here
// with them, and pages here lead with them to the area that prints.
//
// A change of vouchers can be taken back for a while: [hotspot.Undo]. What is
// too much for that is said before it is done.
package vouchers
