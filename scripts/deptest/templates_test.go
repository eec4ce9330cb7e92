package deptest

import (
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemplatesEscape: the compiler of the templates escapes for text and for
// values in quotes, and nothing else. So nothing is printed anywhere else, and
// an address only if its type vouches for it. Nor has a template texts of its own.
func TestTemplatesEscape(t *testing.T) {
	found := 0
	err := filepath.WalkDir(filepath.Join("..", ".."), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(p) != ".qtpl" {
			return err
		}
		found++
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for _, fault := range checkTemplate(string(b)) {
			t.Errorf("%s%s", p, fault)
		}
		if n := strings.Count(string(b), "\n"); n > maxLines {
			t.Errorf("%s has %d lines: split it", p, n)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Fatalf("%d templates, %v", found, err)
	}
}

// TestOnlyTemplatesWriteMarkup: what Go code writes is escaped, too.
func TestOnlyTemplatesWriteMarkup(t *testing.T) {
	for _, f := range repository(t) {
		if f.made || !under(f.pkg, "webui/...") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) > 0 {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "N" {
				t.Errorf("%s: N writes what is not escaped: make it a template", f.fset.Position(call.Pos()))
			}
			return true
		})
	}
}

func TestCheckTemplate(t *testing.T) {
	const good = `comment {% import "x" %}{% collapsespace %}
{% func f(v *view, streambody Block) %}<!doctype html><p class="a{% if v.B %} b{% endif %}"{% if v.C %} hidden{% endif %}>
{%s v.T("k", "a", "%}") %} {%d v.N %}</p><a href="{%s v.To.Href() %}" title="{%s a %} & {%dl b %}">→</a><br/><a href="/a?b=c">{%= body() %}</a>
{% for _, x := range v.All %}{% if x == 1 %}<td>{% elseif y %}<th>{% else %}{% continue %}{% endif %}{%= row(x) %}{% endfor %}
{% switch x %}{% case 1 %}<b>{% case 2 %}{% default %}</b>{% endswitch %}<script type="module" src="{%s v.S.Href() %}"></script>
<fieldset{% if v.B %} hidden{% endif %}{% if v.C %} class="c"{% endif %} id="f"></fieldset><input value="{%s v.V %}" autofocus>{% endfunc %}{% endcollapsespace %}`
	for _, fault := range checkTemplate(good) {
		t.Errorf("good%s", fault)
	}
	for body, want := range map[string]string{
		`<p>Word</p>`:                                    "a word of its own",
		`{% if x %}&nbsp;{% endif %}`:                    "a word of its own",
		`<img alt="Word {%s x %}">`:                      "a word of its own in alt",
		`<p class={%s x %}>`:                             "outside of quotes",
		`<p {%s x %}>`:                                   "outside of quotes",
		`<p{% if x %} hidden{% endif %}re>`:              "goes on after",
		`<p{% if x %}re{% endif %}>`:                     "goes on after",
		`<{% if x %}p{% endif %}>`:                       "inside a tag's name",
		`<p {%s x %}="a">`:                               "outside of quotes",
		`<{%s x %}>`:                                     "outside of quotes",
		`<p class='{%s x %}'>`:                           "double quotes",
		`<p width=3>`:                                    "double quotes",
		`<a href="{%s v.URL %}">`:                        "Href()",
		`<a href="/{%s x.Href() %}">`:                    "Href()",
		`<a href="{%s x.Href() %}{%s y %}">`:             "Href()",
		`<a href="{% if x %}{%s y %}{% endif %}">`:       "Href()",
		`<a HREF="{%s x %}">`:                            "Href()",
		`<form action="{%s x %}">`:                       "Href()",
		`<a hr{% if x %}ef{% endif %}="{%s y %}">`:       "attribute without a name",
		`<img srcset="{%s x.Href() %}">`:                 "srcset",
		`<p onclick="f()">`:                              "onclick",
		`<p style="color:red">`:                          "style",
		`<style>p{}</style>`:                             "<style>",
		`<script>f({%s x %})</script>`:                   "<script>",
		`<script>f()</script>`:                           "<script>",
		`<iframe src="/a">`:                              "<iframe>",
		`<iframe sandbox="allow-scripts">`:               "<iframe>",
		`<b sandbox=""></b><iframe>`:                     "<iframe>",
		`<base href="/">`:                                "<base>",
		`<meta http-equiv="refresh" content="{%s x %}">`: "http-equiv",
		`<!-- {%s x %} -->`:                              "comment",
		`{%s= x %}`:                                      "{%s= %}",
		`{%v x %}`:                                       "{%v %}",
		`{%=h f() %}`:                                    "{%=h %}",
		`{%q x %}`:                                       "{%q %}",
		`{% code qw422016.N().S(x) %}`:                   "422016",
		`{% plain %}<p{% endplain %}`:                    "{% plain %}",
		`{% cat "file" %}`:                               "{% cat %}",
		`<p {%= f() %}>`:                                 "a component",
		`<p title="{%= f() %}">`:                         "a component",
		`{% if x %}<p title="{% endif %}">`:              "branches",
		`{% if x %}<a {% else %}<b>{% endif %}`:          "branches",
		`{% if x %}{% else %}<p {% endif %}>`:            "branches",
		`{% for x %}<p title="{% endfor %}`:              "branches",
		`<p title="`:                                     "ends inside",
		`<p `:                                            "ends inside",
		`{% if x %}`:                                     "not closed",
	} {
		if got := checkTemplate("{% func f() %}" + body + "{% endfunc %}"); !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%s: faults %q, want one with %q", body, got, want)
		}
	}
	if got := checkTemplate("{% code var x = 1 %}"); len(got) == 0 {
		t.Error("code outside of a function is accepted")
	}
}
