// Package pagetest holds what tests of pages share.
package pagetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// addresses are the attributes that lead somewhere.
var addresses = []string{"href", "src", "action", "formaction", "poster", "cite", "data", "xlink:href"}

// Hostile are texts that break out of something, if it lets them.
var Hostile = []string{
	`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, ` autofocus onfocus=alert(1) `,
	`</title><script>alert(1)</script>`, `</p></main><form action=//a.example><h1>`, `<!--`, `-->`, `]]>`, `<![CDATA[`, `<svg/onload=alert(1)>`,
	`javascript:alert(1)//`, "java\nscript:alert(1)", `data:text/html,<script>alert(1)</script>`, `//a.example/`, `/\a.example/`,
	`http://a.example/" onclick="alert(1)`, `{{.}}`, `{%s x %}`, "${1}`", `&lt;script&gt;`, `&#x22;`, `&quot`, "\u2028\u202e\ufeff", "\xff\xc0\xaf", "\n\n", "\t", "",
}

// Injection renders a page with harmless words in every string that its view
// (a pointer to a struct) holds, and again with a hostile text in front of each
// of these words. The two pages must be the same, but for exactly that text:
// no element or attribute more or less, nothing lost, no link that leads to
// other things than pages. Strings of named types are the program's own words
// and stay as they are.
func Injection(t testing.TB, hostile string, view any, render func() string) {
	t.Helper()
	if strings.ContainsAny(hostile, "\x00\r") {
		return // parsers of HTML replace these
	}
	var fields []reflect.Value
	texts(reflect.ValueOf(view), &fields)
	if len(fields) == 0 {
		t.Fatalf("%T has no text", view)
	}
	before := make([]string, len(fields))
	var pairs []string
	for i, f := range fields {
		before[i] = f.String()
		f.SetString(word(i))
		pairs = append(pairs, word(i), hostile+word(i))
	}
	defer func() {
		for i, f := range fields {
			f.SetString(before[i])
		}
	}()
	harmless := flatten(t, render())
	for i, f := range fields {
		f.SetString(hostile + word(i))
	}
	got := flatten(t, render())
	attack := strings.NewReplacer(pairs...)
	for i := range max(len(harmless), len(got)) {
		if i >= len(harmless) || i >= len(got) {
			t.Fatalf("%T with %q: %d parts, want %d", view, hostile, len(got), len(harmless))
		}
		if want := attack.Replace(harmless[i]); got[i] != want {
			t.Fatalf("%T with %q: %q, want %q", view, hostile, got[i], want)
		}
	}
}

// word is a harmless text that stands nowhere else and is no part of another.
func word(i int) string { return fmt.Sprintf("harmless%04dword", i) }

// texts collects the strings of a view that can be set.
func texts(v reflect.Value, into *[]reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type().Elem().Name() != "Language" {
			texts(v.Elem(), into)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				texts(v.Field(i), into)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), into)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.CanSet() {
			*into = append(*into, v)
		}
	}
}

// flatten lists the parts of a page as a browser reads it. Of addresses only
// the kind is told, after a check.
func flatten(t testing.TB, page string) []string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for n := range doc.Descendants() {
		switch n.Type {
		case html.ElementNode:
			parts = append(parts, "<"+n.Data)
			for _, a := range n.Attr {
				if a.Namespace != "" {
					a.Key = a.Namespace + ":" + a.Key
				}
				if slices.Contains(addresses, a.Key) {
					a.Val = kind(t, a.Val)
				}
				parts = append(parts, a.Key+"="+a.Val)
			}
			parts = append(parts, ">")
		case html.TextNode, html.CommentNode, html.DoctypeNode:
			parts = append(parts, fmt.Sprint(n.Type)+n.Data)
		}
	}
	return parts
}

// kind judges an address.
func kind(t testing.TB, address string) string {
	t.Helper()
	switch {
	case strings.HasPrefix(address, "#"), strings.HasPrefix(address, "?"),
		strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") && !strings.HasPrefix(address, "/\\"),
		strings.HasPrefix(address, "http://"), strings.HasPrefix(address, "https://"):
		return "an address"
	}
	t.Errorf("the address %q is neither of this host nor of the web", address)
	return ""
}
