// Package guests is the panel's area of the devices on the guest network: who is
// online, who is seen and not let in, which devices are blocked, and what is
// known of one. Lists are shown 50 rows at a time, however many there are, and
// brought up to date while they are open.
package guests
