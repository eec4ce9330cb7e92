package loginpage

import (
	"net/url"
	"slices"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// part is one part of the editor: a form, with an address of its own.
type part struct {
	name   string
	fields []field
}

// field is a setting in a form. Its name there is its key.
type field struct {
	key  string
	kind kind
	// most bounds a text, in characters; lines is how many are seen at once.
	most, lines int
}

// kind is how a setting is chosen.
type kind uint8

const (
	kindText kind = iota
	kindFlag
	kindColor
	kindOrder     // of the methods, with buttons
	kindLanguages // boxes, of which one must be ticked
	kindLanguage  // one of them
)

// allParts are the parts in the order of their tabs.
var allParts = [...]part{
	{"methods", []field{{key: "login.order", kind: kindOrder}, {key: "login.voucher", kind: kindFlag}, {key: "login.email", kind: kindFlag},
		{key: "login.free", kind: kindFlag}, {key: "portal.consent", most: 500, lines: 3}}},
	{"texts", []field{{key: "venue.name", most: 100}, {key: "portal.title", most: 100}, {key: "portal.text", most: 2000, lines: 4},
		{key: "portal.terms", most: 20000, lines: 8}, {key: "portal.terms_accept", kind: kindFlag}}},
	{"questions", []field{{key: "portal.field1", most: 64}, {key: "portal.field1_required", kind: kindFlag},
		{key: "portal.field2", most: 64}, {key: "portal.field2_required", kind: kindFlag},
		{key: "portal.field3", most: 64}, {key: "portal.field3_required", kind: kindFlag}}},
	{"look", []field{{key: "portal.color", kind: kindColor}}},
	{"languages", []field{{key: "portal.languages", kind: kindLanguages}, {key: "portal.language", kind: kindLanguage}}},
	{"access", []field{{key: "portal.password", most: 64}}},
}

// partOf finds a part by its name, or nil.
func partOf(name string) *part {
	for i := range allParts {
		if allParts[i].name == name {
			return &allParts[i]
		}
	}
	return nil
}

// address is where the part is edited.
func (p *part) address() string {
	if p == &allParts[0] {
		return path
	}
	return path + "/" + p.name
}

// read takes the part's settings out of a form. tags are those of all languages
// that there are: to choose all is to choose those that come later, too.
func (p *part) read(form url.Values, tags []string) map[string]string {
	values := map[string]string{}
	for _, f := range p.fields {
		switch v := form.Get(f.key); f.kind {
		case kindFlag:
			values[f.key] = "off"
			if v != "" {
				values[f.key] = "on"
			}
		case kindLanguages:
			values[f.key] = strings.Join(form[f.key], ",")
			if !slices.ContainsFunc(tags, func(tag string) bool { return !slices.Contains(form[f.key], tag) }) {
				values[f.key] = "all"
			}
		default:
			values[f.key] = strings.ReplaceAll(v, "\r\n", "\n")
		}
	}
	return values
}

// stored are the part's settings in force.
func (p *part) stored(s hotspot.Settings) map[string]string {
	values := map[string]string{}
	for _, f := range p.fields {
		values[f.key] = s.Value(f.key)
	}
	return values
}

// moved is an order of methods with one of them moved up or down among those
// that can be offered: "email up". What cannot be done changes nothing.
func moved(order []hotspot.Method, move string) []hotspot.Method {
	name, way, _ := strings.Cut(move, " ")
	order = slices.Clone(order)
	at := slices.Index(order, hotspot.Method(name))
	to := at
	switch way {
	case "up":
		to--
	case "down":
		to++
	}
	if at >= 0 && to >= 0 && to < len(order) {
		order[at], order[to] = order[to], order[at]
	}
	return order
}

// offerable is an order without the methods that cannot be offered, and with
// those that it does not name.
func offerable(order string, methods []hotspot.Method) []hotspot.Method {
	var all []hotspot.Method
	for name := range strings.SplitSeq(order, ",") {
		if m := hotspot.Method(strings.TrimSpace(name)); slices.Contains(methods, m) && !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	for _, m := range methods {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

// joined writes an order as the setting has it.
func joined(order []hotspot.Method) string {
	names := make([]string, len(order))
	for i, m := range order {
		names[i] = string(m)
	}
	return strings.Join(names, ",")
}
