package portal

import (
	"html"
	"strings"

	xhtml "golang.org/x/net/html"
)

// inline are the elements beside which white space is seen; labels and fields
// stand on lines of their own.
var inline = map[string]bool{"span": true, "bdi": true, "img": true, "meter": true}

// canonical writes a page with one tag or text per line, without the white
// space that nobody sees, and every text escaped in the same way: two pages
// that a browser takes for the same have the same canonical form.
func canonical(page string) string {
	var tokens []xhtml.Token
	for z := xhtml.NewTokenizer(strings.NewReader(page)); z.Next() != xhtml.ErrorToken; {
		tokens = append(tokens, z.Token())
	}
	seen := func(i int) bool {
		return i >= 0 && i < len(tokens) && (tokens[i].Type == xhtml.TextToken || inline[tokens[i].Data])
	}
	var b strings.Builder
	for i, tok := range tokens {
		if tok.Type != xhtml.TextToken {
			b.WriteString(tok.String() + "\n")
			continue
		}
		text := tok.Data
		if strings.TrimSpace(text) == "" {
			if !seen(i-1) || !seen(i+1) {
				continue
			}
			text = " "
		}
		text = html.EscapeString(text)
		if t, ok := strings.CutSuffix(text, " "); ok {
			text = t + "␠" // editors take away spaces at the end of a line
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}
