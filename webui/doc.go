// Package webui holds what the guest's and the operator's pages share: the
// page frame, the design tokens, the string catalogue with its formatting
// helpers, and the security headers.
//
// No sentence stands in a template or in Go code: every text is looked up by
// key in a language file (lang/en.json here and in each package of pages), so
// that another language is one more file: docs/translating.md. The program
// holds these files packed, by scripts/templates.sh. Pages need no script and
// load nothing from elsewhere.
//
// # How a page is made
//
// A page is a view and a template. The view is a struct that embeds [Page] and
// holds what the page shows, ready to print: texts looked up, amounts and times
// written by [Language], addresses as [URL]. The handler fills it in; it is the
// only place that decides. The template, a file NAME.qtpl beside the handler's,
// is a method of the view and only prints:
//
//	{% collapsespace %}
//
//	{% func (v *guestsView) Body() %}<main>
//	<h1>{%s v.Title %}</h1>
//	{% if len(v.Rows) == 0 %}<p>{%s v.T("guests.none") %}</p>{% endif %}
//	{% for i := range v.Rows %}{%= guestRow(&v.Rows[i]) %}{% endfor %}
//	</main>{% endfunc %}
//
//	{% endcollapsespace %}
//
// scripts/templates.sh compiles it to NAME.qtpl.go, which is committed; lint
// fails if it is not current. [Render] surrounds the body with the frame and
// sends it. The language of templates is quicktemplate's.
//
// Pieces are functions of the template that print one thing: {%= badge(b) %}.
// They take what they print, by pointer if it is a struct. One that surrounds
// other markup takes a [Block]; the parameter is called streamNAME, printed as
// {%= NAME() %}, and given as the Stream method of another template:
//
//	{% func card(title string, streaminside webui.Block) %}<section><h2>{%s title %}</h2>
//	{%= inside() %}</section>{% endfunc %}
//
//	{%= card(v.T("guests.title"), v.StreamTable) %}
//
// # What is escaped where
//
// The compiler escapes & < > " ' and knows nothing of HTML. That is right
// between tags and in values in double quotes, so templates print nowhere else,
// and scripts/deptest reads all of them to see to that:
//
//   - {%s text %} and the numbers {%d %} {%dl %} {%dul %} {%f %} stand between
//     tags or in a value in double quotes. The forms that do not escape, and
//     {% code %}, are not for templates.
//   - What leads somewhere (href, src, action, …) is a constant, or a [URL] as a
//     whole: href="{%s v.Next.Href() %}". Its constructors let through paths of
//     the same host and pages of the web.
//   - There is no style element or attribute, no on… attribute and no script
//     with a text: the Content-Security-Policy would refuse them. What a script
//     needs stands in data- attributes.
//   - All branches of an if, for or switch end where they began; an attribute
//     that is not always there is {% if v.Bad %} aria-invalid="true"{% endif %}.
//
// Each package of pages gives all of its views to pagetest.Injection, which
// puts hostile texts into every field and compares what a parser sees.
//
// # How it is written
//
// White space is as in HTML: any amount is one space, so write <b>a</b> <i>b</i>
// with the space that shall be seen, and nothing after <p> or before </p>.
//
// Texts: v.T("key", "name", value); one text with {names} per sentence, never
// parts of one put together; [Language.N] where a number decides the form,
// [Language.Around] where something in its midst has an element of its own. What
// people typed (names, notes) is in <bdi>, or in an element with dir="auto", so
// that it does not turn its surroundings around; codes and addresses have
// dir="ltr". Styles use logical properties (margin-inline-start, text-align:
// start), never left and right.
//
// The reader's language is that of [Languages.For]. Links and forms to pages of
// the same kind are made by [Page.To] and [Page.Local], which take a chosen
// language along; the links to choose one are [LanguageChoice]'s.
// pagetest.Catalogues compares a package's language files.
//
// Use the element that means it, and a browser does the rest. One h1 and one
// main; nav for links between pages, with aria-current="page". Figures with a
// name are dl, dt, dd. Rows of the same things are a table with a caption and
// th scope="col"; what is sorted says aria-sort, and its heading is a link.
// Every field has a label, a help or an error that aria-describedby names, and
// aria-invalid if it was refused; a group of them is a fieldset with a legend.
// What changes something is a form with method="post" and a button; what leads
// on is a link. What should be asked first is a dialog, with a page of the same
// question for browsers without script. What is said after an action has
// role="status", what went wrong role="alert". A colour never says a thing alone.
package webui
