// Package logins is the area of the panel with the login log.
package logins
