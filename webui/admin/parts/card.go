package parts

import (
	"net/url"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/webui"
)

// CardView is a part of a page with a heading of its own.
type CardView struct {
	ID            string // to lead to; may be empty
	Title         string
	Badge         *BadgeView // of its state, beside the heading
	Texts         []string   // paragraphs
	List          []string   // below them
	StreamContent webui.Block
}

// FormCard is a card with a form.
func FormCard(title string, form *FormView, texts ...string) *CardView {
	return &CardView{Title: title, Texts: texts, StreamContent: func(w *quicktemplate.Writer) { StreamForm(w, form) }}
}

// LinksBlock prints links side by side.
func LinksBlock(list ...LinkView) webui.Block {
	return func(w *quicktemplate.Writer) { StreamLinks(w, list) }
}

// FactView is a figure or a word with its name.
type FactView struct {
	_          [0]func() // never compared: see webui.URL
	Name, Text string
	Detail     string // below, in small letters
	Typed      bool   // by people
	Code       bool   // an address, a key: written from left to right
	Badge      *BadgeView
}

// FactsView is a list of facts about one thing.
type FactsView struct {
	Rows []FactView
}

// FilterView is a form that asks for another view of the same page: what is
// chosen stands in the page's address.
type FilterView struct {
	To           webui.URL
	Swap         string // id of what the answer replaces, if not the page
	Submit       string
	Reset        *LinkView // to the page without it, if it is in use
	StreamFields webui.Block
}

// hidden are the names and values that the address of the page has already:
// browsers drop them from the action of such a form.
func (v *FilterView) hidden() []OptionView {
	u, err := url.Parse(v.To.Href())
	if err != nil {
		return nil
	}
	var all []OptionView
	for name, values := range u.Query() {
		for _, value := range values {
			all = append(all, OptionView{Value: value, Text: name})
		}
	}
	return all
}

// ConfirmView is a page that asks whether something shall be done, and says
// what comes of it.
type ConfirmView struct {
	Texts []string
	List  []string // what comes of it
	Form  FormView
}

// Fields prints fields of a form, one below the other.
func Fields(list ...*FieldView) webui.Block {
	return func(w *quicktemplate.Writer) {
		for _, v := range list {
			StreamField(w, v)
		}
	}
}
