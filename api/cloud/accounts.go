package cloud

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// AccountsConfig is what Accounts are made of.
type AccountsConfig struct {
	Store Store            // must not be nil
	Now   func() time.Time // nil: time.Now
	// LicenseKey is what licences are signed with; nil: there are none.
	LicenseKey ed25519.PublicKey
}

// Accounts has the rules of accounts, tokens, licences and routers.
type Accounts struct{ cfg AccountsConfig }

// NewAccounts returns the rules over a store.
func NewAccounts(cfg AccountsConfig) *Accounts {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Accounts{cfg}
}

// tries bounds how often a transaction is made again because others were
// faster.
const tries = 20

// retry does a step until nobody has changed what it read.
func retry(step func() error) error {
	for range tries {
		if err := step(); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return refuse(http.StatusServiceUnavailable, "too much is happening in this account at once; try again")
}

// found tells a failure of the store from a record that is not there.
func found(err error, ok bool, missing *Error) error {
	if err == nil && !ok {
		return missing
	}
	return err
}

// errUnauthorized is a token that opens nothing.
func errUnauthorized() *Error {
	return refuse(http.StatusUnauthorized, "the API token is wrong or has expired")
}

// Create makes an account and its first token, which is not shown again.
func (a *Accounts) Create(ctx context.Context, name string) (Account, string, error) {
	if err := checkName("an account's name", name); err != nil {
		return Account{}, "", err
	}
	for range tries {
		acc := Account{ID: newID(), Name: name, Created: a.cfg.Now().UTC().Truncate(time.Second)}
		token := newToken()
		first := Token{Account: acc.ID, Name: "first"}
		err := a.cfg.Store.Commit(ctx, Transaction{
			If:  []Entry{{Key: accountKey(acc.ID)}},
			Put: []Entry{entry(accountKey(acc.ID), acc), entry(tokenKey(token), first), entry(tokenNameKey(acc.ID, first.Name), hash(token))},
		})
		if !errors.Is(err, ErrConflict) {
			return acc, token, err
		}
	}
	return Account{}, "", errors.New("no free account id was found")
}

// checkName refuses names that would be trouble to show.
func checkName(what, name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > 64 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return refuse(http.StatusUnprocessableEntity, "%s has 1 to 64 characters", what)
	}
	return nil
}

// Account returns an account.
func (a *Accounts) Account(ctx context.Context, id string) (Account, error) {
	var acc Account
	_, ok, err := a.record(ctx, accountKey(id), &acc)
	return acc, found(err, ok, refuse(http.StatusNotFound, "there is no account %q", id))
}

// Open returns the account that a token opens, and what is known of the token.
func (a *Accounts) Open(ctx context.Context, token string) (Account, Token, error) {
	var t Token
	if len(token) > 64 {
		return Account{}, t, errUnauthorized()
	}
	_, ok, err := a.record(ctx, tokenKey(strings.ToUpper(strings.TrimSpace(token))), &t)
	if err != nil {
		return Account{}, t, err
	}
	if !ok || !t.Expires.IsZero() && !a.cfg.Now().Before(t.Expires) {
		return Account{}, t, errUnauthorized()
	}
	acc, err := a.Account(ctx, t.Account)
	return acc, t, err
}

// Secret returns 32 random bytes that are kept under a name, for as long as the
// records are. It makes them if there are none.
func (a *Accounts) Secret(ctx context.Context, name string) ([]byte, error) {
	return a.Keep(ctx, name, random(32))
}

// Keep returns the 32 secret bytes that are kept under a name. If there are none,
// the first ones are.
func (a *Accounts) Keep(ctx context.Context, name string, first []byte) ([]byte, error) {
	var secret []byte
	err := retry(func() error {
		e, ok, err := a.record(ctx, secretKey(name), &secret)
		if err != nil || ok {
			return err
		}
		secret = first
		return a.cfg.Store.Commit(ctx, Transaction{If: []Entry{e}, Put: []Entry{Kept(name, secret)}})
	})
	if err == nil && len(secret) != 32 {
		err = fmt.Errorf("the record %s is damaged", secretKey(name))
	}
	return secret, err
}

// Kept is the record in which Keep keeps a secret.
func Kept(name string, secret []byte) Entry { return entry(secretKey(name), secret) }

// SetLicense puts a licence into force. One that is wrong leaves the one in
// force; one licence is for one account.
func (a *Accounts) SetLicense(ctx context.Context, account, text string) (License, error) {
	if a.cfg.LicenseKey == nil {
		return License{}, refuse(http.StatusUnprocessableEntity, "this cloud has no licences")
	}
	l, err := ReadLicense(a.cfg.LicenseKey, text, a.cfg.Now())
	if err != nil {
		return l, err
	}
	return l, retry(func() error {
		var acc Account
		e, ok, err := a.record(ctx, accountKey(account), &acc)
		if err = found(err, ok, refuse(http.StatusNotFound, "there is no account %q", account)); err != nil {
			return err
		}
		var owner string
		used, taken, err := a.record(ctx, licenseKeyOf(l.ID), &owner)
		if err != nil {
			return err
		}
		if taken && owner != account {
			return refuse(http.StatusUnprocessableEntity, "the licence is in use by another account")
		}
		acc.License = &l
		return a.cfg.Store.Commit(ctx, Transaction{If: []Entry{e, used},
			Put: []Entry{entry(accountKey(account), acc), entry(licenseKeyOf(l.ID), account)}})
	})
}

// maxTokens bounds the tokens of an account.
const maxTokens = 100

// Tokens lists an account's tokens by name. Those that have expired are listed
// until they are removed.
func (a *Accounts) Tokens(ctx context.Context, account string) ([]Token, error) {
	entries, err := a.cfg.Store.List(ctx, tokenNameKey(account, ""), "", maxTokens)
	if err != nil {
		return nil, fmt.Errorf("relay's records: %w", err)
	}
	var out []Token
	for _, e := range entries {
		var sum string
		if err := json.Unmarshal(e.Value, &sum); err != nil {
			return nil, fmt.Errorf("the record %s is damaged: %w", e.Key, err)
		}
		var t Token
		_, ok, err := a.record(ctx, "token/"+sum, &t)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, t)
		}
	}
	return out, nil
}

// CreateToken makes a token for so many days, -1 for ever, and returns it; it is
// not shown again.
func (a *Accounts) CreateToken(ctx context.Context, account, name string, days int) (Token, string, error) {
	t := Token{Account: account, Name: name}
	if _, err := a.Account(ctx, account); err != nil {
		return t, "", err
	}
	if !tokenName(name) || name == "." || name == ".." { // which no address could name (RFC 3986, section 5.2.4)
		return t, "", refuse(http.StatusUnprocessableEntity, "name: 1 to 64 of a-z, 0-9, - and ., and not . or .. alone")
	}
	if days != -1 && (days < 1 || days > 365) {
		return t, "", refuse(http.StatusUnprocessableEntity, "expires: 1 to 365 days, or -1 for never")
	}
	if days > 0 {
		t.Expires = a.cfg.Now().UTC().Truncate(time.Second).AddDate(0, 0, days)
	}
	have, err := a.cfg.Store.List(ctx, tokenNameKey(account, ""), "", maxTokens)
	if err != nil {
		return t, "", fmt.Errorf("relay's records: %w", err)
	}
	if len(have) >= maxTokens {
		return t, "", refuse(http.StatusConflict, "the account has %d tokens; remove some first", maxTokens)
	}
	token := newToken()
	err = a.cfg.Store.Commit(ctx, Transaction{If: []Entry{{Key: tokenNameKey(account, name)}},
		Put: []Entry{entry(tokenKey(token), t), entry(tokenNameKey(account, name), hash(token))}})
	if errors.Is(err, ErrConflict) {
		return t, "", refuse(http.StatusConflict, "the name %q is taken", name)
	}
	return t, token, err
}

func tokenName(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
	})
}

// RemoveToken removes a token by its name. It opens nothing from then on.
func (a *Accounts) RemoveToken(ctx context.Context, account, name string) error {
	missing := refuse(http.StatusNotFound, "there is no token of that name")
	if !tokenName(name) {
		return missing
	}
	return retry(func() error {
		var sum string
		e, ok, err := a.record(ctx, tokenNameKey(account, name), &sum)
		if err != nil {
			return err
		}
		if !ok {
			return missing
		}
		return a.cfg.Store.Commit(ctx, Transaction{If: []Entry{e}, Delete: []string{e.Key, "token/" + sum}})
	})
}
