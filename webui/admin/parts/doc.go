// Package parts holds what the pages of the operator's panel are put together
// from: the frame with its navigation, tables, forms, notices, dialogs, tabs,
// badges and plots, with their style sheet and the one script module.
//
// Each part is a struct, filled in by the handler, and a template function of
// the same name that takes a pointer to it: {%= parts.Notice(v.Saved) %} with
// the field Saved *parts.NoticeView. Texts come ready in the page's language;
// those that belong to a part itself are in lang/ here.
//
// # Without script, and with
//
// Everything works without script: what is sorted, turned over, opened or saved
// is a link or a form. The module only saves time, where attributes ask for it:
//
//   - data-swap="ID" on a link or a form: what the answer has in the element
//     with this id takes its place here, and the address bar follows a link. If
//     anything is odd (another page, an error), the browser goes there instead.
//   - data-events="/path" on an element with an id: the server's events on this
//     path say that it is no longer current, and it is fetched anew from the
//     page's own address.
//   - data-dialog="ID" on a link: the dialog with this id opens instead of the
//     page that asks the same. The dialog's own form or buttons close it.
//   - data-ticks="NAME" on a checkbox: it ticks all those of its form that have
//     this name. It stands in an element of the class ticks, which is hidden
//     without script.
//   - data-preview="ID" on a form: whenever something is typed or chosen in it,
//     the frame with this id shows what its button with the frame as formtarget
//     would bring there; at once, with data-unsaved. The browser asks before what
//     is not saved gets lost.
//   - data-copy="ID" on a button: puts the text of an element or the value of a
//     field on the clipboard, also on pages without HTTPS, and says so in the
//     element that data-said names. Such buttons are hidden without script.
//   - data-back="/path" on an element: the daemon begins anew, and the browser
//     goes there once it is back. The page has a Refresh header for the others.
//   - data-clock="SECONDS" on a hidden element with two in it: these get the
//     browser's time and, from data-same or data-other, whether it is the same.
package parts
