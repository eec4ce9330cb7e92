package webui

import (
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

//go:embed lang/*.json
var sharedTexts embed.FS

// defaultTag is the language that every key exists in.
const defaultTag = "en"

// Languages are the languages that pages can be shown in.
type Languages struct {
	byTag map[string]*Language
	last  *Language // of last resort; nil: the one that has every text
}

// languageFile is one file of lang/: the texts of one language for one
// package of pages. The shared file also says how the language is written.
type languageFile struct {
	Name   string            `json:"name"`
	Dir    string            `json:"dir"`
	Plural string            `json:"plural"`
	Text   map[string]string `json:"text"`
}

// NewLanguages reads the shared texts and those of each package of pages, in
// files named lang/<tag>.json. A language that lacks a text borrows the
// English one.
func NewLanguages(pages ...fs.FS) (*Languages, error) {
	ls := &Languages{byTag: map[string]*Language{}}
	var errs []error
	for _, fsys := range append([]fs.FS{sharedTexts}, pages...) {
		names, err := fs.Glob(fsys, "lang/*.json")
		errs = append(errs, err)
		for _, name := range names {
			if err := ls.read(fsys, name); err != nil {
				errs = append(errs, fmt.Errorf("language file %s: %w", name, err))
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

// read adds one file's texts to its language.
func (ls *Languages) read(fsys fs.FS, name string) error {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	var f languageFile
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	tag := strings.TrimSuffix(path.Base(name), ".json")
	l := ls.byTag[strings.ToLower(tag)]
	if l == nil {
		l = &Language{Tag: tag, Name: tag, text: map[string]string{}}
		ls.byTag[strings.ToLower(tag)] = l
	}
	l.Dir, l.plural, l.Name = cmp.Or(f.Dir, l.Dir), cmp.Or(f.Plural, l.plural), cmp.Or(f.Name, l.Name)
	for k, v := range f.Text {
		if _, dup := l.text[k]; dup {
			return fmt.Errorf("key %q is there twice", k)
		}
		l.text[k] = v
	}
	return nil
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
