package webui

// plural is a rule for the form of a text that goes with a number, after the
// plural rules of Unicode's CLDR for whole numbers.
type plural struct {
	forms  []string // in the order in which a language file lists them
	choose func(n uint64) string
}

// plurals are the rules by the name that a language file gives: the forms that
// there are, from which the rule follows in all languages that we know.
//
// CLDR gives Italian, Spanish and others one more form for whole millions
// ("1 milione di ore"). Numbers are written in digits here and stay far below
// that.
var plurals = map[string]plural{
	"other": {[]string{"other"}, func(uint64) string { return "other" }},
	"one-other": {[]string{"one", "other"}, func(n uint64) string {
		if n == 1 {
			return "one"
		}
		return "other"
	}},
	"zero-one-two-few-many-other": {[]string{"zero", "one", "two", "few", "many", "other"}, arabic},
}

func arabic(n uint64) string {
	switch rest := n % 100; {
	case n == 0:
		return "zero"
	case n == 1:
		return "one"
	case n == 2:
		return "two"
	case rest >= 3 && rest <= 10:
		return "few"
	case rest >= 11:
		return "many"
	}
	return "other"
}

// Forms are the endings of the keys of a text that depends on a number: "n.one"
// and "n.other" are the forms of "n".
func (l *Language) Forms() []string { return plurals[l.plural].forms }

// N returns the text of a key in the form for a number, which replaces {n}.
func (l *Language) N(key string, n int64) string {
	amount := uint64(n)
	if n < 0 {
		amount = -amount
	}
	form := key + "." + plurals[l.plural].choose(amount)
	if _, ok := l.texts()[form]; !ok && l.fallback != nil {
		return l.fallback.N(key, n) // whose forms are others
	}
	return l.T(form, "n", n)
}
