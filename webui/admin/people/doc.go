// Package people is the area of the panel about those who log in by anything
// but a voucher: lists, what is known of one person, its export and its
// deletion, and how long people are remembered.
package people
