//go:build !race && !mips && !mipsle && !arm

package daemon

import (
	"cmp"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

var panelReport = flag.String("report", "", "file to write what BenchmarkPanel measures into")

const (
	manyVouchers = 100_000
	slowdown     = 6 // of the browser's processor
)

// BenchmarkPanel measures the panel of a hotspot with many vouchers: what the
// daemon takes to answer, and what a slow browser takes to show it.
func BenchmarkPanel(b *testing.B) {
	v := newVenue(b, true)
	v.stock(manyVouchers)
	r := &speeds{}
	b.Run("answer", func(b *testing.B) { v.answers(b, r) })
	b.Run("paint", func(b *testing.B) { v.paints(b, r) })
	if *panelReport != "" {
		v.fine(os.WriteFile(*panelReport, r.text(), 0o644))
	}
}

// stock puts vouchers into the store, most of them used.
func (v *venue) stock(n int) {
	v.t.Helper()
	const batch = 5000
	for from := 0; from < n; from += batch {
		v.fine(v.d.db.Update(v.t.Context(), func(tx hotspot.Tx) error {
			for i := from; i < from+batch; i++ {
				x := hotspot.Voucher{Username: fmt.Sprintf("%05X%c", i*7919%n, 'A'+i%26), Passcode: "X7KQ2M", FullName: "Quiet Heron",
					Note: fmt.Sprintf("Room %d, party of %d", i%300, i%7), Created: opened.Add(time.Duration(i-n) * time.Minute)}
				x.Modified, x.ValidFor, x.Limit.Down = x.Created, hotspot.Validity(24*time.Hour), 5<<30
				if i%10 != 0 {
					x.FirstUse = x.Created.Add(time.Duration(i%1000) * time.Hour)
					x.LastUse, x.Started, x.Used.Down = x.FirstUse.Add(time.Hour), x.FirstUse, 1<<30
					x.Bound = []hotspot.MAC{{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}}
				}
				if err := tx.PutVoucher(&x); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// answers measures pages of the list, from the request to the last byte.
func (v *venue) answers(b *testing.B, r *speeds) {
	x := v.scales()
	last := ""
	for _, c := range []struct{ name, query string }{
		{"the newest 50", ""}, {"search: a room, the newest 50", "?q=room+7"}, {"the page after it", "next"}, {"search: one code", "?q=0FFFE"},
		{"search: nothing found", "?q=nothing+like+it"}, {"one state", "?status=expired"}, {"state and text", "?status=expired&q=party+of+3"},
		{"by last login", "?sort=-last_use&q=room"},
	} {
		query := c.query
		if query == "next" {
			query = last
		}
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				resp, body := x.fetch(http.MethodGet, "/vouchers"+query, nil)
				took = append(took, time.Since(begun))
				if resp.StatusCode != http.StatusOK {
					b.Fatal(resp.Status)
				}
				if m := nextPage.FindStringSubmatch(body); m != nil {
					last = strings.ReplaceAll(m[1], "&amp;", "&")
				}
			}
			r.add(b, &r.answers, c.name, took, 100*time.Millisecond)
		})
	}
}

var nextPage = regexp.MustCompile(`rel="next" href="/vouchers([^"]*)"`)

// paints measures what a browser with an empty cache and a slow processor takes
// until the largest part of a page is on the screen.
func (v *venue) paints(b *testing.B, r *speeds) {
	weigh := v.scales()
	sizes := map[string]int{}
	for _, path := range []string{"/", "/vouchers"} {
		_, body := weigh.fetch(http.MethodGet, path, nil)
		sizes[path] = len(body)
	}
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { writeBare(w, sizes[r.URL.Path]) }))
	b.Cleanup(bare.Close)
	c := browser.Start(b, "MAP router.lan "+strings.TrimPrefix(v.url, "http://")+",MAP bare.lan "+strings.TrimPrefix(bare.URL, "http://")+",")
	v.signIn(c)
	c.Do(b, browser.Look(390, "light"), browser.Command(emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: slowdown}))
	for _, p := range []struct{ name, at string }{
		{"dashboard", venueURL + "/"}, {"a bare page of that size", "http://bare.lan/"},
		{"voucher list", venueURL + "/vouchers"}, {"a bare page of that size ", "http://bare.lan/vouchers"},
		{"voucher list, searched", venueURL + "/vouchers?q=room+7"},
	} {
		b.Run(p.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				took = append(took, paint(b, c, p.at))
			}
			r.add(b, &r.paints, p.name, took, time.Second)
		})
	}
	r.browser = chromium(b.Context())
}

// writeBare answers with a page of a size that has nothing but text, packed.
func writeBare(w http.ResponseWriter, size int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	n, _ := fmt.Fprint(z, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>Bare</title><h1>Bare</h1>`)
	for i := 0; n < size; i++ {
		m, _ := fmt.Fprintf(z, "<p>Room %d is on the floor of number %d.</p>\n", i*7919%1000, i%17)
		n += m
	}
	_ = z.Close() // a browser that has gone is seen where the page is measured
}

// paint opens a page with an empty cache and returns when its largest part was
// painted, counted from the click.
func paint(b *testing.B, c *browser.Browser, at string) time.Duration {
	b.Helper()
	c.Do(b, chromedp.Navigate("about:blank"), browser.Command(network.ClearBrowserCache, cdp.Empty{}), chromedp.Navigate(at))
	const largest = `new Promise((done) => {
		new PerformanceObserver((list) => {
			const first = performance.getEntriesByName("first-contentful-paint")[0];
			if (first) done(Math.max(first.startTime, ...list.getEntries().map((e) => e.startTime)));
		}).observe({type: "largest-contentful-paint", buffered: true});
	})`
	ms := browser.Ask(b, c, chromedp.Evaluate[float64](largest, chromedp.EvalAwaitPromise))
	return time.Duration(ms * float64(time.Millisecond))
}

func chromium(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "chromium", "--version").Output()
	return cmp.Or(strings.TrimSpace(string(out)), fmt.Sprint(err))
}

// speeds are what was measured, for people.
type speeds struct {
	answers, paints []string
	browser         string
}

// add puts a row with the median and the slowest into a table, and fails if the
// median is over a limit.
func (r *speeds) add(b *testing.B, table *[]string, name string, took []time.Duration, limit time.Duration) {
	b.Helper()
	slices.Sort(took)
	median, slowest := took[len(took)/2], took[len(took)-1]
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
	*table = append(*table, fmt.Sprintf("| %s | %s | %s | %d |", strings.TrimSpace(name), ms(median), ms(slowest), len(took)))
	b.ReportMetric(float64(median)/float64(time.Millisecond), "ms-median")
	if median > limit {
		b.Errorf("%s takes %v, of %v", name, median, limit)
	}
}

// text is the report as a document.
func (r *speeds) text() []byte {
	cpu := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(info); m != nil {
			cpu = string(m[1])
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# How fast the panel is

Written by `+"`make bench-panel`"+` on %s with %d processors (%s/%s), %s, %s.

## From the request to the last byte

A page of the list of vouchers, in a store on disk with %d of them, asked for over
loopback by one operator who is signed in: the search, the count, the markup, packed. At
most 100 ms.

| page | median | slowest | runs |
| --- | --- | --- | --- |
%s

## Until it is on the screen

The largest part of a page is painted (Largest Contentful Paint) in a browser with an empty
cache whose processor is slowed down %d times, 390 px wide, from the click on. The daemon,
on the same machine, is not slowed down, and the network is loopback: beside each page
stands, from the same run, one of as many bytes with nothing but text in it. At most one
second.

| page | median | slowest | runs |
| --- | --- | --- | --- |
%s
`, cpu, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), r.browser, manyVouchers,
		strings.Join(r.answers, "\n"), slowdown, strings.Join(r.paints, "\n"))
	return []byte(b.String())
}
