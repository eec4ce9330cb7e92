package dashboard

import (
	"strconv"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const (
	// span is how far back the plot of rates goes, and step how much of it is one
	// of its points.
	span = 30 * time.Minute
	step = 30 * time.Second
	// days is how many days are told of.
	days = 30
)

// addLive adds what goes on, and what went on today and on the last days.
func (a *area) addLive(q *panel.Request, v *view) error {
	now := q.Now()
	hours, past, err := a.past.get(q.Context(), a.Service, now)
	if err != nil {
		return err
	}
	live := a.Service.Live(0)
	today := total(hours)
	v.Events = q.To(pathEvents)
	v.Tiles = []tileView{
		{Name: q.T("dashboard.online"), Text: q.Lang.Number(int64(live.Online)), Detail: q.T("dashboard.online.see"), To: q.To(pathGuests)},
		{Name: q.T("dashboard.down_now"), Text: rate(q, live.Rate.Down)},
		{Name: q.T("dashboard.up_now"), Text: rate(q, live.Rate.Up)},
		{Name: q.T("dashboard.logins_today"), Text: q.Lang.Number(int64(today.Logins.All()))},
		{Name: q.T("dashboard.data_today"), Text: q.Lang.Bytes(today.Used.Down + today.Used.Up), Detail: q.T("dashboard.data_today.up", "n", q.Lang.Bytes(today.Used.Up))},
	}
	if month := total(past); live.Online == 0 && month.Logins.All() == 0 {
		v.Start = start(q)
		return nil
	}
	v.Rates = ratesPlot(q, points(a.Service.Series(), now))
	if q.Renews() {
		return nil
	}
	v.Hours = hoursPlot(q, hours, today)
	v.Logins = methods(q, today)
	v.Days = daysPlot(q, past)
	return nil
}

// total adds points of history.
func total(points []hotspot.HistoryPoint) (sum hotspot.HistoryPoint) {
	for _, p := range points {
		sum.Used = sum.Used.Add(p.Used)
		for i, n := range p.Logins {
			sum.Logins[i] += n
		}
	}
	return sum
}

// rate writes bytes per second.
func rate(q *panel.Request, n uint64) string {
	return q.T("dashboard.rate", "n", q.Lang.Bytes(n))
}

// points are the readings of the last half hour, several made one by their mean.
// The newest point is the last.
func points(series []hotspot.RatePoint, now time.Time) []hotspot.RatePoint {
	all := make([]hotspot.RatePoint, span/step)
	count := make([]uint64, len(all))
	begin := now.Truncate(step).Add(step - span)
	for i := range all {
		all[i].Time = begin.Add(time.Duration(i) * step)
	}
	for _, p := range series {
		i := int(p.Time.Sub(begin) / step)
		if p.Time.Before(begin) || i >= len(all) {
			continue
		}
		count[i]++
		all[i].Rate.Down += p.Rate.Down
		all[i].Rate.Up += p.Rate.Up
		all[i].Online = p.Online
	}
	first := len(all)
	for i, n := range count {
		if n == 0 {
			continue
		}
		first = min(first, i)
		all[i].Rate.Down /= n
		all[i].Rate.Up /= n
	}
	return all[first:]
}

// plot is a plot of two directions under way.
type plot struct {
	view     *parts.PlotView
	down, up parts.SeriesView
	top      uint64
	write    func(uint64) string
}

func newPlot(q *panel.Request, key, axis string, write func(uint64) string) *plot {
	return &plot{
		view: &parts.PlotView{Lang: q.Lang, ID: key, Title: q.T("dashboard.plot." + key), Axis: q.T("dashboard." + axis)},
		down: parts.SeriesView{Name: q.T("dashboard.down")}, up: parts.SeriesView{Name: q.T("dashboard.up")}, write: write,
	}
}

func (p *plot) add(name string, down, up uint64) {
	p.view.Names = append(p.view.Names, name)
	p.down.Values, p.down.Texts = append(p.down.Values, float64(down)), append(p.down.Texts, p.write(down))
	p.up.Values, p.up.Texts = append(p.up.Values, float64(up)), append(p.up.Texts, p.write(up))
	p.top = max(p.top, down, up)
}

func (p *plot) done(q *panel.Request) *parts.PlotView {
	p.view.Series = []parts.SeriesView{p.down, p.up}
	p.view.Top = p.write(p.top)
	p.view.Description = q.T("dashboard.plot.most", "n", p.view.Top)
	return p.view
}

func ratesPlot(q *panel.Request, points []hotspot.RatePoint) *parts.PlotView {
	p := newPlot(q, "rates", "time", func(n uint64) string { return rate(q, n) })
	for _, x := range points {
		p.add(q.Lang.Time(x.Time, q.Now()), x.Rate.Down, x.Rate.Up)
	}
	return p.done(q)
}

func daysPlot(q *panel.Request, points []hotspot.HistoryPoint) *parts.PlotView {
	p := newPlot(q, "days", "day", q.Lang.Bytes)
	for _, x := range points {
		_, month, day := x.Start.Date()
		p.add(q.T("dashboard.date", "day", day, "month", q.T("month."+strconv.Itoa(int(month)))), x.Used.Down, x.Used.Up)
	}
	return p.done(q)
}

// hoursPlot is the plot of today's logins.
func hoursPlot(q *panel.Request, points []hotspot.HistoryPoint, today hotspot.HistoryPoint) *parts.PlotView {
	s := parts.SeriesView{Name: q.T("dashboard.logins")}
	v := &parts.PlotView{Lang: q.Lang, ID: "hours", Title: q.T("dashboard.plot.hours"), Axis: q.T("dashboard.hour"), Bars: true,
		Description: q.Lang.N("dashboard.logins_count", int64(today.Logins.All()))}
	top := uint64(0)
	for _, x := range points {
		n := x.Logins.All()
		v.Names = append(v.Names, q.T("dashboard.oclock", "n", x.Start.Hour()))
		s.Values, s.Texts = append(s.Values, float64(n)), append(s.Texts, q.Lang.Number(int64(n)))
		top = max(top, n)
	}
	v.Top, v.Series = q.Lang.Number(int64(top)), []parts.SeriesView{s}
	return v
}

// methods tells by which ways guests logged in today.
func methods(q *panel.Request, today hotspot.HistoryPoint) *parts.CardView {
	facts := &parts.FactsView{}
	for _, m := range hotspot.Methods() {
		if n := today.Logins.Of(m); n > 0 {
			facts.Rows = append(facts.Rows, parts.FactView{Name: q.T("dashboard.method." + string(m)), Text: q.Lang.Number(int64(n))})
		}
	}
	c := &parts.CardView{Title: q.T("dashboard.methods"), StreamContent: factsBlock(facts)}
	if len(facts.Rows) == 0 {
		c.Texts = []string{q.T("dashboard.methods.none")}
	}
	return c
}

func factsBlock(v *parts.FactsView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamFacts(w, v) }
}
