package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/webui/account"
)

// accountPages makes the account page. relay is there by the time that somebody
// asks for one.
func accountPages(ctx context.Context, accounts *cloud.Accounts, relay func() *cloud.Relay, domain string, log *slog.Logger) (http.Handler, error) {
	secret, err := accounts.Secret(ctx, "pages")
	if err != nil {
		return nil, fmt.Errorf("account page: %w", err)
	}
	return account.New(account.Config{Service: &service{accounts, relay, log.With("component", "account")}, Status: refusalStatus,
		Site: domain, Secret: secret, Now: time.Now, Log: log})
}

// refusalStatus is the status of what the rules refused.
func refusalStatus(err error) int {
	var no *cloud.Error
	switch {
	case errors.As(err, &no):
		return no.Status
	case errors.Is(err, cloud.ErrUnreachable): // which the log says once
		return http.StatusServiceUnavailable
	}
	return 0
}

// service is what the account page asks and does. Who did what is in the log.
type service struct {
	*cloud.Accounts
	relay func() *cloud.Relay
	log   *slog.Logger
}

func (s *service) done(account, what, subject string, err error) error {
	if err == nil {
		s.log.Info("account changed", "account", account, "change", what, "subject", subject)
	}
	return err
}

// Open implements account.Service.
func (s *service) Open(ctx context.Context, token string) (account.Account, error) {
	a, t, err := s.Accounts.Open(ctx, token)
	if err != nil {
		return account.Account{}, err
	}
	cloud.Opened(ctx, a.ID, t.Name)
	now := time.Now()
	out := account.Account{ID: a.ID, Name: a.Name, Token: t.Name, Usage: a.Usage, Limit: a.Limit(now), Licensed: a.License != nil && !a.License.Expired(now)}
	if a.License != nil && !out.Licensed {
		out.Ended, out.EndedLimit = time.Unix(a.License.Expires, 0), a.License.Limit
	}
	if out.Licensed && a.License.Expires != -1 {
		out.Expires = time.Unix(a.License.Expires, 0)
	}
	return out, nil
}

// onPage is how many routers are on a page.
const onPage = 100

// Routers implements account.Service.
func (s *service) Routers(ctx context.Context, id, after string) ([]account.Router, string, error) {
	list, next, err := s.relay().RoutersPage(ctx, id, after, onPage)
	out := make([]account.Router, 0, len(list))
	for _, r := range list {
		out = append(out, routerOf(r))
	}
	return out, next, err
}

// Router implements account.Service.
func (s *service) Router(ctx context.Context, id, prefix string) (account.Router, error) {
	r, err := s.relay().RouterOf(ctx, id, prefix)
	return routerOf(r), err
}

func routerOf(r cloud.RouterState) account.Router {
	return account.Router{Prefix: r.Prefix, Host: r.Host, Name: r.Name, Version: r.Version, Online: r.Online, LastSeen: r.LastSeen}
}

// NewClaim implements account.Service.
func (s *service) NewClaim(ctx context.Context, id string) (string, time.Time, error) {
	code, expires, err := s.Accounts.NewClaim(ctx, id)
	return code, expires, s.done(id, "claim code made", "", err)
}

// Rotate implements account.Service.
func (s *service) Rotate(ctx context.Context, id, prefix string) error {
	r, err := s.relay().Rotate(ctx, id, prefix)
	return s.done(id, "router got another address", r.ID, err)
}

// RemoveRouter implements account.Service.
func (s *service) RemoveRouter(ctx context.Context, id, prefix string) error {
	r, err := s.relay().RemoveRouter(ctx, id, prefix)
	return s.done(id, "router removed", r.ID, err)
}

// Tokens implements account.Service.
func (s *service) Tokens(ctx context.Context, id string) ([]account.Token, error) {
	list, err := s.Accounts.Tokens(ctx, id)
	out := make([]account.Token, 0, len(list))
	for _, t := range list {
		out = append(out, account.Token{Name: t.Name, Expires: t.Expires})
	}
	return out, err
}

// CreateToken implements account.Service.
func (s *service) CreateToken(ctx context.Context, id, name string, days int) (string, error) {
	t, token, err := s.Accounts.CreateToken(ctx, id, name, days)
	return token, s.done(id, "token made", t.Name, err)
}

// RemoveToken implements account.Service.
func (s *service) RemoveToken(ctx context.Context, id, name string) error {
	return s.done(id, "token removed", name, s.Accounts.RemoveToken(ctx, id, name))
}

// SetLicense implements account.Service.
func (s *service) SetLicense(ctx context.Context, id, text string) error {
	l, err := s.Accounts.SetLicense(ctx, id, text)
	return s.done(id, "licence set", l.ID, err)
}
