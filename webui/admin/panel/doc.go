// Package panel is what the areas of the operator's panel stand on: who is
// signed in, who may open which page, forms and their tokens, notices after an
// action, error pages, the frame with its navigation.
//
// An area is a package of its own beside this one. It describes itself as a
// [Section]: pages, each with the access that somebody has decided on, texts,
// and its place in the navigation. Areas know nothing of one another.
//
// # A request
//
// The kit finds out who is signed in. Without a session, a page for operators
// leads to the sign-in page and back; on a router that nobody has set up it leads
// to the first-run pages. Who may not see a page is told so. Of a POST, the
// form is read, bounded, and refused unless it came from a page of ours: its
// hidden field is bound to the session. Then the page's Serve runs. Its context
// carries who acts, for the audit log, and ends when the session does.
//
// After a POST that did something, a page says what ([Request.Say]) and goes on
// to an address that can be reloaded ([Request.Go]). What was refused is shown
// again with [Request.ShowStatus], what was typed, and [Request.Refusal] at its
// field.
package panel
