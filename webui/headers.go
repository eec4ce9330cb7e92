package webui

import "net/http"

// securityHeaders go with every answer.
//
// Referrer-Policy is same-origin, not no-referrer: with no-referrer browsers
// send "Origin: null" with our own forms, and the check that a form came from
// our own page could not be made. Nothing is told to other sites either way.
//
// form-action 'self' also binds redirects after a POST in Chromium: answer
// forms with a redirect to a path of the same host only.
var securityHeaders = [...][2]string{
	{"Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"}, // for browsers that do not know frame-ancestors
	{"Referrer-Policy", "same-origin"},
	{"Cache-Control", "no-store"},
}

// SecurityHeaders sets the headers that every page needs before next runs,
// which may change them.
func SecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, kv := range securityHeaders {
			h.Set(kv[0], kv[1])
		}
		next.ServeHTTP(w, r)
	})
}
