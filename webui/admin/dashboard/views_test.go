package dashboard

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	l := paneltest.English(f, Files)
	plot := func() *parts.PlotView {
		return &parts.PlotView{Lang: l, Description: "x", Top: "x", Names: []string{"x"}, Series: []parts.SeriesView{{Values: []float64{1}, Texts: []string{"x"}}, {}}}
	}
	link := &parts.LinkView{To: webui.Local("/x", nil)}
	v := &view{Alerts: []alertView{{Kind: parts.Bad, Remedy: "x", Fix: link, Advice: "x", Details: "x"}, {}}, Tiles: []tileView{{To: link.To}, {Detail: "x"}},
		Rates: plot(), Start: &parts.CardView{List: []string{"x"}}, Hours: plot(), Days: plot(), Logins: &parts.CardView{},
		Spans: &parts.TabsView{Links: []parts.LinkView{*link}}, Top: &parts.TableView{Lang: l}, Health: &parts.CardView{Texts: []string{"x"}}}
	v.Start.StreamContent = func(w *quicktemplate.Writer) { streamactions(w, link, []parts.LinkView{*link}) }
	paneltest.Inject(f, l, v, v.StreamMain)
}

// TestPoints: readings become means of half minutes, the newest last; a plot
// begins with the first reading.
func TestPoints(t *testing.T) {
	now := time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC)
	if got := points(nil, now); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	var series []hotspot.RatePoint
	for _, x := range []struct {
		ago  time.Duration
		down uint64
	}{{45 * time.Minute, 1000}, {95 * time.Second, 10}, {85 * time.Second, 30}, {4 * time.Second, 8}, {-time.Hour, 1000}} {
		series = append(series, hotspot.RatePoint{Time: now.Add(-x.ago), Rate: hotspot.Rate{Down: x.down, Up: x.down * 2}})
	}
	got := points(series, now)
	want := []uint64{20, 0, 0, 8}
	if len(got) != len(want) {
		t.Fatalf("%d points: %v", len(got), got)
	}
	for i, p := range got {
		if p.Rate != (hotspot.Rate{Down: want[i], Up: 2 * want[i]}) {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	if last := got[len(got)-1].Time; last.After(now) || now.Sub(last) > step {
		t.Errorf("the last point is of %s", last)
	}
	full := make([]hotspot.RatePoint, 0, 1801)
	for i := range 1801 {
		full = append(full, hotspot.RatePoint{Time: now.Add(time.Duration(i-1800) * time.Second), Rate: hotspot.Rate{Down: 7}})
	}
	if got := points(full, now); len(got) != 60 || got[0].Rate.Down != 7 || got[59].Rate.Down != 7 {
		t.Errorf("%d points", len(got))
	}
}

// counter counts how often history is read.
type counter struct {
	Service
	reads int
}

func (c *counter) History(_ context.Context, from, to time.Time, by hotspot.Step) ([]hotspot.HistoryPoint, error) {
	c.reads++
	return []hotspot.HistoryPoint{{Start: from}}, nil
}

// TestPast: however often pages renew themselves, history is read twice in half a
// minute, and anew when the day changes.
func TestPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := &counter{}, &past{}
		zone := time.FixedZone("", 2*60*60)
		at := func(d time.Duration, reads int) {
			t.Helper()
			<-time.After(d)
			hours, days, err := p.get(t.Context(), c, time.Now().In(zone))
			if err != nil || c.reads != reads || len(hours) != 1 || len(days) != 1 {
				t.Errorf("%d reads, want %d; %v", c.reads, reads, err)
			}
			if h := hours[0].Start; h.Hour() != 0 || h.Location() != zone || h.Sub(days[0].Start) != 29*24*time.Hour {
				t.Errorf("the day begins at %s, the days at %s", h, days[0].Start)
			}
		}
		at(0, 2)
		at(29*time.Second, 2)
		at(time.Second, 4)
		year, month, day := time.Now().In(zone).Date()
		at(time.Until(time.Date(year, month, day+1, 0, 0, 0, 0, zone))-time.Second, 6)
		at(time.Second, 8)
		at(time.Second, 8)
	})
}
