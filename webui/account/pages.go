package account

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// stack prints blocks one below the other.
func stack(blocks ...webui.Block) webui.Block {
	return func(w *quicktemplate.Writer) {
		for _, b := range blocks {
			b(w)
		}
	}
}

func notice(v *parts.NoticeView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamNotice(w, v) }
}

func table(v *parts.TableView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamTable(w, v) }
}

func facts(rows ...parts.FactView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamFacts(w, &parts.FactsView{Rows: rows}) }
}

func copied(v *parts.CopyView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamCopy(w, v) }
}

func card(v *parts.CardView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamCard(w, v) }
}

func formCard(title string, f *parts.FormView, texts ...string) webui.Block {
	return card(parts.FormCard(title, f, texts...))
}

// routers is the first page.
func (q *request) routers() {
	after := q.URL.Query().Get("after")
	list, next, err := q.p.cfg.Service.Routers(q.Context(), q.account.ID, after)
	switch {
	case after != "" && (err == nil && len(list) == 0 || err != nil && q.p.cfg.Status(err) == http.StatusUnprocessableEntity):
		q.goTo("/") // those behind it are gone, or it was never a place in the list
		return
	case err != nil:
		q.fail(err)
		return
	}
	t := &parts.TableView{Lang: q.lang, ID: "routers", Caption: q.t("account.routers"),
		Columns: []parts.ColumnView{{Text: q.t("account.name")}, {Text: q.t("account.state")}, {Text: q.t("account.version")}, {Text: q.t("account.actions")}},
		Empty:   &parts.EmptyView{Title: q.t("account.none"), Text: q.t("account.none.text")}}
	for _, r := range list {
		t.Rows = append(t.Rows, q.row(r))
	}
	if next != "" {
		t.Next = q.to("/", "after", next)
	}
	used := []string{q.t("account.used", "used", q.lang.Number(int64(q.account.Usage)), "limit", q.lang.Number(int64(q.account.Limit)))}
	add := formCard(q.t("account.claim"), &parts.FormView{To: q.to("/claims"), Token: q.token(), Submit: parts.ButtonView{Text: q.t("account.claim.make")},
		StreamFields: stack()}, append(used, q.t("account.claim.text"))...)
	if q.account.Usage >= q.account.Limit {
		add = card(&parts.CardView{Title: q.t("account.claim"), Texts: append(used, q.t("account.full")), StreamContent: parts.LinksBlock(
			parts.LinkView{Text: q.t("account.nav.license"), To: q.to("/license")})})
	}
	q.show(http.StatusOK, q.t("account.routers"), facts(parts.FactView{Name: q.t("account.id"), Text: q.account.Name, Typed: true},
		parts.FactView{Name: "ID", Text: q.account.ID, Code: true}), table(t), add)
}

// row is a router in the list.
func (q *request) row(r Router) []parts.CellView {
	state, detail := &parts.BadgeView{Kind: parts.Good, Text: q.t("account.online")}, ""
	if !r.Online {
		state, detail = &parts.BadgeView{Kind: parts.Warning, Text: q.t("account.offline")}, q.t("account.never_seen")
		if !r.LastSeen.IsZero() {
			detail = q.time("account.seen", r.LastSeen)
		}
	}
	code := func(w *quicktemplate.Writer) { streamcode(w, "https://"+r.Host+"/api/") }
	return []parts.CellView{{Text: r.Name, Typed: true, StreamContent: code}, {Badge: state, Detail: detail}, {Text: r.Version, Typed: true},
		{StreamContent: parts.LinksBlock(parts.LinkView{Text: q.t("account.rotate"), To: q.to("/routers/" + r.Prefix + "/rotate")},
			parts.LinkView{Text: q.t("account.remove"), To: q.to("/routers/" + r.Prefix + "/remove")})}}
}

func (q *request) claim() {
	code, expires, err := q.p.cfg.Service.NewClaim(q.Context(), q.account.ID)
	if err != nil && q.p.cfg.Status(err) == http.StatusTooManyRequests {
		q.show(http.StatusTooManyRequests, q.t("account.claim"), notice(&parts.NoticeView{Kind: parts.Warning, Text: q.t("account.claim.many"),
			Action: &parts.LinkView{Text: q.t("account.back"), To: q.to("/")}}))
		return
	}
	if err != nil {
		q.fail(err)
		return
	}
	q.show(http.StatusOK, q.t("account.claim"), card(&parts.CardView{Title: q.t("account.claim.made"),
		Texts: []string{q.time("account.claim.until", expires), q.t("account.claim.text")},
		StreamContent: stack(copied(&parts.CopyView{Lang: q.lang, ID: "claim", Text: code}),
			facts(parts.FactView{Name: q.t("account.claim.cloud"), Text: q.p.cfg.Site, Code: true}),
			parts.LinksBlock(parts.LinkView{Text: q.t("account.back"), To: q.to("/")}))}))
}

// router finds the router that the address names, or answers.
func (q *request) router() (Router, bool) {
	r, err := q.p.cfg.Service.Router(q.Context(), q.account.ID, q.PathValue("prefix"))
	if err != nil {
		q.fail(err) // one that is not there is said to be gone
	}
	return r, err == nil
}

// ask shows a page that asks whether something shall be done.
func (q *request) ask(title, button string, texts []string, back string) {
	v := &parts.ConfirmView{Texts: texts, Form: parts.FormView{To: q.to(q.URL.Path), Token: q.token(), StreamFields: stack(),
		Submit: parts.ButtonView{Text: button, Kind: parts.Bad}, Cancel: &parts.LinkView{Text: q.t("account.cancel"), To: q.to(back)}}}
	q.show(http.StatusOK, title, func(w *quicktemplate.Writer) { parts.StreamConfirm(w, v) })
}

func (q *request) askRotate() {
	if r, ok := q.router(); ok {
		q.ask(q.t("account.rotate.title", "name", r.Name), q.t("account.rotate"), []string{q.t("account.rotate.text", "host", r.Host)}, "/")
	}
}

func (q *request) askRemove() {
	if r, ok := q.router(); ok {
		q.ask(q.t("account.remove.title", "name", r.Name), q.t("account.remove"), []string{q.t("account.remove.text", "host", r.Host)}, "/")
	}
}

func (q *request) rotate() {
	q.after(q.p.cfg.Service.Rotate(q.Context(), q.account.ID, q.PathValue("prefix")), "/", "rotated")
}

func (q *request) remove() {
	q.after(q.p.cfg.Service.RemoveRouter(q.Context(), q.account.ID, q.PathValue("prefix")), "/", "removed")
}

// after goes on after something was done.
func (q *request) after(err error, path, done string) {
	if err != nil {
		q.fail(err)
		return
	}
	q.goTo(path, "done", done)
}

func (q *request) tokens() { q.showTokens(http.StatusOK, "") }

// days are how long tokens may be good for, with the texts' keys.
var days = []string{"30", "90", "365", "forever"}

// showTokens shows the tokens and the form for another one. wrong is what was
// wrong with its name.
func (q *request) showTokens(status int, wrong string) {
	list, err := q.p.cfg.Service.Tokens(q.Context(), q.account.ID)
	if err != nil {
		q.fail(err)
		return
	}
	t := &parts.TableView{Lang: q.lang, ID: "tokens", Caption: q.t("account.tokens"),
		Columns: []parts.ColumnView{{Text: q.t("account.name")}, {Text: q.t("account.tokens.expires")}, {Text: q.t("account.actions")}},
		Empty:   &parts.EmptyView{Title: q.t("account.tokens.none"), Text: q.t("account.tokens.text")}}
	for _, x := range list {
		name := parts.CellView{Text: x.Name, Typed: true}
		if x.Name == q.account.Token {
			name.Detail = q.t("account.tokens.this")
		}
		until := parts.CellView{Text: q.t("account.tokens.never")}
		switch {
		case x.Expires.IsZero():
		case q.p.cfg.Now().Before(x.Expires):
			until.Text = q.time("account.tokens.at", x.Expires)
		default:
			until = parts.CellView{Badge: &parts.BadgeView{Kind: parts.Warning, Text: q.t("account.tokens.expired")}}
		}
		t.Rows = append(t.Rows, []parts.CellView{name, until, {StreamContent: parts.LinksBlock(
			parts.LinkView{Text: q.t("account.remove"), To: q.to("/tokens/" + x.Name + "/remove")})}})
	}
	var options []parts.OptionView
	for _, d := range days {
		options = append(options, parts.OptionView{Value: d, Text: q.t("account.tokens." + d)})
	}
	chosen := q.form.Get("days")
	if !slices.Contains(days, chosen) {
		chosen = "365"
	}
	form := &parts.FormView{To: q.to("/tokens"), Token: q.token(), Submit: parts.ButtonView{Text: q.t("account.tokens.create")}, StreamFields: parts.Fields(
		&parts.FieldView{ID: "name", Name: "name", Label: q.t("account.tokens.name"), Value: q.form.Get("name"), Help: q.t("account.tokens.name_help"), Error: wrong, MaxLength: 64, Required: true, Autocomplete: "off"},
		&parts.FieldView{ID: "days", Name: "days", Label: q.t("account.tokens.for"), Value: chosen, Options: options})}
	q.show(status, q.t("account.tokens"), table(t), formCard(q.t("account.tokens.new"), form, q.t("account.tokens.text")))
}

func (q *request) createToken() {
	n, err := strconv.Atoi(q.form.Get("days"))
	if err != nil { // "forever"
		n = -1
	}
	token, err := q.p.cfg.Service.CreateToken(q.Context(), q.account.ID, q.form.Get("name"), n)
	switch {
	case err == nil:
		q.show(http.StatusOK, q.t("account.tokens.new"), card(&parts.CardView{Title: q.t("account.tokens.made"), Texts: []string{q.t("account.tokens.once")},
			StreamContent: stack(copied(&parts.CopyView{Lang: q.lang, ID: "token", Text: token}), parts.LinksBlock(parts.LinkView{Text: q.t("account.back.tokens"), To: q.to("/tokens")}))}))
	case q.p.cfg.Status(err) == http.StatusUnprocessableEntity:
		q.showTokens(http.StatusUnprocessableEntity, q.t("account.tokens.name_bad"))
	case q.p.cfg.Status(err) == http.StatusConflict:
		q.showTokens(http.StatusUnprocessableEntity, q.t("account.tokens.taken"))
	default:
		q.fail(err)
	}
}

func (q *request) askRemoveToken() {
	name := q.PathValue("name")
	texts := []string{q.t("account.tokens.remove.text")}
	if name == q.account.Token {
		texts = append(texts, q.t("account.tokens.remove.own"))
	}
	q.ask(q.t("account.tokens.remove.title", "name", name), q.t("account.remove"), texts, "/tokens")
}

func (q *request) removeToken() {
	err := q.p.cfg.Service.RemoveToken(q.Context(), q.account.ID, q.PathValue("name"))
	if err != nil && q.p.cfg.Status(err) == http.StatusNotFound {
		q.goTo("/tokens", "done", "gone")
		return
	}
	q.after(err, "/tokens", "token_removed")
}

func (q *request) license() { q.showLicense(http.StatusOK, "") }

func (q *request) showLicense(status int, wrong string) {
	until := q.t("account.tokens.never")
	var texts []string
	if !q.account.Ended.IsZero() {
		texts = append(texts, q.t("account.license.ended", "limit", q.lang.Number(int64(q.account.EndedLimit)), "time", q.lang.Time(q.account.Ended.UTC(), q.p.cfg.Now().UTC())))
	} else if !q.account.Licensed {
		texts = append(texts, q.t("account.license.none"))
	} else if !q.account.Expires.IsZero() {
		until = q.time("account.tokens.at", q.account.Expires)
	}
	rows := []parts.FactView{{Name: q.t("account.license.limit"), Text: q.lang.Number(int64(q.account.Limit))}}
	if q.account.Licensed {
		rows = append(rows, parts.FactView{Name: q.t("account.license.expires"), Text: until})
	}
	form := &parts.FormView{To: q.to("/license"), Token: q.token(), Submit: parts.ButtonView{Text: q.t("account.license.use")}, StreamFields: parts.Fields(
		&parts.FieldView{ID: "license", Name: "license", Label: q.t("account.license.key"), Value: q.form.Get("license"), Error: wrong, Lines: 4, Required: true, MaxLength: 1024})}
	q.show(status, q.t("account.license"), facts(rows...), formCard(q.t("account.license.new"), form, texts...))
}

func (q *request) setLicense() {
	err := q.p.cfg.Service.SetLicense(q.Context(), q.account.ID, q.form.Get("license"))
	if err != nil && q.p.cfg.Status(err) == http.StatusUnprocessableEntity {
		q.showLicense(http.StatusUnprocessableEntity, q.t("account.license.bad"))
		return
	}
	q.after(err, "/license", "license")
}
