package parts

import (
	"embed"
	"strings"

	"github.com/vouchsafe/vouchsafe/webui"
)

// Files are the texts, the style and the script of the parts; see
// [webui.NewLanguages], [webui.Style] and [webui.Script].
//
//go:embed lang/*.deflate static
var Files embed.FS

// Names of files in Files.
const (
	StyleFile  = "static/panel.css"
	ScriptFile = "static/panel.js"
)

// ContentSecurityPolicy is that of the panel's pages: the shared one, and
// scripts and requests of the panel itself.
const ContentSecurityPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Kind says what a notice, a badge or a button means. The style knows these.
type Kind string

// What something means. Plain is the zero Kind.
const (
	Plain   Kind = ""
	Good    Kind = "good"
	Warning Kind = "warning"
	Bad     Kind = "bad"
	Second  Kind = "second" // of a link that stands as a button: not the main one
)

// class is the class attribute for a kind.
func (k Kind) class(base string) string { return strings.TrimSpace(base + " " + string(k)) }

// role is what a screen reader is told: bad news interrupts.
func (k Kind) role() string {
	if k == Bad {
		return "alert"
	}
	return "status"
}

// LinkView is a link with its text.
type LinkView struct {
	Text    string
	To      webui.URL
	Current bool   // it leads to the page that it stands on
	Dialog  string // id of the dialog that asks the same as the page
	Kind    Kind   // where it stands as a button
}

// Shell is a page of the panel: navigation, and what is to be seen. It is a
// [webui.View].
type Shell struct {
	webui.Page
	Nav        []LinkView
	Bare       bool        // without navigation: nobody is signed in
	Account    *LinkView   // to the pages of who is signed in, if anybody
	SignOut    *FormView   // the same
	Notice     *NoticeView // of the last action, if any
	StreamMain webui.Block
}

// NoticeView says what happened, and what to do about it.
type NoticeView struct {
	Kind   Kind
	Text   string
	Remedy string
	Action *LinkView
	Form   *FormView // a button beside it, such as to undo what was done
}

// EmptyView stands where there is nothing to show yet.
type EmptyView struct {
	Title, Text string
	Action      *LinkView
}

// BadgeView is a state in a word.
type BadgeView struct {
	Kind Kind
	Text string
}

// DialogView asks something. StreamContent is its text and its form.
type DialogView struct {
	Lang          *webui.Language
	ID, Title     string
	StreamContent webui.Block
}

// TabsView leads to the parts of a page, each with an address of its own.
type TabsView struct {
	Label string // of the navigation
	Links []LinkView
}

// CopyView is a text to be copied, such as a key.
type CopyView struct {
	Lang *webui.Language
	ID   string
	Text string
}
