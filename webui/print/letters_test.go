package print

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int // in letters of the typewriter
		keep  bool
		want  []string
	}{
		{"", 10, false, nil},
		{"one two three", 7, false, []string{"one two", "three"}},
		{"  one   two  ", 7, false, []string{"one two"}},
		{"one two", 3, false, []string{"one", "two"}},
		{"abcdefgh", 3, false, []string{"abc", "def", "gh"}},
		{"ab cdefgh", 4, false, []string{"ab", "cdef", "gh"}},
		{"a\nb\n\nc", 4, false, []string{"a", "b", "c"}},
		{"a  b c", 3, true, []string{"a  ", "b c"}},
		{"x", 0, false, []string{"x"}},
		{"e\u0301e\u0301e\u0301", 4, true, []string{"e\u0301e\u0301", "e\u0301"}},
	} {
		if d := cmp.Diff(c.want, wrap(c.text, mono, c.limit*monoWidth, c.keep)); d != "" {
			t.Errorf("%q in %d: %s", c.text, c.limit, d)
		}
	}
}

func FuzzWrap(f *testing.F) {
	for _, s := range hostileNames {
		f.Add(s, 3000, true)
		f.Add(s, 5000, false)
	}
	f.Fuzz(func(t *testing.T, s string, limit int, keep bool) {
		s, limit = oneLine(s), min(max(limit, 0), 1_000_000)
		lines := wrap(s, sans, limit, keep)
		want, got := s, strings.Join(lines, "")
		if !keep {
			want, got = strings.Join(strings.Fields(s), ""), strings.Join(strings.Fields(got), "")
		}
		if got != want {
			t.Fatalf("%q became %q", s, lines)
		}
		for _, l := range lines {
			first, n := utf8.DecodeRuneInString(l)
			if _, exact := width(first, sans); !exact {
				continue
			}
			if em, _ := measure(l, sans); em > limit && n < len(l) && ascii(l) {
				t.Fatalf("%q is %d wide, more than %d", l, em, limit)
			}
		}
	})
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                   "plain",
		"a\x00b\x1b\x7f\u0085c":   "a\uFFFDb\uFFFD\uFFFD\uFFFDc",
		"one\r\ntwo\nthree\tfour": "one\ntwo\nthree four",
		"bad\xffutf8":             "bad\uFFFDutf8",
		"\uFFFE\uFDD0":            "\uFFFD\uFFFD",
		"☕ مرحبا":                 "☕ مرحبا",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got := oneLine("a\nb"); got != "a b" {
		t.Errorf("%q", got)
	}
}

func TestDirection(t *testing.T) {
	for s, want := range map[string][2]bool{
		"": {}, "123 !": {}, "abc": {false, true}, "1 אבג": {true, true}, "مرحبا abc": {true, true}, "abc مرحبا": {false, true}, "Привет": {false, true},
	} {
		if rtl, known := direction(s); rtl != want[0] || known != want[1] {
			t.Errorf("%q: %v, %v", s, rtl, known)
		}
	}
	for s, want := range map[string]string{"abc": "abc", "123": "123", "é1": "é1", "مرحبا": "\u2068مرحبا\u2069"} {
		if got := isolated(s, false); got != want {
			t.Errorf("%q becomes %q", s, got)
		}
	}
	if got := isolated("abc", true); got != "\u2068abc\u2069" {
		t.Errorf("%q", got)
	}
}

// TestLeftOut: what has no room goes in a fixed order, and the code never.
func TestLeftOut(t *testing.T) {
	ps := []para{
		{part: partTitle, font: bold, size: sizeTitle, text: "Title"},
		{part: partCode, font: mono, size: sizeCode, text: "CODE", keep: true},
		{part: partValidity, size: sizeText, text: "Valid for ever"},
		{part: partTerms, size: sizeTerms, text: strings.Repeat("terms ", 100)},
	}
	for _, c := range []struct {
		h    length
		want []part
		err  error
	}{
		{100 * mm, nil, nil},
		{9 * mm, []part{partTerms}, nil},
		{7 * mm, []part{partTerms, partValidity}, nil},
		{4 * mm, []part{partTerms, partValidity, partTitle}, nil},
		{2500, []part{partTerms, partValidity, partTitle}, nil}, // the code smaller
		{1 * mm, []part{partTerms, partValidity, partTitle}, errNoRoom},
	} {
		b, got, err := fit(append([]para(nil), ps...), 3*mm, 40*mm, c.h)
		if err != c.err {
			t.Errorf("%d µm: error %v", c.h, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%d µm: %s", c.h, d)
		}
		if b.h > c.h {
			t.Errorf("%d µm: %d needed", c.h, b.h)
		}
	}
}
