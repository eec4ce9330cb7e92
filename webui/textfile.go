package webui

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// packedSuffix is what the name of a packed file ends in. The program holds the
// files of lang/ packed by scripts/templates.sh: they are a third as long, those in
// other languages than English a fourth.
const packedSuffix = ".deflate"

// textFile is one file of lang/: the texts of one language for one package of
// pages.
type textFile struct {
	fsys fs.FS
	name string
}

// textFiles finds the files in lang/.
func textFiles(fsys fs.FS) (files []textFile, err error) {
	for _, pattern := range []string{"lang/*.json", "lang/*.json" + packedSuffix} {
		names, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			files = append(files, textFile{fsys, name})
		}
	}
	return files, nil
}

func (f textFile) packed() bool { return strings.HasSuffix(f.name, packedSuffix) }

// tag is that of the language.
func (f textFile) tag() string {
	return strings.TrimSuffix(strings.TrimSuffix(path.Base(f.name), packedSuffix), ".json")
}

// bytes reads the file, and unpacks it if need be.
func (f textFile) bytes() ([]byte, error) {
	b, err := fs.ReadFile(f.fsys, f.name)
	if err != nil || !f.packed() {
		return b, err
	}
	return io.ReadAll(flate.NewReaderDict(bytes.NewReader(b), f.dictionary()))
}

// dictionary is what the file was packed against: the English one beside it, of
// which it has every key. None if the program has no such file.
func (f textFile) dictionary() []byte {
	if f.tag() == defaultTag {
		return nil
	}
	english, err := textFile{f.fsys, "lang/" + defaultTag + ".json" + packedSuffix}.bytes()
	if err != nil {
		return nil // then the file cannot be read either, unless it needs none
	}
	return english
}

// TextFile returns the file with the texts of one package of pages in one
// language, unpacked.
func TextFile(pages fs.FS, tag string) ([]byte, error) {
	name := "lang/" + tag + ".json"
	if _, err := fs.Stat(pages, name); err != nil {
		name += packedSuffix
	}
	return textFile{pages, name}.bytes()
}

// languageFile is what a file holds. The shared file also says how the language
// is written.
type languageFile struct {
	Name   string            `json:"name"`
	Dir    string            `json:"dir"`
	Plural string            `json:"plural"`
	Text   map[string]string `json:"text"`
}

// read adds one file's texts to the language, and returns what else it says.
func (l *Language) read(f textFile) (file languageFile, err error) {
	b, err := f.bytes()
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil {
		return file, fmt.Errorf("language file %s: %w", f.name, err)
	}
	for k, v := range file.Text {
		if _, dup := l.text[k]; dup {
			return file, fmt.Errorf("language file %s: key %q is there twice", f.name, k)
		}
		l.text[k] = v
	}
	return file, nil
}

// texts returns the language's texts, and reads those that are not read yet. A
// router has little memory, and few ask for more than one language.
func (l *Language) texts() map[string]string {
	l.once.Do(func() {
		for _, f := range l.unread {
			// A fault costs the texts of one file; the English ones stand in.
			if _, err := l.read(f); err != nil {
				l.faults = append(l.faults, err)
			}
		}
	})
	return l.text
}
