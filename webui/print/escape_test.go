package print

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// mayHave are the elements of a page and their attributes.
var mayHave = map[string]string{
	"html": " lang dir ", "head": "", "meta": " charset name content ", "title": "", "link": " rel href type ", "body": " class ",
	"header": " class ", "h1": "", "p": "", "main": "", "section": " class aria-label ", "g": " role aria-label ",
	"svg":    " class width height aria-hidden xmlns xml:space viewbox x y ",
	"symbol": " id viewbox ", "path": " class d ", "use": " href x y width height ", "image": " href x y width height ",
	"text": " class x y font-size textlength lengthadjust direction ",
}

// FuzzPage: whatever texts say, the page has the elements that it should, and a
// program that reads it finds the texts.
func FuzzPage(f *testing.F) {
	for _, s := range append(hostileNames, `"><script>alert(1)</script>`, "' onload=x ", "</text></svg><style>", "]]>", "<!--", "&#x3c;", "\x00") {
		f.Add(s, s, s, uint8(0))
		f.Add(s, "a", "b", uint8(3))
	}
	ltr, rtl := language(f, "en"), language(f, "ar")
	f.Fuzz(func(t *testing.T, a, b, c string, kind uint8) {
		s := venue(t, []string{"a4-2x5", "roll58", "card", "a6"}[kind%4])
		s.Lang = map[bool]*webui.Language{false: ltr, true: rtl}[kind&4 != 0]
		s.Show.FullName, s.Show.WiFiPassword = true, true
		s.Venue, s.WiFi.SSID = a, b
		s.Texts = map[string]OwnTexts{"": {Above: c, Below: a, Terms: b}}
		j, err := New(s)
		if err != nil {
			return
		}
		var page bytes.Buffer
		if _, err := j.HTML(&page, some(1, func(_ int, v *hotspot.VoucherView) { v.Username, v.Passcode, v.FullName = a, b, c })); err != nil {
			return
		}
		texts := elements(t, page.String())
		want := strings.Join(strings.Fields(oneLine(a)), "")
		if got := strings.Join(strings.Fields(texts), ""); !strings.Contains(got, want) {
			t.Errorf("%q is not in the page", a)
		}
	})
}

// elements checks the elements of a page, and returns its text elements' texts.
func elements(t *testing.T, page string) string {
	t.Helper()
	var texts strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return texts.String()
		case html.TextToken:
			texts.Write(z.Text())
		case html.CommentToken:
			t.Error("a comment")
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			allowed, ok := mayHave[tok.Data]
			if !ok {
				t.Errorf("element %s", tok.Data)
			}
			for _, a := range tok.Attr {
				if !strings.Contains(allowed, " "+a.Key+" ") {
					t.Errorf("element %s with attribute %s", tok.Data, a.Key)
				}
			}
		}
	}
}
