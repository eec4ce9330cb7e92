package portal

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// views are all views with everything shown that they can show.
func views(t testing.TB) []view {
	langs, err := webui.NewLanguages(files)
	if err != nil {
		t.Fatal(err)
	}
	page := webui.Page{Lang: langs.Default(), Style: webui.Local(pathStyle, nil), Icon: webui.Local(pathIcon, nil)}
	quotas := []quotaView{{Limited: true, Limit: 2, Left: 1}, {}}
	full := newWelcome(page, asking(hotspot.Settings{LoginVoucher: true, LoginFree: true, LoginEmail: true}), newVenue(t).cfg.Methods)
	full.refuse(hotspot.MethodEmail, "no", []string{fieldEmail, fieldTerms})
	free := newWelcome(page, hotspot.Settings{LoginFree: true, PortalTerms: "terms"}, newVenue(t).cfg.Methods)
	free.refuse(hotspot.MethodFree, "no", nil)
	return []view{
		full, free,
		&welcomeView{Page: page},
		&statusView{Page: page, Online: true, Quotas: quotas, Self: webui.Local(pathStatus, nil)},
		&statusView{Page: page},
		&messageView{Page: page},
	}
}

func shown(v view) string {
	w := httptest.NewRecorder()
	render(w, http.StatusOK, newLogo(pathLogo, picture), v)
	return w.Body.String()
}

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	all := views(f)
	f.Fuzz(func(t *testing.T, hostile string) {
		for _, v := range all {
			pagetest.Injection(t, hostile, v, func() string { return shown(v) })
		}
	})
}
