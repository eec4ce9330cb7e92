package portal

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
)

// clip bounds what a guest can write into the log.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// maxBody bounds a form.
const maxBody = 16 << 10

// form reads a POST that must come from one of our own pages. If it cannot be
// used, the answer is given and ok is false.
func (p *portal) form(w http.ResponseWriter, r *http.Request) (form url.Values, ok bool) {
	if !sameOrigin(r) {
		p.log.Warn("form of another site refused", "path", r.URL.Path, "origin", clip(r.Header.Get("Origin"), 100))
		p.message(w, r, http.StatusForbidden, "foreign")
		return nil, false
	}
	mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mt != "application/x-www-form-urlencoded" {
		p.message(w, r, http.StatusUnsupportedMediaType, "bad_form")
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if isTooLarge(err) {
			status = http.StatusRequestEntityTooLarge
		}
		p.message(w, r, status, "bad_form")
		return nil, false
	}
	for _, vs := range r.PostForm {
		for i := range vs {
			vs[i] = strings.TrimSpace(vs[i])
		}
	}
	return r.PostForm, true
}

// sameOrigin reports whether a form came from our own page, as far as the
// browser says: old ones of sign-in sheets do not.
func sameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return len(origins) == 1 && err == nil && u.Scheme == "http" && strings.EqualFold(u.Host, r.Host)
}

// login handles the form of one method.
func (p *portal) login(name hotspot.Method) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		form, ok := p.form(w, r)
		if !ok {
			return
		}
		h, ok := p.known(w, r)
		if !ok {
			return
		}
		st, err := p.cfg.Service.Status(r.Context(), h)
		if err != nil {
			p.fault(w, r, "cannot tell how a guest stands", err)
			return
		}
		if p.keptOut(w, r, st.Why) {
			return
		}
		// A form sent twice (a second tap, a reload) is not a second attempt.
		if !st.Online {
			err = p.attempt(r, h, name, form)
		}
		if err != nil {
			p.refuse(w, r, h, name, form, err)
			return
		}
		seeOther(w, p.local(r, pathStatus, p.target(form.Get(fieldTarget)).query()))
	}
}

// errCodeMissing is the refusal of an empty form, which is no attempt.
var errCodeMissing = &hotspot.Error{Code: "code_missing", Field: fieldCode, Text: "no code given"}

// attempt asks the method for a claim and the rules to accept it.
func (p *portal) attempt(r *http.Request, h hotspot.Host, name hotspot.Method, form url.Values) error {
	m := p.method(name)
	if m == nil {
		return &hotspot.Error{Code: hotspot.CodeMethodOff, Text: "login method is off"}
	}
	if name == hotspot.MethodVoucher && form.Get(fieldCode) == "" {
		return errCodeMissing
	}
	c, err := m.Claim(r.Context(), h, form)
	if err != nil {
		return err
	}
	_, err = p.cfg.Service.Login(r.Context(), h, c)
	return err
}

// method returns a method that is there and switched on, or nil.
func (p *portal) method(name hotspot.Method) Method {
	s := p.cfg.Service.Settings()
	for _, m := range p.cfg.Methods {
		if m.Name() == name && m.Enabled(s) {
			return m
		}
	}
	return nil
}

// refuse shows the login page again and says why. The status is 200: the page
// answers the guest, not a program, and some sign-in sheets put a page of their
// own in the place of any other. What was typed is kept, but for passcode and password.
func (p *portal) refuse(w http.ResponseWriter, r *http.Request, h hotspot.Host, name hotspot.Method, form url.Values, err error) {
	if r.Context().Err() != nil {
		return // the guest went away
	}
	code := hotspot.CodeOf(err)
	if code == hotspot.CodeUnknownDevice {
		p.message(w, r, http.StatusForbidden, "unknown_device")
		return
	}
	if errors.Is(err, hotspot.ErrBlocked) && p.keptOut(w, r, hotspot.ErrBlocked) {
		return
	}
	v := p.welcomeView(r, form, append(login.OwnFields[:], fieldCode, fieldEmail, fieldName, fieldTerms, fieldConsent)...)
	text, known := p.refusal(v.Lang, name, err)
	if known {
		p.log.Info("login refused", "mac", h.MAC, "type", string(name), "code", string(code))
	} else {
		p.log.Error("login failed", "mac", h.MAC, "type", string(name), "err", err)
	}
	v.refuse(name, text, badFields(err))
	v.Title = v.T("welcome.error_title", "title", v.Title)
	p.render(w, http.StatusOK, v)
}

// logout ends the guest's session at its wish.
func (p *portal) logout(w http.ResponseWriter, r *http.Request) {
	if _, ok := p.form(w, r); !ok {
		return
	}
	h, ok := p.known(w, r)
	if !ok {
		return
	}
	if err := p.cfg.Service.Logout(r.Context(), h.MAC); err != nil {
		p.fault(w, r, "cannot log a guest out", err)
		return
	}
	seeOther(w, p.local(r, pathWelcome, url.Values{fieldBye: {"1"}}))
}
