// Package webui holds what the guest's and the operator's pages share: the
// page frame, the design tokens, the string catalogue with its formatting
// helpers, and the security headers.
//
// No sentence stands in a template or in Go code: every text is looked up by
// key in a language file (lang/en.json here and in each package of pages), so
// that another language is one more file. Pages need no script and load
// nothing from elsewhere.
package webui
