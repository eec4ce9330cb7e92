package browser

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAuditFindsFaults makes sure that a silent audit means something.
func TestAuditFindsFaults(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		io.WriteString(w, `<!doctype html><body bgcolor="#ffffff"><p style="color:red">x</p><p><font color="#999999">grey</font>
			<input name="a"><a href="/" target="_blank">x</a><img src="/a.png" width="2000" height="5">`)
	}))
	t.Cleanup(srv.Close)
	c := Start(t, "")
	c.Do(t, Look(320, "light"), chromedp.Navigate(srv.URL))
	faults := strings.Join(c.Audit(t), "\n")
	for _, want := range []string{"contrast 2.85", "no label", "target", "new window", "scrolls to the side", "not one h1", "no language", "no title", "image without alt", "style sheet"} {
		if !strings.Contains(faults, want) {
			t.Errorf("the audit does not see %q; it sees:\n%s", want, faults)
		}
	}
	if axe := ReadAxe(t); axe.script != "" {
		for _, rule := range []string{"color-contrast", "image-alt", "label", "html-has-lang"} {
			if found := strings.Join(axe.faults(t, c, []string{rule}), "\n"); !strings.Contains(found, rule) {
				t.Errorf("axe-core does not see %s; it sees:\n%s", rule, found)
			}
		}
	}
	if said := strings.Join(c.Heard(), "\n"); !strings.Contains(said, "Content Security Policy") {
		t.Errorf("the console does not show what the policy refused; it shows %q", said)
	}
}
