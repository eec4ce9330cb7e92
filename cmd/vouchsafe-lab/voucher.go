package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// voucher is what the action API says of a new one.
type voucher struct {
	Username string `json:"username"`
	Passcode string `json:"passcode"`
	ValidFor string `json:"valid_for"`
	Download string `json:"download_limit"` // in MB
}

// createVoucher makes a voucher for a day and 200 MB of download.
func createVoucher(ctx context.Context, c *http.Client, api, key string) (voucher, error) {
	form := url.Values{
		"action": {"create_voucher"}, "api-key": {key},
		"fullname": {"Demo Guest"}, "valid_for": {"1 day"}, "download_limit": {"200"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api, strings.NewReader(form.Encode()))
	if err != nil {
		return voucher{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(req)
	if err != nil {
		return voucher{}, fmt.Errorf("create_voucher: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return voucher{}, fmt.Errorf("create_voucher: %w", err)
	}
	var answer struct {
		Message string
		Error   bool
		Detail  string
		User    voucher
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return voucher{}, fmt.Errorf("create_voucher: %s: %w", resp.Status, err)
	}
	if answer.Error || answer.User.Username == "" {
		return voucher{}, errors.New("create_voucher: " + strings.TrimSpace(answer.Message+" "+answer.Detail))
	}
	return answer.User, nil
}
