package v1

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Live tells what goes on now, with up to most guests.
func (c *Client) Live(ctx context.Context, most int) (Live, error) {
	var got Live
	err := c.call(ctx, http.MethodGet, "/stats/live?guests="+strconv.Itoa(most), nil, &got)
	return got, err
}

// History tells what was counted by hour or by day; what is empty is as the API
// has it by default.
func (c *Client) History(ctx context.Context, from, to, by string) ([]HistoryPoint, error) {
	q := url.Values{}
	set(q, "from", from)
	set(q, "to", to)
	set(q, "by", by)
	var list List[HistoryPoint]
	err := c.call(ctx, http.MethodGet, "/stats/history?"+q.Encode(), nil, &list)
	return list.Items, err
}

// TopVouchers lists the vouchers that used the most on the last days.
func (c *Client) TopVouchers(ctx context.Context, days, limit int) ([]TopVoucher, error) {
	var list List[TopVoucher]
	err := c.call(ctx, http.MethodGet, "/stats/top?days="+strconv.Itoa(days)+"&limit="+strconv.Itoa(limit), nil, &list)
	return list.Items, err
}

// Health tells how the parts of the hotspot are.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var got Health
	err := c.call(ctx, http.MethodGet, "/health", nil, &got)
	return got, err
}
