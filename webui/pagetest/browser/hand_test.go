package browser

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// pages are what hands get at, each when it can be.
var pages = map[string]string{
	"/unpainted": `<button>+</button><input id="a"><script>
		document.querySelector("button").onclick = () => { window.clicks = (window.clicks ?? 0) + 1; };
		addEventListener("load", () => setTimeout(() => { const begun = performance.now(); while (performance.now() - begun < 700); }));</script>`,
	"/late":    `<body><script>setTimeout(() => { document.body.innerHTML = "<button onclick='window.clicked = true'>x</button>"; }, 300);</script>`,
	"/hidden":  `<button hidden onclick="window.clicked = true">x</button><script>setTimeout(() => { document.querySelector("button").hidden = false; }, 300);</script>`,
	"/beneath": `<div style="position:fixed;inset:0;background:red"></div><button onclick="window.clicked = true">x</button><script>setTimeout(() => document.querySelector("div").remove(), 300);</script>`,
	"/far":     `<p style="height:5000px"><button onclick="window.clicked = true">x</button>`,
	"/unready": `<button>x</button><script src="/late.js" defer></script>`,
}

// serve serves the pages.
func serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/late.js" {
		<-time.After(300 * time.Millisecond)
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, `document.querySelector("button").onclick = () => { window.clicked = true; };`)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	io.WriteString(w, `<!doctype html><link rel="icon" href="data:,">`+pages[r.URL.Path])
}

// TestHand: a page may be loaded long before it is painted, and what is clicked and
// typed then is not lost. Nothing is clicked before the page's scripts are there, nor
// what is hidden, or beneath something else.
func TestHand(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(serve))
	t.Cleanup(srv.Close)
	c := Start(t, "")
	c.Do(t, chromedp.Navigate(srv.URL+"/unpainted"), Click("button"), Type("#a", "bc"))
	Until(t, c, `window.clicks === 1 && document.getElementById("a").value === "bc"`)
	for _, path := range []string{"/late", "/hidden", "/beneath", "/far", "/unready"} {
		// Without waiting for the page to be loaded.
		c.Do(t, chromedp.Navigate("about:blank"), Command(page.Navigate, page.NavigateParams{URL: srv.URL + path}))
		c.Do(t, Click("button"))
		Until(t, c, `clicked`) // fails until there is such a variable
	}
	if said := c.Heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}
