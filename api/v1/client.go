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
	var got Status
	err := c.call(ctx, http.MethodGet, "/status", nil, &got)
	return got, err
}

// Vouchers lists the vouchers that are selected, oldest first, page by page. It
// ends after the first error.
func (c *Client) Vouchers(ctx context.Context, sel Selection) iter.Seq2[Voucher, error] {
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	set(q, "status", strings.Join(sel.Status, ","))
	set(q, "username", sel.Username)
	set(q, "note", sel.Note)
	set(q, "created_before", sel.CreatedBefore)
	set(q, "created_after", sel.CreatedAfter)
	return pages(ctx, func(cursor string) (Page[Voucher], error) {
		set(q, "cursor", cursor)
		var got Page[Voucher]
		err := c.call(ctx, http.MethodGet, "/vouchers?"+q.Encode(), nil, &got)
		return got, err
	})
}

// VoucherPage returns one page of all vouchers; the first one has an empty
// cursor.
func (c *Client) VoucherPage(ctx context.Context, cursor string, limit int) (Page[Voucher], error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	set(q, "cursor", cursor)
	var got Page[Voucher]
	err := c.call(ctx, http.MethodGet, "/vouchers?"+q.Encode(), nil, &got)
	return got, err
}

// Logins lists logins, newest first, page by page.
func (c *Client) Logins(ctx context.Context, f LoginFilter) iter.Seq2[Login, error] {
	q := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if f.Limit > 0 && f.Limit < pageSize {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	set(q, "since", f.Since)
	set(q, "until", f.Until)
	set(q, "voucher", f.Voucher)
	set(q, "mac", f.MAC)
	return pages(ctx, func(cursor string) (Page[Login], error) {
		set(q, "cursor", cursor)
		var got Page[Login]
		err := c.call(ctx, http.MethodGet, "/logins?"+q.Encode(), nil, &got)
		return got, err
	})
}

// LoginFilter says which logins are asked for; what is empty does not count.
type LoginFilter struct {
	Since, Until, Voucher, MAC string
	Limit                      int // no more will be read; 0: no limit
}

// Person tells what is known of somebody: a user as method and id, an e-mail
// address, a number or a MAC.
func (c *Client) Person(ctx context.Context, who string) (Person, error) {
	var got Person
	err := c.call(ctx, http.MethodGet, "/users/"+segment(who), nil, &got)
	return got, err
}

// ErasePerson deletes somebody everywhere, and returns what there was.
func (c *Client) ErasePerson(ctx context.Context, who string) (Person, error) {
	var got Person
	err := c.call(ctx, http.MethodDelete, "/users/"+segment(who), nil, &got)
	return got, err
}

// ExportPerson writes all that is known of somebody to w, as JSON.
func (c *Client) ExportPerson(ctx context.Context, who string, w io.Writer) error {
	return c.copy(ctx, "/users/"+segment(who)+"/export", w)
}

// Users lists the users of a login method, oldest first, page by page.
func (c *Client) Users(ctx context.Context, method string) iter.Seq2[User, error] {
	q := url.Values{"limit": {strconv.Itoa(pageSize)}, "method": {method}}
	return pages(ctx, func(cursor string) (Page[User], error) {
		set(q, "cursor", cursor)
		var got Page[User]
		err := c.call(ctx, http.MethodGet, "/users?"+q.Encode(), nil, &got)
		return got, err
	})
}

func set(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}

// pages reads a list to its end.
func pages[T any](ctx context.Context, get func(cursor string) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			page, err := get(cursor)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				var none T
				yield(none, err)
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

// CreateVouchers makes vouchers, all or none.
func (c *Client) CreateVouchers(ctx context.Context, n NewVouchers) ([]Voucher, error) {
	var list List[Voucher]
	err := c.call(ctx, http.MethodPost, "/vouchers", n, &list)
	return list.Items, err
}

// Voucher returns a voucher by its username.
func (c *Client) Voucher(ctx context.Context, username string) (Voucher, error) {
	var got Voucher
	err := c.call(ctx, http.MethodGet, "/vouchers/"+segment(username), nil, &got)
	return got, err
}

// EditVoucher changes a voucher and returns it as it is then.
func (c *Client) EditVoucher(ctx context.Context, username string, e VoucherEdit) (Voucher, error) {
	var got Voucher
	err := c.call(ctx, http.MethodPatch, "/vouchers/"+segment(username), e, &got)
	return got, err
}

// RemoveVoucher removes a voucher and ends its sessions.
func (c *Client) RemoveVoucher(ctx context.Context, username string) error {
	return c.call(ctx, http.MethodDelete, "/vouchers/"+segment(username), nil, &none{})
}

// EditVouchers changes those vouchers that are named, or one batch of those that
// are selected.
func (c *Client) EditVouchers(ctx context.Context, e EditVouchers) (Changed[Voucher], error) {
	var got Changed[Voucher]
	err := c.call(ctx, http.MethodPost, "/vouchers/edit", e, &got)
	return got, err
}

// RemoveVouchers removes those vouchers that are named, or one batch of those
// that are selected, and returns their usernames.
func (c *Client) RemoveVouchers(ctx context.Context, r RemoveVouchers) (Changed[string], error) {
	var got Changed[string]
	err := c.call(ctx, http.MethodPost, "/vouchers/remove", r, &got)
	return got, err
}

// ImportVouchers makes vouchers from lines of [ImportVoucher], all or none.
func (c *Client) ImportVouchers(ctx context.Context, lines io.Reader, conflict hotspot.OnConflict, dryRun bool) (ImportResult, error) {
	q := url.Values{"on_conflict": {string(conflict)}, "dry_run": {strconv.FormatBool(dryRun)}}
	var got ImportResult
	err := c.send(ctx, http.MethodPost, "/vouchers/import?"+q.Encode(), linesType, lines, &got)
	return got, err
}

// Backup writes a copy of all that is stored to w.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.copy(ctx, "/backup", w)
}

// copy writes a file to w.
func (c *Client) copy(ctx context.Context, path string, w io.Writer) error {
	res, err := c.do(ctx, http.MethodGet, path, "", http.NoBody)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 400 {
		return receive(res, nil)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("copy a file from the router: %w", err)
	}
	return nil
}

// Restore puts a backup in place of all that is stored or, with dryRun, only
// verifies it.
func (c *Client) Restore(ctx context.Context, backup io.Reader, dryRun bool) (Backup, error) {
	var got Backup
	err := c.send(ctx, http.MethodPost, "/restore?dry_run="+strconv.FormatBool(dryRun), snapshotType, backup, &got)
	return got, err
}

// Guests lists the guests let in, in order of login.
func (c *Client) Guests(ctx context.Context) ([]Guest, error) {
	var list List[Guest]
	err := c.call(ctx, http.MethodGet, "/guests", nil, &list)
	return list.Items, err
}

// Kick ends a guest's session.
func (c *Client) Kick(ctx context.Context, mac hotspot.MAC) error {
	return c.call(ctx, http.MethodDelete, "/guests/"+segment(mac.String()), nil, &none{})
}

// Hosts lists the devices on the guest network, let in or not.
func (c *Client) Hosts(ctx context.Context) ([]Host, error) {
	var list List[Host]
	err := c.call(ctx, http.MethodGet, "/hosts", nil, &list)
	return list.Items, err
}

// Settings lists all settings, in order of key.
func (c *Client) Settings(ctx context.Context) ([]Setting, error) {
	var list List[Setting]
	err := c.call(ctx, http.MethodGet, "/settings", nil, &list)
	return list.Items, err
}

// Setting returns one setting.
func (c *Client) Setting(ctx context.Context, key string) (Setting, error) {
	var got Setting
	err := c.call(ctx, http.MethodGet, "/settings/"+segment(key), nil, &got)
	return got, err
}

// SetSetting changes one setting and returns it as it is then.
func (c *Client) SetSetting(ctx context.Context, key, value string) (Setting, error) {
	var got Setting
	err := c.call(ctx, http.MethodPut, "/settings/"+segment(key), SettingValue{value}, &got)
	return got, err
}

// SetSettings changes several settings, all of them or none, and returns all.
func (c *Client) SetSettings(ctx context.Context, values map[string]string) ([]Setting, error) {
	var list List[Setting]
	err := c.call(ctx, http.MethodPatch, "/settings", SettingValues{values}, &list)
	return list.Items, err
}

// DeviceKey returns the action API's key.
func (c *Client) DeviceKey(ctx context.Context) (string, error) {
	var k DeviceKey
	err := c.call(ctx, http.MethodGet, "/device-key", nil, &k)
	return k.Key, err
}

// RegenerateKey replaces the action API's key and returns the new one.
func (c *Client) RegenerateKey(ctx context.Context) (string, error) {
	var k DeviceKey
	err := c.call(ctx, http.MethodPost, "/device-key/regenerate", nil, &k)
	return k.Key, err
}

// ClockSynced tells the daemon that the system's clock is right.
func (c *Client) ClockSynced(ctx context.Context) error {
	return c.call(ctx, http.MethodPut, "/clock", ClockState{true}, &none{})
}

// segment escapes a value for use as one segment of a path. Dots alone would
// be taken for a way up.
func segment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}

// call sends a request and reads the answer into what out points to. It has no
// type parameter, or a router's flash would have a copy of it for every type.
func (c *Client) call(ctx context.Context, method, path string, body, out any) error {
	if body == nil {
		return c.send(ctx, method, path, "", http.NoBody, out)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	return c.send(ctx, method, path, jsonType, bytes.NewReader(b), out)
}

func (c *Client) send(ctx context.Context, method, path, mediaType string, body io.Reader, out any) error {
	res, err := c.do(ctx, method, path, mediaType, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return receive(res, out)
}

func (c *Client) do(ctx context.Context, method, path, mediaType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://vouchsafe"+Prefix+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, bare(err)
	}
	return res, nil
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
