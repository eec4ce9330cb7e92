package v1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxAnswer bounds what the client reads of one answer; the largest real one
// is a full batch of new vouchers.
const maxAnswer = 64 << 20

// Client calls the API. Its errors are *hotspot.Error where the API answered,
// and the transport's where it did not.
type Client struct {
	http *http.Client
}

// NewClient returns a client that speaks through rt, such as [DialUnix] or
// [InProcess].
func NewClient(rt http.RoundTripper) *Client { return &Client{&http.Client{Transport: rt}} }

// Status tells how the daemon fares.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, "/status", nil)
}

// Vouchers lists all vouchers, oldest first, page by page. It ends after the
// first error.
func (c *Client) Vouchers(ctx context.Context) iter.Seq2[Voucher, error] {
	return func(yield func(Voucher, error) bool) {
		for cursor := ""; ; {
			page, err := c.VoucherPage(ctx, cursor, pageSize)
			if err != nil {
				yield(Voucher{}, err)
				return
			}
			for _, v := range page.Items {
				if !yield(v, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			cursor = page.Next
		}
	}
}

// VoucherPage returns one page of vouchers; the first one has an empty cursor.
func (c *Client) VoucherPage(ctx context.Context, cursor string, limit int) (Page[Voucher], error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return call[Page[Voucher]](ctx, c, http.MethodGet, "/vouchers?"+q.Encode(), nil)
}

// CreateVouchers makes vouchers, all or none.
func (c *Client) CreateVouchers(ctx context.Context, n NewVouchers) ([]Voucher, error) {
	list, err := call[List[Voucher]](ctx, c, http.MethodPost, "/vouchers", n)
	return list.Items, err
}

// Voucher returns a voucher by its username.
func (c *Client) Voucher(ctx context.Context, username string) (Voucher, error) {
	return call[Voucher](ctx, c, http.MethodGet, "/vouchers/"+segment(username), nil)
}

// EditVoucher changes a voucher and returns it as it is then.
func (c *Client) EditVoucher(ctx context.Context, username string, e VoucherEdit) (Voucher, error) {
	return call[Voucher](ctx, c, http.MethodPatch, "/vouchers/"+segment(username), e)
}

// RemoveVoucher removes a voucher and ends its sessions.
func (c *Client) RemoveVoucher(ctx context.Context, username string) error {
	_, err := call[none](ctx, c, http.MethodDelete, "/vouchers/"+segment(username), nil)
	return err
}

// Guests lists the guests let in, in order of login.
func (c *Client) Guests(ctx context.Context) ([]Guest, error) {
	list, err := call[List[Guest]](ctx, c, http.MethodGet, "/guests", nil)
	return list.Items, err
}

// Kick ends a guest's session.
func (c *Client) Kick(ctx context.Context, mac hotspot.MAC) error {
	_, err := call[none](ctx, c, http.MethodDelete, "/guests/"+segment(mac.String()), nil)
	return err
}

// Hosts lists the devices on the guest network, let in or not.
func (c *Client) Hosts(ctx context.Context) ([]Host, error) {
	list, err := call[List[Host]](ctx, c, http.MethodGet, "/hosts", nil)
	return list.Items, err
}

// Settings lists all settings, in order of key.
func (c *Client) Settings(ctx context.Context) ([]Setting, error) {
	list, err := call[List[Setting]](ctx, c, http.MethodGet, "/settings", nil)
	return list.Items, err
}

// Setting returns one setting.
func (c *Client) Setting(ctx context.Context, key string) (Setting, error) {
	return call[Setting](ctx, c, http.MethodGet, "/settings/"+segment(key), nil)
}

// SetSetting changes one setting and returns it as it is then.
func (c *Client) SetSetting(ctx context.Context, key, value string) (Setting, error) {
	return call[Setting](ctx, c, http.MethodPut, "/settings/"+segment(key), SettingValue{value})
}

// DeviceKey returns the action API's key.
func (c *Client) DeviceKey(ctx context.Context) (string, error) {
	k, err := call[DeviceKey](ctx, c, http.MethodGet, "/device-key", nil)
	return k.Key, err
}

// RegenerateKey replaces the action API's key and returns the new one.
func (c *Client) RegenerateKey(ctx context.Context) (string, error) {
	k, err := call[DeviceKey](ctx, c, http.MethodPost, "/device-key/regenerate", nil)
	return k.Key, err
}

// ClockSynced tells the daemon that the system's clock is right.
func (c *Client) ClockSynced(ctx context.Context) error {
	_, err := call[none](ctx, c, http.MethodPut, "/clock", ClockState{true})
	return err
}

// segment escapes a value for use as one segment of a path. Dots alone would
// be taken for a way up.
func segment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}

func call[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var out T
	var send io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return out, fmt.Errorf("encode request: %w", err)
		}
		send = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://vouchsafe"+Prefix+path, send)
	if err != nil {
		return out, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return out, bare(err)
	}
	defer res.Body.Close()
	return out, receive(res, &out)
}

// bare takes off the method and made-up URL that http.Client puts before a
// transport's error.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func receive(res *http.Response, out any) error {
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode >= 400 {
		p := Problem{}
		if json.Unmarshal(b, &p) != nil || p.Code == "" {
			p = Problem{Code: codeOf(res.StatusCode), Detail: "the daemon answered " + strconv.Itoa(res.StatusCode) + " " + http.StatusText(res.StatusCode)}
		}
		return p.domain()
	}
	if res.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}
