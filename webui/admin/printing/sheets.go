package printing

import (
	"compress/gzip"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// options are what an address asks for instead of the settings.
var options = [3]string{"layout", "cut", "language"}

// chosen are the settings with the options of an address. Those that are not
// valid are left out, as if the address did not have them.
func (a *area) chosen(query url.Values) (set hotspot.Settings, asked url.Values) {
	set, asked = a.Service.Settings(), url.Values{}
	for _, name := range options {
		v := query.Get(name)
		if v == "" {
			continue
		}
		next, err := set.With(map[string]string{"print." + name: v})
		if err == nil {
			set = next
			asked.Set(name, v)
		}
	}
	return set, asked
}

// job plans the sheets that settings ask for, and tells what they have no room
// for.
func (a *area) job(q *panel.Request, set hotspot.Settings) (*print.Job, []print.Extra, error) {
	s, err := print.FromSettings(set, a.language(q, set), a.Service.Logo(), a.Portal())
	if err != nil {
		return nil, nil, err
	}
	s.Zone = a.Service.Zone()
	s.Style, s.Icon, s.Script = a.style.URL(), a.icon.URL(), a.script.URL()
	s.Back = q.To(Path, pairs(kept(q.URL.Query()))...)
	s.Reader = a.langs.Negotiate(q.Lang.Tag)
	if s.Logo != nil {
		s.LogoURL = logoURL(s.Logo)
	}
	return print.NewFitting(s)
}

// kept is what an address says of what is printed, and how.
func kept(query url.Values) url.Values {
	out := url.Values{}
	for _, name := range append([]string{"ids", "q", "status"}, options[:]...) {
		out.Set(name, query.Get(name))
	}
	return out
}

// language is that of the sheets: the one that is set, or else that of the page.
func (a *area) language(q *panel.Request, set hotspot.Settings) *webui.Language {
	tag := set.Print.Language
	if tag == "" {
		tag = q.Lang.Tag
	}
	return a.langs.Negotiate(tag)
}

// whole is what an address asks to be printed.
func (a *area) whole(q *panel.Request) (*print.Job, print.Vouchers, error) {
	query := q.URL.Query()
	sel, asked, err := parseSelection(query)
	if err == nil && !asked {
		err = hotspot.Invalid("ids", "say which vouchers to print")
	}
	if err != nil {
		return nil, nil, err
	}
	set, _ := a.chosen(query)
	j, _, err := a.job(q, set)
	return j, a.vouchers(q.Context(), sel), err
}

// sheet answers with the page that the browser prints.
func (a *area) sheet(q *panel.Request) {
	a.stream(q, func(w *answer, j *print.Job, vs print.Vouchers) error {
		packed := webui.AcceptsGzip(q.Header.Get("Accept-Encoding"))
		w.begin = func(h http.Header) {
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Vary", "Accept-Encoding")
			if packed {
				h.Set("Content-Encoding", "gzip")
			}
		}
		if !packed {
			_, err := j.HTML(w, vs)
			return err
		}
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err == nil {
			_, err = j.HTML(z, vs)
		}
		if err != nil {
			return err // unclosed: what was not begun yet must not begin now
		}
		return z.Close()
	})
}

// pdf answers with a file.
func (a *area) pdf(q *panel.Request) {
	a.stream(q, func(w *answer, j *print.Job, vs print.Vouchers) error {
		w.begin = func(http.Header) { q.Download("vouchers.pdf", "application/pdf") }
		_, err := j.PDF(w, vs)
		return err
	})
}

// stream answers with what is written voucher by voucher. What cannot be
// printed is told on a page; an answer that breaks off is seen to be broken.
func (a *area) stream(q *panel.Request, write func(*answer, *print.Job, print.Vouchers) error) {
	j, vs, err := a.whole(q)
	if err != nil {
		a.fail(q, err)
		return
	}
	w := &answer{ResponseWriter: q.W}
	switch err := write(w, j, vs); {
	case err == nil:
	case w.begun:
		panic(http.ErrAbortHandler)
	default:
		a.fail(q, err)
	}
}

// fail tells what cannot be printed, and why.
func (a *area) fail(q *panel.Request, err error) {
	if errors.Is(err, print.ErrLetters) {
		err = &hotspot.Error{Code: hotspot.CodeInvalid, Text: q.T("printing.no_pdf")}
	}
	for _, one := range each(err) {
		if _, text, ok := a.refusal(q, one); ok {
			err = &hotspot.Error{Code: hotspot.CodeOf(one), Text: text}
			break
		}
	}
	q.Fail(err)
}

// answer is one that is written in many parts. Nothing of it is sent before the
// first.
type answer struct {
	http.ResponseWriter
	begin func(http.Header)
	begun bool
}

// Write implements io.Writer. Each part has the time that a whole answer
// usually has.
func (w *answer) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.Header().Set("Cache-Control", "no-store")
		w.begin(w.Header())
	}
	// Where there is no deadline to move, there is none to miss.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(api.WriteTimeout))
	return w.ResponseWriter.Write(p)
}
