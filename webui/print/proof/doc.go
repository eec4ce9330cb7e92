// Package proof has the tests of printed vouchers that need other programs: a
// browser that prints them, readers of PDF, and the portal that their QR codes
// lead to. It is apart from package print so that the tests there run on every
// architecture.
package proof
