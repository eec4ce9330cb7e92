package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Stats is what the API needs of [hotspot.Service] for statistics.
type Stats interface {
	Live(most int) hotspot.LiveStats
	Series() []hotspot.RatePoint
	Readings(ctx context.Context) <-chan struct{}
	History(ctx context.Context, from, to time.Time, by hotspot.Step) ([]hotspot.HistoryPoint, error)
	TopVouchers(ctx context.Context, days, most int) ([]hotspot.TopVoucher, error)
}

// Live is what goes on now.
type Live struct {
	Time         *time.Time  `json:"time" doc:"when the counters were read last; null: not yet"`
	GuestsOnline int         `json:"guests_online" format:"int64"`
	DownloadRate uint64      `json:"download_rate" doc:"of all guests, bytes per second, smoothed over some 15 s"`
	UploadRate   uint64      `json:"upload_rate" doc:"the same"`
	Guests       []LiveGuest `json:"guests" nullable:"false" doc:"those with the most traffic first"`
	// Series is not part of the stream.
	Series []LivePoint `json:"series,omitempty" doc:"the last 30 minutes, oldest first"`
}

// LiveGuest is the traffic of one guest.
type LiveGuest struct {
	MAC          hotspot.MAC `json:"mac"`
	Login        string      `json:"login"`
	DownloadRate uint64      `json:"download_rate" doc:"bytes per second, smoothed"`
	UploadRate   uint64      `json:"upload_rate" doc:"the same"`
}

// LivePoint is a reading of the last 30 minutes.
type LivePoint struct {
	Time         *time.Time `json:"time"`
	GuestsOnline int        `json:"guests_online" format:"int64"`
	DownloadRate uint64     `json:"download_rate" doc:"bytes per second since the point before"`
	UploadRate   uint64     `json:"upload_rate" doc:"the same"`
}

// HistoryPoint is what was counted in an hour or on a day.
type HistoryPoint struct {
	Start       *time.Time   `json:"start" doc:"on the venue's clocks"`
	Download    uint64       `json:"download" doc:"bytes that were counted then"`
	Upload      uint64       `json:"upload" doc:"the same"`
	Logins      uint64       `json:"logins"`
	ByMethod    MethodCounts `json:"logins_by_method"`
	Peak        uint64       `json:"guests_peak" doc:"the most guests that were online when usage was stored"`
	Provisional bool         `json:"provisional" doc:"counted by a clock that was not believed; it moves when the time is known"`
}

// MethodCounts are logins by method.
type MethodCounts struct {
	Voucher  uint64 `json:"voucher"`
	Email    uint64 `json:"email"`
	Mobile   uint64 `json:"mobile"`
	Facebook uint64 `json:"facebook"`
	Free     uint64 `json:"free"`
}

// TopVoucher is what a voucher used.
type TopVoucher struct {
	Username string `json:"username"`
	FullName string `json:"full_name"`
	Download uint64 `json:"download" doc:"bytes"`
	Upload   uint64 `json:"upload" doc:"bytes"`
}

type (
	liveIn struct {
		Guests int `query:"guests" default:"100" minimum:"0" maximum:"1000" format:"int64" doc:"how many guests are told of"`
	}
	historyIn struct {
		From string `query:"from" doc:"2006-01-02 15:04:05 in the venue's zone, or RFC 3339, or so long ago, such as 7 days; by default 24 hours ago, or 30 days by day"`
		To   string `query:"to" doc:"the same; by default now"`
		By   string `query:"by" default:"hour" enum:"hour,day"`
	}
	topIn struct {
		Days  int `query:"days" default:"1" minimum:"1" maximum:"30" format:"int64" doc:"today and the days before"`
		Limit int `query:"limit" default:"10" minimum:"1" maximum:"100" format:"int64"`
	}
)

// stats registers the operations on statistics.
func (s *server) stats() {
	register(s, reads(surface.ScopeLive), &huma.Operation{OperationID: "get-live", Method: http.MethodGet, Path: "/stats/live",
		Summary: "Tell who is online and how much traffic there is"}, (*server).live)
	s.liveStream()
	register(s, reads(surface.ScopeLive), &huma.Operation{OperationID: "get-history", Method: http.MethodGet, Path: "/stats/history",
		Summary: "Tell logins and traffic by hour or by day",
		Description: "Bytes belong to the hour in which they were counted, so a session past midnight is in both days. " +
			"Days are the venue's: one on which clocks change has 23 or 25 hours."}, (*server).history)
	register(s, reads(surface.ScopeVouchers), &huma.Operation{OperationID: "get-top", Method: http.MethodGet, Path: "/stats/top",
		Summary: "List the vouchers that used the most today or on the last days"}, (*server).top)
	s.healthOps()
}

func (s *server) live(_ context.Context, in *liveIn) (*item[Live], error) {
	l := s.liveNow(in.Guests)
	for _, p := range s.Service.Series() {
		l.Series = append(l.Series, LivePoint{when(p.Time.Truncate(time.Second)), p.Online, p.Rate.Down, p.Rate.Up})
	}
	return &item[Live]{l}, nil
}

func (s *server) liveNow(most int) Live {
	l := s.Service.Live(most)
	out := Live{Time: in(s.Service.Zone(), l.Time), GuestsOnline: l.Online, DownloadRate: l.Rate.Down, UploadRate: l.Rate.Up,
		Guests: make([]LiveGuest, 0, len(l.Guests))}
	for _, g := range l.Guests {
		out.Guests = append(out.Guests, LiveGuest{g.MAC, g.Login, g.Rate.Down, g.Rate.Up})
	}
	return out
}

func (s *server) history(ctx context.Context, q *historyIn) (*item[List[HistoryPoint]], error) {
	from, err := s.parseMoment("from", q.From)
	if err != nil {
		return nil, err
	}
	to, err := s.parseMoment("to", q.To)
	if err != nil {
		return nil, err
	}
	if to.IsZero() {
		to, _ = s.Service.Now()
	}
	by := hotspot.Step(q.By)
	switch {
	case !from.IsZero():
	case by == hotspot.ByDay:
		from = to.AddDate(0, 0, -29)
	default:
		from = to.Add(-23 * time.Hour)
	}
	points, err := s.Service.History(ctx, from, to, by)
	if err != nil {
		return nil, err
	}
	list := List[HistoryPoint]{Items: make([]HistoryPoint, 0, len(points))}
	for _, p := range points {
		list.Items = append(list.Items, historyOf(p, s.Service.Zone()))
	}
	return &item[List[HistoryPoint]]{list}, nil
}

func historyOf(p hotspot.HistoryPoint, zone *time.Location) HistoryPoint {
	return HistoryPoint{Start: in(zone, p.Start), Download: p.Used.Down, Upload: p.Used.Up, Logins: p.Logins.All(),
		ByMethod: MethodCounts{p.Logins.Of(hotspot.MethodVoucher), p.Logins.Of(hotspot.MethodEmail), p.Logins.Of(hotspot.MethodMobile),
			p.Logins.Of(hotspot.MethodFacebook), p.Logins.Of(hotspot.MethodFree)},
		Peak: p.Peak, Provisional: p.Provisional}
}

func (s *server) top(ctx context.Context, in *topIn) (*item[List[TopVoucher]], error) {
	top, err := s.Service.TopVouchers(ctx, in.Days, in.Limit)
	if err != nil {
		return nil, err
	}
	list := List[TopVoucher]{Items: make([]TopVoucher, 0, len(top))}
	for _, t := range top {
		list.Items = append(list.Items, TopVoucher{t.Username, t.FullName, t.Used.Down, t.Used.Up})
	}
	return &item[List[TopVoucher]]{list}, nil
}
