package api

// Action describes one action of the action API, for those who serve it and
// those who explain it.
type Action struct {
	Name   string
	Scope  Scope         // what a key needs to use it
	Params []ActionParam // besides "api-key" and "action", which all take
}

// ActionParam is a parameter of an action.
type ActionParam struct {
	_ [0]func() // never compared

	Name     string
	Required bool
	Number   bool
	// Example is a value as it may stand in a request; empty: it is left out of
	// examples.
	Example string
}

// Actions is the one table of the action API's actions, in the order in which
// they are explained.
func Actions() []Action {
	page := []ActionParam{{Name: "limit", Number: true}, {Name: "after_id", Number: true}}
	return []Action{
		{"create_voucher", ScopeVouchers, []ActionParam{
			{Name: "username", Example: "user123"}, {Name: "passcode", Example: "pass123"}, {Name: "fullname", Example: "John Doe"},
			{Name: "valid_for", Example: "1 day"}, {Name: "valid_from", Example: "2030-01-17 10:00:00"},
			{Name: "download_limit", Number: true, Example: "1024"}, {Name: "upload_limit", Number: true, Example: "512"},
		}},
		{"remove_voucher", ScopeVouchers, []ActionParam{{Name: "username", Required: true, Example: "user123"}}},
		{"get_voucher_users", ScopeVouchers, page},
		{"get_email_users", ScopeUsers, page},
		{"get_fb_users", ScopeUsers, page},
		{"get_mobile_users", ScopeUsers, page},
		{"get_free_users", ScopeUsers, page},
		{"get_logins", ScopeUsers, page},
		{"get_guest_hosts", ScopeLive, page},
		{"get_active_guests", ScopeLive, page},
	}
}
