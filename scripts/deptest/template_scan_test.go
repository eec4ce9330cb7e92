package deptest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// place is where in HTML a template stands.
type place string

const (
	inText   place = "text"
	inTag    place = "a tag" // between attributes
	inName   place = "a tag's name"
	atName   place = "a tag, right after its name"
	inAttr   place = "an attribute's name"
	atValue  place = "an attribute before its quotes"
	inValue  place = "an attribute's value"
	inRemark place = "a comment"
)

var (
	bannedElements   = []string{"style", "base", "frame", "object", "embed", "applet", "animate", "set", "foreignobject", "noscript", "plaintext", "xmp"}
	bannedAttributes = []string{"style", "srcdoc", "http-equiv"}
	addresses        = []string{"href", "src", "action", "formaction", "poster", "cite", "data", "xlink:href", "data-events"}
	lists            = []string{"srcset", "imagesrcset", "ping", "background", "manifest"} // of addresses, or obsolete
	spoken           = []string{"title", "alt", "placeholder", "aria-label", "aria-description", "label"}
	vouched          = regexp.MustCompile(`^[\w.&\[\]()]+\.Href\(\)$`)
	tag              = regexp.MustCompile(`(?s)\{%-?((?:"(?:[^"\\]|\\.)*"|` + "`[^`]*`" + `|.)*?)-?%\}`)
)

// scan walks through the HTML of one template file.
type scan struct {
	line     int
	faults   []string
	function bool // inside of one
	at       place
	element  string // whose tag it is in, or a script whose text it is in
	boxed    bool   // it is an iframe in which nothing runs and from which nothing is sent
	attr     string
	value    string  // so far; each tag as \x00
	branches []place // where each open if, for or switch began
}

// checkTemplate returns what is wrong with a template file.
func checkTemplate(src string) []string {
	s := &scan{line: 1, at: inText}
	if strings.Contains(src, "422016") {
		s.fault("a name of the compiler's own: 422016")
	}
	for src != "" {
		m := tag.FindStringSubmatchIndex(src)
		if m == nil {
			m = []int{len(src), len(src), len(src), len(src)}
		}
		if s.function {
			for _, c := range src[:m[0]] {
				s.html(c)
				s.lines(string(c))
			}
		} else {
			s.lines(src[:m[0]])
		}
		if m[1] > m[0] {
			s.tag(src[m[2]:m[3]])
		}
		s.lines(src[m[0]:m[1]])
		src = src[m[1]:]
	}
	return s.faults
}

func (s *scan) lines(text string) { s.line += strings.Count(text, "\n") }

func (s *scan) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(":%d: ", s.line)+fmt.Sprintf(format, args...))
}

// tag is a tag of the template.
func (s *scan) tag(inside string) {
	fields := strings.Fields(inside)
	if len(fields) == 0 {
		return
	}
	name, rest := fields[0], strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(inside), fields[0]))
	if inside[0] != ' ' { // {%s x %} prints, {% s %} would be a keyword
		s.output(name, rest)
		return
	}
	switch name {
	case "func":
		s.function, s.at, s.branches = true, inText, nil
	case "endfunc":
		if s.at != inText || s.element != "" {
			s.fault("the function ends inside %s", s.at)
		}
		if len(s.branches) > 0 {
			s.fault("an if, for or switch is not closed")
		}
		s.function, s.element = false, ""
	case "import", "collapsespace", "endcollapsespace", "stripspace", "endstripspace", "comment", "endcomment":
	case "if", "for", "switch":
		s.control()
		s.branches = append(s.branches, s.at)
	case "elseif", "else", "case", "default", "endif", "endfor", "endswitch":
		s.control()
		s.branch(strings.HasPrefix(name, "end"))
	case "break", "continue", "return", "space", "newline":
		s.control()
	default:
		s.fault("{%% %s %%} is not for templates", name)
	}
}

// control is a tag that prints nothing. It ends the name of an attribute.
func (s *scan) control() {
	switch s.at {
	case inAttr:
		s.at, s.attr = inTag, ""
	case inName:
		if s.element == "" {
			s.fault("a tag inside %s", s.at)
			break
		}
		s.named()
		s.at = atName
	case atValue, inRemark:
		s.fault("a tag inside %s", s.at)
	}
	if s.at == inValue && slices.Contains(addresses, s.attr) {
		s.fault("%s is a constant or {%%s ….Href() %%} as a whole", s.attr)
	}
}

// branch makes sure that all branches end in the same place.
func (s *scan) branch(last bool) {
	if len(s.branches) == 0 {
		s.fault("nothing is open here")
		return
	}
	began := s.branches[len(s.branches)-1]
	if s.at != began && (s.at != inTag || began != atName) {
		s.fault("branches end in %s and in %s", began, s.at)
	}
	s.at = began // without the branch, the name has only just ended
	if last {
		s.branches = s.branches[:len(s.branches)-1]
	}
}

// output is a tag that prints something.
func (s *scan) output(name, expression string) {
	switch name {
	case "s", "d", "dl", "dul", "f", "f.1", "f.2":
	case "=":
		if s.at != inText || s.element != "" {
			s.fault("a component inside %s", s.at)
		}
		return
	default:
		s.fault("{%%%s %%} is not for templates", name)
		return
	}
	switch {
	case s.at == inText && s.element != "":
		s.fault("<%s> with text", s.element)
	case s.at == inText:
	case s.at == inRemark:
		s.fault("printed in a comment")
	case s.at != inValue:
		s.fault("printed outside of quotes, in %s", s.at)
	case slices.Contains(lists, s.attr):
		s.fault("%s is not to be printed", s.attr)
	case slices.Contains(addresses, s.attr) && (s.value != "" || !vouched.MatchString(expression)):
		s.fault("%s is a constant or {%%s ….Href() %%} as a whole", s.attr)
	}
	s.value += "\x00"
}

// html is one character of HTML.
func (s *scan) html(c rune) {
	space := c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
	switch s.at {
	case inText:
		s.text(c, space)
	case inRemark:
		if c == '>' {
			s.at = inText
		}
	case inName:
		switch {
		case space || c == '>' || c == '/' && s.element != "":
			s.named()
			s.at = inTag
			s.inTag(c, space)
		default:
			s.element += strings.ToLower(string(c))
			if s.element == "!" {
				s.at = inRemark // also the doctype
			}
		}
	case atName:
		if !space && c != '>' && c != '/' {
			s.fault("a tag's name goes on after what may be left out")
		}
		s.at = inTag
		s.inTag(c, space)
	case inTag:
		s.inTag(c, space)
	case inAttr:
		switch {
		case c == '=':
			s.at, s.value = atValue, ""
			s.attribute()
		case space || c == '>' || c == '/':
			s.attribute()
			s.at = inTag
			s.inTag(c, space)
		default:
			s.attr += strings.ToLower(string(c))
		}
	case atValue:
		if c != '"' {
			s.fault("the value of %s is not in double quotes", s.attr)
		}
		s.at = inValue
	case inValue:
		if c == '"' {
			s.boxed = s.boxed || s.attr == "sandbox" && (s.value == "" || s.value == "allow-same-origin")
			s.at, s.attr = inTag, ""
			break
		}
		if slices.Contains(spoken, s.attr) && unicode.IsLetter(c) {
			s.fault("a word of its own in %s: texts are looked up", s.attr)
		}
		if slices.Contains(addresses, s.attr) && strings.Contains(s.value, "\x00") {
			s.fault("%s is a constant or {%%s ….Href() %%} as a whole", s.attr)
		}
		s.value += string(c)
	}
}

// text is a character between tags.
func (s *scan) text(c rune, space bool) {
	switch {
	case c == '<':
		s.at, s.element = inName, ""
	case !space && s.element != "":
		s.fault("<%s> with text", s.element)
	case unicode.IsLetter(c):
		s.fault("a word of its own: texts are looked up")
	}
}

func (s *scan) inTag(c rune, space bool) {
	switch {
	case c == '>':
		s.at = inText
		if s.element == "iframe" && !s.boxed {
			s.fault("<iframe> is not for our pages, but in a sandbox that allows no script and no form")
		}
		if s.element != "script" {
			s.element = ""
		}
	case c == '=':
		s.fault("an attribute without a name")
	case !space && c != '/':
		s.at, s.attr = inAttr, strings.ToLower(string(c))
	}
}

// named judges an element once its name is known.
func (s *scan) named() {
	s.boxed = false
	if slices.Contains(bannedElements, s.element) {
		s.fault("<%s> is not for our pages", s.element)
	}
}

// attribute judges an attribute once its name is known.
func (s *scan) attribute() {
	if slices.Contains(bannedAttributes, s.attr) || strings.HasPrefix(s.attr, "on") {
		s.fault("%s is not for our pages", s.attr)
	}
}
