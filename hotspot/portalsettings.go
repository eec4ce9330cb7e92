package hotspot

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// OwnFields is how many fields of their own operators may add to login forms.
const OwnFields = 3

// PortalSettings are how the login page looks, and what it asks beside the
// login methods' own fields.
type PortalSettings struct {
	Color     string   // accent, as #rrggbb
	Languages []string // tags of those that are offered; nil: all there are
	Language  string   // tag of that for guests whose browser wants none of them
	// Password is the venue's: asked of every guest, whatever the method. Empty:
	// none is.
	Password    string
	TermsAccept bool   // guests must tick that they agree to the terms
	Consent     string // what guests may agree to when they give their address
	// Fields are asked of guests who log in without a voucher. Their answers are
	// the [User]'s Comments.
	Fields [OwnFields]OwnField
}

// OwnField is a question of the operator's.
type OwnField struct {
	_ [0]func() // never compared

	Label    string // empty: it is not asked
	Required bool
}

// DefaultColor is the accent of pages whose operator has chosen none.
const DefaultColor = "#0d6b62"

// portalKeys are the settings of the login page beside its texts.
func portalKeys() []SettingKey {
	password := line("portal.password", maxTypedText, "password of the venue, asked of every guest whatever the method; empty for none. Known devices that return without the form are not asked again",
		func(s *Settings) *string { return &s.Portal.Password })
	password.Secret = true
	keys := []SettingKey{
		flag("login.email", "off", "guests may get on with their e-mail address; the limits are those of free access, for each address", func(s *Settings) *bool { return &s.LoginEmail }),
		loginOrder(), portalColor(), portalLanguages(), password,
		{Key: "portal.language", Kind: "language tag", Default: "en", Doc: "language of the login page for guests whose browser wants none that is offered",
			get: func(s *Settings) string { return s.Portal.Language },
			set: func(s *Settings, v string) error {
				if !isTag(v) {
					return Worded("%q is not the tag of a language, such as en or pt-BR", v)
				}
				s.Portal.Language = v
				return nil
			}},
		flag("portal.terms_accept", "off", "guests must tick that they agree to the terms, if there are any", func(s *Settings) *bool { return &s.Portal.TermsAccept }),
		text("portal.consent", "", 500, "what guests who give their e-mail address may tick, such as that the venue may write to them; empty: nothing is asked",
			func(s *Settings) *string { return &s.Portal.Consent }),
	}
	for i := range OwnFields {
		name := fmt.Sprintf("portal.field%d", i+1)
		keys = append(keys,
			line(name, maxTypedText, "a question of your own to guests who log in without a voucher; empty: it is not asked", func(s *Settings) *string { return &s.Portal.Fields[i].Label }),
			flag(name+"_required", "off", "it must be answered", func(s *Settings) *bool { return &s.Portal.Fields[i].Required }))
	}
	return keys
}

// maxTypedText bounds what stands in one line of a form, in characters.
const maxTypedText = 64

// line is a text without line breaks, and without space around it.
//
//go:noinline
func line(key string, most int, doc string, at func(*Settings) *string) SettingKey {
	k := text(key, "", most, doc, at)
	set := k.set
	k.set = func(s *Settings, v string) error {
		if strings.Contains(v, "\n") || strings.TrimSpace(v) != v && utf8.ValidString(v) {
			return Worded("must be one line without spaces around it")
		}
		return set(s, v)
	}
	return k
}

// loginOrder takes the names of some methods; the others follow as they were.
func loginOrder() SettingKey {
	join := func(methods []Method) string {
		names := make([]string, len(methods))
		for i, m := range methods {
			names[i] = string(m)
		}
		return strings.Join(names, ",")
	}
	return SettingKey{Key: "login.order", Kind: "methods", Default: join(Methods()), Doc: "order of the ways to log in on the login page, from the top; those left out come last",
		get: func(s *Settings) string { return join(s.LoginOrder) },
		set: func(s *Settings, v string) error {
			var order []Method
			for name := range strings.SplitSeq(v, ",") {
				m := Method(strings.TrimSpace(name))
				if !slices.Contains(Methods(), m) || slices.Contains(order, m) {
					return Worded("%q is not a list of different ones of %s", v, join(Methods()))
				}
				order = append(order, m)
			}
			for _, m := range Methods() {
				if !slices.Contains(order, m) {
					order = append(order, m)
				}
			}
			s.LoginOrder = order
			return nil
		}}
}

func portalColor() SettingKey {
	return SettingKey{Key: "portal.color", Kind: "#rrggbb", Default: DefaultColor, Doc: "colour of buttons and links on the login page; shades that can be read in light and in dark are made of it",
		get: func(s *Settings) string { return s.Portal.Color },
		set: func(s *Settings, v string) error {
			if len(v) != 7 || v[0] != '#' || strings.Trim(v[1:], "0123456789abcdefABCDEF") != "" {
				return Worded("%q is not a colour written as #rrggbb, such as %s", v, DefaultColor)
			}
			s.Portal.Color = strings.ToLower(v)
			return nil
		}}
}

// allLanguages stands for every language that there is.
const allLanguages = "all"

func portalLanguages() SettingKey {
	const most = 40
	return SettingKey{Key: "portal.languages", Kind: "language tags", Default: allLanguages, Doc: "languages that the login page offers, such as en,it; all for every one there is",
		get: func(s *Settings) string {
			if len(s.Portal.Languages) == 0 {
				return allLanguages
			}
			return strings.Join(s.Portal.Languages, ",")
		},
		set: func(s *Settings, v string) error {
			if v == allLanguages {
				s.Portal.Languages = nil
				return nil
			}
			var tags []string
			for tag := range strings.SplitSeq(v, ",") {
				tag = strings.TrimSpace(tag)
				if !isTag(tag) || len(tags) == most {
					return Worded("%q is neither %s nor a list of at most %d tags of languages, such as en,it", v, allLanguages, most)
				}
				if !slices.Contains(tags, tag) {
					tags = append(tags, tag)
				}
			}
			s.Portal.Languages = tags
			return nil
		}}
}

// isTag reports whether a text is made like a BCP 47 tag of a language: two or
// three letters, then parts of letters and digits.
func isTag(v string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	first, rest, more := strings.Cut(v, "-")
	if len(first) < 2 || len(first) > 3 || strings.Trim(first, letters) != "" || len(v) > 35 {
		return false
	}
	for more {
		var part string
		part, rest, more = strings.Cut(rest, "-")
		if len(part) < 1 || len(part) > 8 || strings.Trim(part, letters+"0123456789") != "" {
			return false
		}
	}
	return true
}
