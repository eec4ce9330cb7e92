package parts

import "github.com/vouchsafe/vouchsafe/webui"

// FieldView is a field of a form with its label, and below it what helps to
// fill it in, or what was wrong with it.
type FieldView struct {
	ID, Name, Label string
	Value           string
	Help, Error     string
	// Type is an input's; "" is text. Lines, Options and Checkbox make it
	// something else.
	Type                    string
	Autocomplete, InputMode string
	Accept                  string // media types of an input of the type file
	MaxLength               int    // 0: any
	Required                bool
	Lines                   int          // more than 0: a textarea
	Options                 []OptionView // if any: a select
	Checkbox                bool
	Checked                 bool
}

// OptionView is one of a field's values to choose from.
type OptionView struct {
	Value, Text string
}

// FormView is a form that changes something. StreamFields prints its fields.
type FormView struct {
	To           webui.URL
	Token        string // against forms of other sites, if any
	Swap         string // id of what the answer replaces, if not the page
	File         bool   // its last field is a file; it goes without Swap
	Submit       ButtonView
	Cancel       *LinkView
	StreamFields webui.Block
}

// ButtonView is a button that sends a form. Bad stands for what cannot be
// undone.
type ButtonView struct {
	Text        string
	Kind        Kind
	Second      bool // beside a more likely one
	Name, Value string
}

// class is the button's class attribute.
func (v *ButtonView) class() string {
	if v.Second {
		return v.Kind.class("button second")
	}
	return v.Kind.class("button")
}

// described names what the field is described by.
func (v *FieldView) described() string {
	switch {
	case v.Error != "":
		return v.ID + "-error"
	case v.Help != "":
		return v.ID + "-help"
	}
	return ""
}

// kind is the type of the input.
func (v *FieldView) kind() string {
	switch {
	case v.Checkbox:
		return "checkbox"
	case v.Type == "":
		return "text"
	}
	return v.Type
}
