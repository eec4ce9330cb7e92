// Command packtexts packs the texts of the pages: each webui/…/lang/TAG.json to
// TAG.json.deflate beside it, against the English file, of which it has every
// key. `packtexts check` fails where what is packed is not the file beside it.
package main

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const packed = ".deflate"

func main() {
	if err := run(len(os.Args) > 1 && os.Args[1] == "check"); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	var errs []error
	err := filepath.WalkDir("webui", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(name)) != "lang" {
			return err
		}
		switch source, isPacked := strings.CutSuffix(name, packed); {
		case isPacked:
			if _, err := os.Stat(source); err != nil {
				errs = append(errs, fmt.Errorf("%s has no source: remove it", name))
			}
		case strings.HasSuffix(name, ".json"):
			errs = append(errs, file(name, check))
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// file packs one file, unless it is packed. How a version of the compressor does
// it does not count.
func file(name string, check bool) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	against, err := dictionary(name)
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(name + packed); err == nil {
		if was, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(have), against)); err == nil && bytes.Equal(was, text) {
			return nil
		}
	}
	if check {
		return fmt.Errorf("%s%s does not hold %s: run scripts/templates.sh", name, packed, name)
	}
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, flate.BestCompression, against)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	return os.WriteFile(name+packed, b.Bytes(), 0o644)
}

// dictionary is what a file is packed against: the English one beside it, if the
// program has that. A package that leaves it out embeds lang/[^e]*.
func dictionary(name string) ([]byte, error) {
	dir := filepath.Dir(name)
	if filepath.Base(name) == "en.json" {
		return nil, nil
	}
	sources, err := filepath.Glob(filepath.Join(dir, "..", "*.go"))
	if err != nil {
		return nil, err
	}
	for _, source := range sources {
		b, err := os.ReadFile(source)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(b, []byte("\n//go:embed lang/[^e]*")) {
			return nil, nil
		}
	}
	return os.ReadFile(filepath.Join(dir, "en.json"))
}
