package webui

import (
	"bytes"
	"compress/flate"
	"sync"
	"testing"
	"testing/fstest"
)

// deflated packs a language file, against another one.
func deflated(t *testing.T, data, against string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, flate.BestCompression, []byte(against))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

// TestPackedTexts: packed texts are read when somebody wants them, once, and
// those of the languages that nobody wants are not.
func TestPackedTexts(t *testing.T) {
	ls, err := NewLanguages(fstest.MapFS{
		"lang/en.json.deflate": deflated(t, `{"text":{"only.english":"English","both":"two"}}`, ""),
		"lang/it.json.deflate": deflated(t, `{"text":{"both":"due"}}`, `{"text":{"only.english":"English","both":"two"}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	it := ls.Find("it")
	if _, early := it.text["both"]; early {
		t.Error("read although nobody asked")
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if got := it.T("both") + it.T("only.english"); got != "dueEnglish" {
				t.Errorf("got %q", got)
			}
		})
	}
	wait.Wait()
	if _, read := ls.Find("ar").text["page.home"]; len(ls.Find("ar").unread) != 0 || read {
		t.Error("Arabic has texts of this package")
	}
	if err := ls.Load(); err != nil {
		t.Error(err)
	}
}

// TestBadPackedTexts: a fault in one file costs the texts of that file only,
// and Load tells of it.
func TestBadPackedTexts(t *testing.T) {
	cut := deflated(t, `{"text":{"both":"due"}}`, "")
	cut.Data = cut.Data[:len(cut.Data)-6]
	for name, file := range map[string]*fstest.MapFile{
		"not packed": {Data: []byte(`{"text":{"both":"due"}}`)},
		"cut short":  cut,
		"no JSON":    deflated(t, `{`, ""),
		"twice":      deflated(t, `{"text":{"unit.kb":"again"}}`, ""),
	} {
		ls, err := NewLanguages(fstest.MapFS{
			"lang/en.json.deflate": deflated(t, `{"text":{"both":"two"}}`, ""),
			"lang/it.json.deflate": file,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := ls.Find("it").T("both"); got != "two" {
			t.Errorf("%s: got %q", name, got)
		}
		if err := ls.Load(); err == nil {
			t.Errorf("%s: no fault found", name)
		}
	}
}

func TestTextFile(t *testing.T) {
	pages := fstest.MapFS{"lang/en.json.deflate": deflated(t, "packed", ""), "lang/it.json": {Data: []byte("as it is")}}
	for tag, want := range map[string]string{"en": "packed", "it": "as it is", "ar": ""} {
		if got, err := TextFile(pages, tag); string(got) != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", tag, got, err)
		}
	}
}
