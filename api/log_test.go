package api

import "testing"

// TestNobodyIsNamedInTheLog: what is asked about people does not outlive them.
func TestNobodyIsNamedInTheLog(t *testing.T) {
	for path, want := range map[string]string{
		"/users":                              "/users",
		"/users/find":                         "/users/find",
		"/users/free-12/delete":               "/users/free-12/delete",
		"/api/v1/users/email-3":               "/api/v1/users/email-3",
		"/users/anna@example.org/export":      "/users/…/export",
		"/api/v1/users/anna@example.org":      "/api/v1/users/…",
		"/api/v1/users/15559876543":           "/api/v1/users/…",
		"/users/02:00:5E:10:00:01/delete":     "/users/…/delete",
		"/users/02-00-5e-10-00-01":            "/users/…",
		"/users/aa-bb-cc-dd-ee-ff/delete":     "/users/…/delete",
		"/users/anna@example.org/users/x@y.z": "/users/…/users/x@y.z",
		"/vouchers/anna":                      "/vouchers/anna",
	} {
		if got := nameless(path); got != want {
			t.Errorf("%s is logged as %s, want %s", path, got, want)
		}
	}
}
