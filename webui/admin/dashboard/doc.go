// Package dashboard is the panel's first page: who is online and how much goes
// through, what went on today and this month, and whether anything needs a look.
// Warnings stand first, each with what to do. A hotspot that nobody has used yet
// says what to do next.
package dashboard
