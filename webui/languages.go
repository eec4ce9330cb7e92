package webui

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

//go:embed lang/*.deflate
var sharedTexts embed.FS

// defaultTag is the language that every key exists in.
const defaultTag = "en"

// Languages are the languages that pages can be shown in.
type Languages struct {
	byTag map[string]*Language
	last  *Language // of last resort; nil: the one that has every text
}

// NewLanguages takes the shared texts and those of each package of pages, in
// files named lang/<tag>.json, packed or not. A language that lacks a text
// borrows the English one. Packed files of pages are read when a text of their
// language is first asked for; [Languages.Load] does so at once.
func NewLanguages(pages ...fs.FS) (*Languages, error) {
	ls := &Languages{byTag: map[string]*Language{}}
	var errs []error
	for _, fsys := range append([]fs.FS{sharedTexts}, pages...) {
		files, err := textFiles(fsys)
		errs = append(errs, err)
		for _, f := range files {
			if err := ls.add(f); err != nil {
				errs = append(errs, err)
			}
		}
	}
	base := ls.byTag[defaultTag]
	for tag, l := range ls.byTag {
		if base != l {
			l.fallback = base
		}
		if _, ok := plurals[l.plural]; !ok || l.Dir != "ltr" && l.Dir != "rtl" {
			errs = append(errs, fmt.Errorf("language %s: dir %q or plural %q is not known", tag, l.Dir, l.plural))
		}
	}
	return ls, errors.Join(errs...)
}

// add takes one file into its language: its texts, or where to find them.
func (ls *Languages) add(f textFile) error {
	key := strings.ToLower(f.tag())
	l := ls.byTag[key]
	if l != nil && f.packed() {
		l.unread = append(l.unread, f)
		return nil
	}
	if l == nil {
		l = &Language{Tag: f.tag(), Name: f.tag(), text: map[string]string{}}
		ls.byTag[key] = l
	}
	file, err := l.read(f)
	l.Dir, l.plural, l.Name = cmp.Or(file.Dir, l.Dir), cmp.Or(file.Plural, l.plural), cmp.Or(file.Name, l.Name)
	return err
}

// Load reads what has not been read of any language.
func (ls *Languages) Load() error {
	var errs []error
	for _, l := range ls.All() {
		l.texts()
		errs = append(errs, l.faults...)
	}
	return errors.Join(errs...)
}

// Default returns the language of last resort.
func (ls *Languages) Default() *Language { return cmp.Or(ls.last, ls.byTag[defaultTag]) }

// Only returns the languages with some tags (those that are there; if none is,
// or no tag is given, all), with that of another tag as the one of last resort
// if it is among them, or else the first.
func (ls *Languages) Only(tags []string, last string) *Languages {
	some := &Languages{byTag: map[string]*Language{}}
	for _, tag := range tags {
		if l := ls.byTag[strings.ToLower(tag)]; l != nil {
			some.byTag[strings.ToLower(tag)] = l
			some.last = cmp.Or(some.last, l)
		}
	}
	if some.last == nil {
		some.byTag, some.last = ls.byTag, ls.Default()
	}
	some.last = cmp.Or(some.byTag[strings.ToLower(last)], some.last)
	return some
}

// Find returns the language with a tag, or that of last resort.
func (ls *Languages) Find(tag string) *Language {
	return cmp.Or(ls.byTag[strings.ToLower(tag)], ls.Default())
}

// All lists the languages: that of last resort, then in order of their tags.
func (ls *Languages) All() []*Language {
	all := []*Language{ls.Default()}
	for _, key := range slices.Sorted(maps.Keys(ls.byTag)) {
		if l := ls.byTag[key]; l != all[0] {
			all = append(all, l)
		}
	}
	return all
}
