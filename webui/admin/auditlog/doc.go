// Package auditlog is the panel's page of who changed what: found by who did it,
// by what was done and by when, newest first, and as a file for spreadsheets.
// What the log holds was typed by anybody, guests included.
package auditlog
