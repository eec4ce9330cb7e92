package dashboard

import (
	"context"
	"embed"
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the texts of the page.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the page asks of the rules; *hotspot.Service answers.
type Service interface {
	Live(most int) hotspot.LiveStats
	Series() []hotspot.RatePoint
	Readings(ctx context.Context) <-chan struct{}
	History(ctx context.Context, from, to time.Time, by hotspot.Step) ([]hotspot.HistoryPoint, error)
	TopVouchers(ctx context.Context, days, most int) ([]hotspot.TopVoucher, error)
}

// Config is what the page is made of.
type Config struct {
	Service Service        // must not be nil
	Streams *panel.Streams // must not be nil
	// Health tells how the parts of the hotspot are. It must be quick, as a
	// [api.HealthWatch] is. Must not be nil.
	Health func(context.Context) []api.Finding
	// Notices are what the operator should know beside that. Must not be nil.
	Notices func() hotspot.Texts
}

// The page's addresses, and those of other areas that it leads to.
const (
	path         = "/"
	pathEvents   = "/events"
	pathGuests   = "/guests"
	pathVouchers = "/vouchers"
	pathPrint    = "/print"
	pathSettings = "/settings"
)

type area struct {
	Config
	past past
}

// New returns the page.
func New(cfg Config) panel.Section {
	a := &area{Config: cfg}
	return panel.Section{
		Nav: []panel.NavItem{{Key: "dashboard.nav", Path: path, Access: panel.SignedIn()}},
		Pages: []panel.Page{
			{Method: http.MethodGet, Path: path, Access: panel.SignedIn(), Serve: a.page},
			{Method: http.MethodGet, Path: pathEvents, Access: panel.Reads(api.ScopeLive), Serve: a.events},
		},
		Files: Files,
	}
}

// events tells the page when the counters were read.
func (a *area) events(q *panel.Request) {
	a.Streams.Serve(q, a.Service.Readings(q.Context()), panel.RenewEvery)
}

// view is the page.
type view struct {
	Alerts []alertView
	Events webui.URL  // of what goes on
	Tiles  []tileView // what goes on, in figures
	Rates  *parts.PlotView
	Start  *parts.CardView // what to do next; nil: the hotspot is in use
	Hours  *parts.PlotView
	Logins *parts.CardView
	Days   *parts.PlotView
	Top    *parts.TableView
	Spans  *parts.TabsView // of the top
	Health *parts.CardView // nil on a page that renews itself
}

// tileView is a figure that counts.
type tileView struct {
	Name, Text, Detail string
	To                 webui.URL // what is behind it, if anything
}

// page shows what whoever asks may see.
func (a *area) page(q *panel.Request) {
	v := &view{}
	if !q.Renews() {
		a.addHealth(q, v)
	}
	if q.May(panel.Reads(api.ScopeLive)) {
		if err := a.addLive(q, v); err != nil {
			q.Fail(err)
			return
		}
	}
	if v.Start == nil && !q.Renews() && q.May(panel.Reads(api.ScopeVouchers)) {
		if err := a.addTop(q, v); err != nil {
			q.Fail(err)
			return
		}
	}
	q.Show(q.T("dashboard.title"), v.StreamMain)
}

// start is what to do with a hotspot that nobody has used.
func start(q *panel.Request) *parts.CardView {
	var links []parts.LinkView
	var first *parts.LinkView
	if q.May(panel.Writes(api.ScopeVouchers)) {
		first = &parts.LinkView{Text: q.T("dashboard.start.make"), To: q.To(pathVouchers + "/new")}
		links = append(links, parts.LinkView{Text: q.T("dashboard.start.print"), To: q.To(pathPrint)})
	}
	if q.May(panel.Reads(api.ScopeSettings)) {
		links = append(links, parts.LinkView{Text: q.T("dashboard.start.settings"), To: q.To(pathSettings)})
	}
	return &parts.CardView{Title: q.T("dashboard.start"), Texts: []string{q.T("dashboard.start.text")},
		List:          []string{q.T("dashboard.start.1"), q.T("dashboard.start.2"), q.T("dashboard.start.3")},
		StreamContent: func(w *quicktemplate.Writer) { streamactions(w, first, links) }}
}

// tops is from how many days vouchers are compared.
var tops = [...]int{7, 30}

// topVouchers is how many of them are shown.
const topVouchers = 10

// addTop adds the vouchers that used the most.
func (a *area) addTop(q *panel.Request, v *view) error {
	days := tops[0]
	if q.URL.Query().Get("top") == "30" {
		days = tops[1]
	}
	all, err := a.Service.TopVouchers(q.Context(), days, topVouchers)
	if err != nil {
		return err
	}
	v.Spans = &parts.TabsView{Label: q.T("dashboard.top")}
	for _, n := range tops {
		top := ""
		if n != tops[0] {
			top = "30"
		}
		v.Spans.Links = append(v.Spans.Links, parts.LinkView{Text: q.Lang.N("dashboard.days", int64(n)), To: q.To(path, "top", top), Current: n == days})
	}
	v.Top = &parts.TableView{Lang: q.Lang, ID: "top", Caption: q.Lang.N("dashboard.top.span", int64(days)), Columns: []parts.ColumnView{
		{Text: q.T("dashboard.voucher")}, {Text: q.T("dashboard.name")}, {Text: q.T("dashboard.down"), Number: true}, {Text: q.T("dashboard.up"), Number: true}},
		Empty: &parts.EmptyView{Title: q.T("dashboard.top.none"), Text: q.T("dashboard.top.none_text")}}
	for _, t := range all {
		v.Top.Rows = append(v.Top.Rows, []parts.CellView{
			{Text: t.Username, Typed: true, To: q.To(pathVouchers + "/by-id/" + strconv.FormatUint(t.ID, 10))}, {Text: t.FullName, Typed: true},
			{Text: q.Lang.Bytes(t.Used.Down)}, {Text: q.Lang.Bytes(t.Used.Up)},
		})
	}
	return nil
}
