package webui

import (
	"net/http"
	"net/url"
	"strings"
)

// LanguageField is the parameter of an address that says in which language the
// reader wants the pages. It goes from page to page in the address alone:
// browsers of sign-in sheets forget cookies.
const LanguageField = "lang"

// Bounds of an Accept-Language header; what is beyond them is not read.
const (
	maxAcceptLen   = 512
	maxAcceptItems = 16
)

// For returns the language for a request: that which its address names, or the
// best for its Accept-Language header. chosen is the language's tag if the
// address names it, for [Page].
func (ls *Languages) For(r *http.Request) (l *Language, chosen string) {
	if l := ls.byTag[strings.ToLower(r.URL.Query().Get(LanguageField))]; l != nil {
		return l, l.Tag
	}
	return ls.Asked(r), ""
}

// Asked returns the best language for a request's Accept-Language header.
func (ls *Languages) Asked(r *http.Request) *Language {
	return ls.Negotiate(strings.Join(r.Header.Values("Accept-Language"), ","))
}

// wish is one item of an Accept-Language header, in lower case.
type wish struct {
	tag     string
	quality int // in thousandths
}

// Negotiate picks the best language for an Accept-Language header, as RFC 9110
// and the lookup of RFC 4647 say: a region that we have no file for ("de-AT")
// gets the language without it ("de"), "*" gets any language that is not named,
// and one with weight 0 is not taken unless nothing else remains.
func (ls *Languages) Negotiate(accept string) *Language {
	wishes := wishes(accept)
	named := map[*Language]int{} // with what quality
	for _, w := range wishes {
		if l := ls.byTag[w.tag]; l != nil {
			named[l] = max(named[l], w.quality)
		}
	}
	best, bestQuality := ls.Default(), 0
	for _, w := range wishes {
		if w.quality <= bestQuality {
			continue
		}
		if l := ls.grant(w.tag, named); l != nil {
			best, bestQuality = l, w.quality
		}
	}
	return best
}

// grant finds the language for one wish, or nil.
func (ls *Languages) grant(tag string, named map[*Language]int) *Language {
	if tag == "*" {
		for _, l := range ls.All() {
			if _, ok := named[l]; !ok {
				return l
			}
		}
		return nil
	}
	l := ls.find(tag)
	if quality, ok := named[l]; ok && quality == 0 {
		return nil // "de-AT, de;q=0": that of Austria only
	}
	return l
}

// find looks up a tag, then the same with its last parts left off.
func (ls *Languages) find(tag string) *Language {
	for tag = strings.ToLower(tag); tag != ""; {
		if l := ls.byTag[tag]; l != nil {
			return l
		}
		tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
	}
	return nil
}

// wishes reads an Accept-Language header.
func wishes(accept string) []wish {
	if len(accept) > maxAcceptLen {
		accept = accept[:maxAcceptLen]
	}
	var all []wish
	for item := range strings.SplitSeq(accept, ",") {
		if len(all) == maxAcceptItems {
			break
		}
		tag, quality := acceptItem(item)
		all = append(all, wish{strings.ToLower(tag), quality})
	}
	return all
}

// acceptItem splits "de-AT;q=0.8"; the quality is in thousandths. Nonsense has
// quality 0.
func acceptItem(item string) (tag string, quality int) {
	tag, param, weighted := strings.Cut(item, ";")
	tag = strings.Trim(tag, " \t")
	if !weighted {
		return tag, 1000
	}
	name, value, _ := strings.Cut(strings.Trim(param, " \t"), "=")
	if !strings.EqualFold(name, "q") {
		return tag, 0
	}
	return tag, parseQuality(value)
}

// parseQuality reads "0", "1", "0.5" or "0.125"; anything else is 0.
func parseQuality(s string) int {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0
	}
	quality := int(whole[0] - '0')
	for _, c := range (decimals + "000")[:3] {
		if c < '0' || c > '9' {
			return 0
		}
		quality = quality*10 + int(c-'0')
	}
	if quality > 1000 {
		return 0
	}
	return quality
}

// LanguageLink leads to the same page in a language.
type LanguageLink struct {
	Tag, Dir, Name string
	To             URL
	Current        bool // the page is in this language
}

// Links lead to a page in each language.
func (ls *Languages) Links(current *Language, path string, query url.Values) []LanguageLink {
	var links []LanguageLink
	for _, l := range ls.All() {
		links = append(links, LanguageLink{l.Tag, l.Dir, l.Name, Local(path, withLanguage(query, l.Tag)), l == current})
	}
	return links
}

// withLanguage is a query that also says in which language; "" says nothing.
func withLanguage(query url.Values, tag string) url.Values {
	with := url.Values{}
	for name, values := range query {
		with[name] = values
	}
	if tag != "" {
		with.Set(LanguageField, tag)
	}
	return with
}

// Local is the address of a path of the same host, for a page in the language
// that the reader has chosen for this one.
func (p Page) Local(path string, query url.Values) URL {
	return Local(path, withLanguage(query, p.Chosen))
}

// To is [Page.Local] for templates: without a query.
func (p Page) To(path string) URL { return p.Local(path, nil) }
