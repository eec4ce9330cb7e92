package panel

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel/machine"
)

// message is what knows what its text is made of; see [hotspot.Wording].
type message interface {
	Message() (format string, args []any)
}

// Words tells what the rules say, such as an error of theirs, in the page's
// language if that has words for it. They are a part of a sentence.
func (q *Request) Words(said any) string { return argument(q.Lang, "v", said) }

// tell looks a text up by its English format. What is written into it goes to
// the places {1}, {2} and so on.
func tell(l *webui.Language, m message) string {
	format, args := m.Message()
	if len(args) == 1 && (format == "%s" || format == "%v") {
		return argument(l, "v", args[0])
	}
	key := machine.Key(format)
	if !l.Has(key) {
		return english(m, format, args)
	}
	verbs := strings.Split(format, "%")[1:]
	places := make([]any, 0, 2*len(verbs))
	for i, verb := range verbs {
		words := argument(l, verb, args[i])
		if l.Dir == "rtl" && !told(l, args[i]) {
			words = "\u2068" + words + "\u2069" // names and codes keep their direction
		}
		places = append(places, strconv.Itoa(i+1), words)
	}
	return l.T(key, places...)
}

// told reports whether a value is told in the page's language.
func told(l *webui.Language, arg any) bool {
	switch arg := arg.(type) {
	case message:
		format, args := arg.Message()
		return l.Has(machine.Key(format)) || len(args) == 1 && told(l, args[0])
	case error:
		return true
	}
	return false
}

// english is what the rules say in their own language.
func english(m message, format string, args []any) string {
	if e, ok := m.(*hotspot.Error); ok {
		return e.Text // which may be more exact; see [hotspot.Error.Meaning]
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// argument writes what goes to a place, after the format from the letters of its
// verb on: numbers as the language has them. What is quoted in English is not
// quoted here: the language's text does that.
func argument(l *webui.Language, verb string, arg any) string {
	end := strings.IndexFunc(verb, unicode.IsLetter)
	switch arg := arg.(type) {
	case message:
		return tell(l, arg)
	case error:
		return because(l, arg)
	case time.Duration:
		if verb[end] != 'd' {
			return l.Duration(arg)
		}
	}
	text := fmt.Sprintf("%"+verb[:end+1], arg)
	switch verb[end] {
	case 'q':
		return text[1 : len(text)-1]
	case 'd':
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return l.Number(n)
		}
	}
	return text
}

// sentence makes words stand by themselves.
func sentence(words string) string {
	first, n := utf8.DecodeRuneInString(words)
	if n == 0 {
		return ""
	}
	last, _ := utf8.DecodeLastRuneInString(words)
	words = string(unicode.ToUpper(first)) + words[n:]
	if !strings.ContainsRune(".!?؟…", last) {
		words += "."
	}
	return words
}
