package panel

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// message is what knows what its text is made of; see [hotspot.Wording].
type message interface {
	Message() (format string, args []any)
}

// Words tells what the rules say, such as an error of theirs, in the page's
// language if that has words for it. They are a part of a sentence.
func (q *Request) Words(said any) string { return argument(q.Lang, "", said) }

// tell looks a text up by its English format. What is written into it goes to
// the places {1}, {2} and so on.
func tell(l *webui.Language, m message) string {
	format, args := m.Message()
	verbs := verbsOf(format, len(args))
	if len(args) == 1 && (format == "%s" || format == "%v") {
		return argument(l, "", args[0])
	}
	if !l.Has(format) {
		return english(m, format, args)
	}
	places := make([]any, 0, 2*len(args))
	for i, arg := range args {
		words := argument(l, verbs[i], arg)
		if _, told := arg.(message); !told && l.Dir == "rtl" {
			words = "\u2068" + words + "\u2069" // names and codes keep their direction
		}
		places = append(places, strconv.Itoa(i+1), words)
	}
	return l.T(format, places...)
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

// verbsOf are the verbs of a format, of which the first n are wanted.
func verbsOf(format string, n int) []string {
	verbs := make([]string, n)
	for i := range verbs {
		at := strings.IndexByte(format, '%')
		if at < 0 {
			break
		}
		end := at + 1 + strings.IndexFunc(format[at+1:], unicode.IsLetter)
		verbs[i], format = format[at:end+1], format[end+1:]
	}
	return verbs
}

// argument writes what goes to a place: numbers as the language has them. What
// is quoted in English is not quoted here: the language's text does that.
func argument(l *webui.Language, verb string, arg any) string {
	if verb == "%d" {
		if v := reflect.ValueOf(arg); v.CanInt() {
			return l.Number(v.Int())
		} else if v.CanUint() {
			return l.Number(int64(v.Uint()))
		}
	}
	switch arg := arg.(type) {
	case message:
		return tell(l, arg)
	case time.Duration:
		return l.Duration(arg)
	case rune:
		return string(arg)
	case string:
		if strings.HasSuffix(verb, "q") {
			quoted := fmt.Sprintf(verb, arg)
			return quoted[1 : len(quoted)-1]
		}
	}
	return fmt.Sprint(arg)
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
